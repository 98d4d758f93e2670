"""What scripts rely on: exit codes, quiet endings, one clear message."""

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import IO, Any

import pytest

from exfilwatch_playbooks.cli import detect

from .program import COMMAND, called, environment, inside, started
from .telemetry import BITSADMIN, harmless, process, write


def test_no_finding_is_no_failure(tmp_path: Path) -> None:
    ended = called("detect", write(tmp_path / "day.jsonl", harmless()))
    assert (ended.code, ended.out) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["detect"], "Missing argument"),
        (["detect", "x", "--colour"], "No such option"),
        (["detect", "x", "--output", "xml"], "xml"),
        (["detect", "x", "--fail-on", "severe"], "severe"),
        (["detect", "x", "--rules", "nope"], "error: nope: there is neither a rule pack (exfil, seed) nor"),
        (["detect", "x", "--since", "yesterday"], "error: --since 'yesterday' is no time"),
        (["detect", "x", "--since", "2026-02-30"], "error: --since '2026-02-30' is no time"),
        (["detect", "x", "--since", "1h", "--until", "2h"], "error: --since is not before --until"),
        (["explain"], "error: give either PATH, or --id"),
        (["explain", "x", "--id", "3fa9"], "error: give either PATH, or --id"),
        (["findings", "list"], "error: "),
        (["findings", "list", "--limit", "0"], "--limit"),
        (["cases", "show", "1"], "there is no such database yet"),
        (["rules", "show", "nope"], "error: no rule is called 'nope'"),
        (["nonsense"], "No such command"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(arguments: list[str], said: str, capsys: Any) -> None:
    ended = inside(capsys, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_bad_rules_end_with_2_and_name_file_line_and_part(logs: Path, tmp_path: Path, capsys: Any) -> None:
    bad = tmp_path / "bad.yml"
    bad.write_text(
        "title: Bad\nlogsource: {category: process_creation}\ndetection:\n  a: {Image|nonsense: x}\n  condition: a\n"
    )
    ended = inside(capsys, "detect", logs, "--rules", bad)
    assert (ended.code, ended.out) == (2, "")
    assert f"{bad}:" in ended.err
    assert "nonsense" in ended.err


def test_a_missing_file_costs_only_itself(logs: Path, tmp_path: Path, capsys: Any) -> None:
    ended = inside(capsys, "detect", tmp_path / "gone.jsonl", logs)
    assert ended.code == 3
    assert len(ended.lines) == 1
    assert f"{tmp_path / 'gone.jsonl'}: no such file or directory" in ended.err


@pytest.mark.parametrize("rest", ["", '{"EventID": 1, "Ima'])
def test_unreadable_input_alone_ends_with_3_too(rest: str, tmp_path: Path, capsys: Any) -> None:
    logs = tmp_path / "cut.jsonl"
    if rest:
        logs.write_text(rest)
    assert inside(capsys, "detect", logs).code == 3


@pytest.mark.parametrize(("level", "code"), [("low", 4), ("high", 4), ("critical", 0)])
def test_fail_on_ends_with_4_from_that_level_on(level: str, code: int, logs: Path, capsys: Any) -> None:
    ended = inside(capsys, "detect", logs, "--fail-on", level)
    assert (ended.code, len(ended.lines)) == (code, 1)


def test_findings_weigh_more_than_unreadable_input(logs: Path, tmp_path: Path, capsys: Any) -> None:
    assert inside(capsys, "detect", tmp_path / "gone", logs, "--fail-on", "high").code == 4
    assert inside(capsys, "detect", tmp_path / "gone", logs, "--fail-on", "critical").code == 3


def test_a_bug_is_one_line_and_the_traceback_only_on_request(logs: Path, capsys: Any, monkeypatch: Any) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(detect, "detections", broken)
    ended = inside(capsys, "detect", logs)
    assert ended.code == 1
    assert ended.err.startswith("error: internal error, please report it: ZeroDivisionError: oops")
    assert ended.err.count("\n") == 1
    monkeypatch.setenv("EXFILWATCH_DEBUG", "1")
    assert "Traceback" in inside(capsys, "detect", logs).err


def test_whoever_closes_the_output_early_hears_nothing(tmp_path: Path) -> None:
    logs = write(tmp_path / "many.jsonl", *(process(BITSADMIN, second=second) for second in range(2000)))
    with started("detect", logs) as process_:
        assert process_.stdout is not None
        assert json.loads(process_.stdout.readline())["host"] == "WS-07"
        process_.stdout.close()
        assert process_.stderr is not None
        assert process_.stderr.read() == b""
    assert process_.returncode == 141


@pytest.mark.parametrize("arguments", [["--help"], ["detect", "--help"], ["rules", "list"]])
def test_output_closed_before_anything_is_written_is_quiet(arguments: list[str]) -> None:
    read, write_end = os.pipe()
    os.close(read)
    with started(*arguments, stdout=write_end) as process_:
        os.close(write_end)
        assert process_.stderr is not None
        assert process_.stderr.read() == b""
    assert process_.returncode == 141


def unread(pipe: IO[bytes]) -> int:
    """Bytes in a pipe that its reader has not taken yet; while there are some, the program may still be starting."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_is_quiet_and_leaves_nothing_behind(number: int, code: int, tmp_path: Path) -> None:
    with started("detect", "-", stdin=subprocess.PIPE, env=environment(TMPDIR=str(tmp_path))) as process_:
        assert process_.stdin is not None
        assert process_.stdout is not None
        process_.stdin.write(json.dumps(process(BITSADMIN)).encode() + b"\n")
        process_.stdin.flush()
        while unread(process_.stdin):
            time.sleep(0.02)
        process_.send_signal(number)
        said = process_.stderr.read() if process_.stderr else b""
        process_.stdin.close()
    assert (process_.returncode, said) == (code, b"")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("form", ["jsonl", "csv", "table"])
def test_a_full_disk_under_the_output_is_one_clear_message(form: str, logs: Path) -> None:
    with Path("/dev/full").open("wb") as full, started("detect", logs, "--output", form, stdout=full) as process_:
        assert process_.stderr is not None
        said = process_.stderr.read().decode()
    assert process_.returncode == 1
    assert "error: can't write the output: No space left on device" in said
    assert "Traceback" not in said
    assert "Exception ignored" not in said


def test_a_full_disk_under_temporary_files_is_no_fault_of_the_input(logs: Path) -> None:
    text = logs.read_bytes() + b"{}\n" * 100_000
    command = ["sh", "-c", 'ulimit -f 8; exec "$@"', "sh", *COMMAND, "detect", "-"]
    done = subprocess.run(command, input=text, capture_output=True, env=environment(), check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: the temporary directory")
    assert b"set TMPDIR" in done.stderr


@pytest.mark.parametrize(
    ("closed", "path", "code", "out", "err"),
    [
        (">&-", "logs", 2, 0, b"error: standard output is closed"),
        ("<&-", "-", 2, 0, b"error: standard input is closed"),
        ("<&-", "logs", 0, 1, b"1 finding"),
        ("2>&-", "logs", 0, 1, b""),
    ],
)
def test_a_closed_stream_is_a_clear_message_or_no_trouble(
    closed: str, path: str, code: int, out: int, err: bytes, logs: Path
) -> None:
    command = " ".join([*COMMAND, "detect", str(logs) if path == "logs" else path, "--output", "jsonl", closed])
    done = subprocess.run(["sh", "-c", command], capture_output=True, env=environment(), check=False)
    assert done.returncode == code
    assert done.stdout.count(b"\n") == out
    assert err in done.stderr
    assert b"internal error" not in done.stderr


@pytest.mark.parametrize("command", ["demo", "detect", "explain"])
def test_a_terminal_that_lacks_characters_gets_them_spelled_out(command: str, tmp_path: Path) -> None:
    logs = write(tmp_path / "logs.jsonl", process(BITSADMIN + " a" * 400, User=r"CORP\żółć"))
    arguments = [] if command == "demo" else [logs, "--output", "table"]
    ended = called(command, *arguments, env={"PYTHONIOENCODING": "ascii"})
    assert (ended.code, "internal error" in ended.err) == (0, False)
    assert command == "demo" or "\\u017c" in ended.out


def test_the_version_is_printed() -> None:
    ended = called("--version")
    assert (ended.code, ended.out.split()[0]) == (0, "exfilwatch")


COMMANDS = [
    "detect", "explain", "run", "demo", "rules list", "rules show", "rules check", "rules test",
    "findings list", "findings show", "cases list", "cases show",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(command: str, capsys: Any) -> None:
    ended = inside(capsys, *command.split(), "--help")
    assert ended.code == 0
    assert f"$ exfilwatch {command.split()[0]}" in ended.out
    assert "\\[" not in ended.out


def test_the_installed_script_and_the_module_are_the_same_command() -> None:
    script = Path(sys.executable).with_name("exfilwatch")
    if not script.exists():
        pytest.skip("exfilwatch is not installed beside this Python")
    done = subprocess.run([script, "--version"], capture_output=True, check=True)
    assert done.stdout.decode() == called("--version").out


def test_starting_detect_loads_nothing_heavy(logs: Path) -> None:
    program = (
        "import sys; from exfilwatch_playbooks.cli.boundary import run; "
        f"run(['detect', {str(logs)!r}, '-r', 'seed', '-o', 'jsonl']); "
        "print(*{'rich', 'sqlalchemy', 'pydantic_settings', 'exfilwatch.findings.finding'} & set(sys.modules), "
        "file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, env=environment(), check=True)
    assert done.stderr.decode().splitlines()[-1] == ""
