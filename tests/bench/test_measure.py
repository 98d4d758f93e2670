"""The benchmark measures the program, and not itself."""

import json
import sys
from pathlib import Path

import pytest

from .measure import Command, CommandError, run
from .sections import same_findings

SPIN = "import time\nwhile time.process_time() < 0.3: pass"


def test_memory_is_the_measured_programs_and_not_that_of_the_process_that_measures() -> None:
    ballast = b"x" * 150_000_000
    assert run(Command((sys.executable, "-c", "pass"))).peak < 60
    assert run(Command((sys.executable, "-c", "b'x' * 100_000_000"))).peak > 100
    del ballast


def test_cpu_counts_the_children_of_the_program_too() -> None:
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SPIN!r}])"
    assert run(Command((sys.executable, "-c", parent))).cpu > 0.3


def test_a_program_that_fails_is_not_measured_but_reported_with_its_last_words() -> None:
    with pytest.raises(CommandError, match=r"exit code 2(.|\n)*no such rule"):
        run(Command((sys.executable, "-c", "import sys; print('no such rule', file=sys.stderr); sys.exit(2)")))


@pytest.mark.parametrize(
    ("printed", "passed"),
    [
        ([("transfer_tool", [3]), ("archive_then_network", [9, 4])], True),
        ([("transfer_tool", [3])], False),
        ([("transfer_tool", [3]), ("archive_then_network", [4, 9]), ("transfer_tool", [5])], False),
        ([("transfer_tool", [3]), ("archive_then_network", [4, 9]), ("transfer_tool", [3])], False),
    ],
    ids=["the same", "one missed", "one too many", "one twice"],
)
def test_findings_pass_only_when_exactly_the_expected_ones_were_printed_once(
    tmp_path: Path, printed: list[tuple[str, list[int]]], passed: bool
) -> None:
    out = tmp_path / "findings.jsonl"
    findings = [{"rule": {"branch": branch}, "events": [{"line": n} for n in lines]} for branch, lines in printed]
    out.write_text("".join(json.dumps(finding) + "\n" for finding in findings), encoding="utf-8")
    wanted = {("transfer_tool", (3,)), ("archive_then_network", (4, 9))}
    assert same_findings("flat", Command((), stdout=out), wanted).passed is passed
