"""Each transfer, really done and recorded by auditd: uploads are found, downloads and local look-alikes are not."""

import fcntl
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from ..servers.unavailable import Unavailable, leave_out  # noqa: TID252 (tests are no package on the path)
from .catalogue import Case, cases
from .forms import FORMS
from .found import Finding, findings, listed, wrong
from .running import Outcome

_ROOT = Path(__file__).parents[2]
_REQUIRED = os.environ.get("EXFILWATCH_REQUIRE_SERVERS") == "1"
_PATIENCE = 1800  # seconds, with the installation of all the programs
_LISTED = listed()


class Recorded(msgspec.Struct):
    """What came of each case, by its name, and what the pack finds, by the case's host."""

    outcomes: dict[str, Outcome]
    found: dict[str, list[Finding]]


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded | str:
    """One recording for all tests and all workers; else why there is none here."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    kept, refused = folder / "transfers.json", folder / "transfers.refused"
    with (folder / "transfers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists() and not refused.exists():
            log = folder / "transfers.log"
            command = [sys.executable, "-m", "tests.transfers", "--record", str(log)]
            command += ["--install"] if _REQUIRED else []
            done = subprocess.run(
                command, cwd=_ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE,
                check=False,
            )  # fmt: skip
            if done.returncode == 3:
                refused.write_text(done.stderr.strip())
            else:
                assert done.returncode == 0, done.stderr
                outcomes = msgspec.json.decode(Path(f"{log}.json").read_bytes(), type=dict[str, Outcome])
                kept.write_bytes(msgspec.json.encode(Recorded(outcomes, findings(log, outcomes))))
    return refused.read_text() if refused.exists() else msgspec.json.decode(kept.read_bytes(), type=Recorded)


def _done(recorded: Recorded | str, case: Case) -> list[Finding]:
    """What is found of a case that did what it is for; skips the test where it could not be done here."""
    if isinstance(recorded, str):
        if recorded.startswith("curable"):
            leave_out(Unavailable(recorded))
        pytest.skip(recorded)
    outcome = recorded.outcomes[case.name]
    if outcome.absent:
        leave_out(Unavailable(f"needs {', '.join(outcome.absent)}"))
    assert outcome.worked, outcome.said
    return recorded.found.get(outcome.host, [])


def _each(kind: str) -> pytest.MarkDecorator:
    chosen = [case for case in cases() if case.kind == kind]
    return pytest.mark.parametrize("case", chosen, ids=[case.name for case in chosen])


@pytest.mark.live
@pytest.mark.slow
@_each("upload")
def test_an_upload_is_found(recorded: Recorded | str, case: Case) -> None:
    why = wrong(case.kind, _done(recorded, case))
    if case.name in _LISTED["missed"]:
        assert why, "it is found now: take it off missed.yml"
        pytest.xfail(why)
    assert why == "", case.run


@pytest.mark.live
@pytest.mark.slow
@_each("harmless")
def test_what_sends_nothing_is_never_above_low(recorded: Recorded | str, case: Case) -> None:
    why = wrong(case.kind, _done(recorded, case))
    if case.name in _LISTED["loud"]:
        assert why, "it is quiet now: take it off missed.yml"
        pytest.xfail(why)
    assert why == "", case.run


def test_there_are_many_and_each_upload_is_disguised() -> None:
    plain = {kind: [case for case in cases() if case.kind == kind and not case.form] for kind in ("upload", "harmless")}
    assert len(plain["upload"]) >= 100
    assert len(plain["harmless"]) >= 100
    forms = Counter((case.tool, case.what) for case in cases() if case.kind == "upload" and case.form)
    few = [case.name for case in plain["upload"] if forms[case.tool, case.what] < 3 and not case.family.slow]
    assert few == []
    assert {case.form for case in cases()} == {"", *FORMS}


def test_names_are_unique_and_listed_ones_exist() -> None:
    names = [case.name for case in cases()]
    assert len(set(names)) == len(names)
    assert _LISTED["missed"] | _LISTED["loud"] <= set(names)
