"""How a recording is planned and cleaned, and what is said where none is possible."""

import random
import shutil
from pathlib import Path

import pytest

from . import audit
from .record_auditd import Step, leaks, planned, read_day, scrubbed

RECORDED = b"""\
node=n type=SYSCALL msg=audit(1000.500:7): success=yes pid=5 ses=3\x1dUID="unknown(1001)"
node=n type=PATH msg=audit(1000.500:7): item=0 name="/bin/ls" inode=9 dev=fe:00
node=n type=PROCTITLE msg=audit(1000.500:7): proctitle=6C73
node=n type=SYSCALL msg=audit(1000.700:8): arch=c000003e syscall=59 success=yes pid=6 auid=1001 ses=99 key="exec"
node=n type=PROCTITLE msg=audit(1000.700:8): proctitle=6C73
node=n type=LOGIN msg=audit(1000.800:9): pid=5 ses=3 res=1
node=n type=SYSCALL msg=audit(1000.800:9): syscall=1 success=yes pid=5 ses=3 exe="/opt/python"
node=n type=SYSCALL msg=audit(1001.250:10): arch=c000003e syscall=59 success=yes pid=7 auid=1001 ses=3 key="exec"
"""


def clean() -> list[bytes]:
    return list(scrubbed(RECORDED, [(1000.490, 9000.0), (1001.200, 9600.0)], {3}, {1001: "marta"}))


def test_records_move_with_the_step_that_they_belong_to() -> None:
    assert [line.partition(b"msg=")[2].partition(b":")[0] for line in clean()] == [
        b"audit(9000.010",
        b"audit(9000.010",
        b"audit(9000.010",
        b"audit(9600.050",
    ]


def test_only_own_sessions_are_kept_and_no_login_of_the_recorder() -> None:
    assert {line.partition(b":")[2].partition(b")")[0] for line in clean()} == {b"7", b"10"}


def test_users_get_their_names() -> None:
    assert b'UID="marta"' in clean()[0]


def test_a_name_of_this_machine_is_noticed_in_hexadecimal_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "secret7")

    assert leaks(b"proctitle=" + b"ssh\0secret7\0-v".hex().upper().encode()) == ["secret7"]
    assert leaks(b'exe="/usr/bin/secret77"') == []


def test_an_hour_is_planned_in_order_with_room_for_each_step() -> None:
    steps = planned(read_day(), random.Random(4))

    assert steps == sorted(steps)
    assert len(steps) > 100
    assert steps[-1].at - steps[0].at < 3600
    assert all(isinstance(step, Step) and step.line for step in steps)


def test_without_root_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    with pytest.raises(audit.AuditError, match="needs root") as error, audit.recording(tmp_path, "n", [1]):
        pass
    assert error.value.curable


def test_without_auditd_and_without_apt_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda *_args, **_kwargs: None)

    with pytest.raises(audit.AuditError, match="no apt-get") as error, audit.recording(tmp_path, "n", [1]):
        pass
    assert error.value.curable
