"""Real recordings: what chosen processes of this machine execute and connect to, by the kernel's audit system.

Only processes with the audit login id that is asked for are recorded (`-F auid=`), so that nothing else that happens on
the machine gets in. Rules, daemon and the kernel's switches are put back as they were, whatever happens.
"""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.running_meanwhile import end

_LOCK = Path(tempfile.gettempdir(), "exfilwatch-auditd.lock")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SYSTEM_CALLS = {"exec": "execve,execveat", "net": "connect"}
_CONFIG = """\
local_events = yes
write_logs = no
log_format = ENRICHED
name_format = user
name = {node}
space_left = 2
space_left_action = IGNORE
admin_space_left = 1
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
"""
_TURN = 300  # seconds to wait for another recording: the longest takes two minutes on a busy machine
NO_LOGIN = 97  # exit status of a session whose login id the kernel refuses
# As a login does it: the id is set once, by the process itself, and every child inherits it. Builtins only: neither
# this shell nor its steps are recorded. bash, because dash knows no file descriptor above 9.
_LOGIN = (
    'echo "$0" > /proc/self/loginuid || exit {refused}; read -r session < /proc/self/sessionid; '
    'echo "$session" >&{session}; exec "$@" {session}>&-'
)


class AuditError(Exception):
    """No recording is possible here, in one line; `curable` when more rights or a package would help."""

    def __init__(self, why: str, *, curable: bool) -> None:
        super().__init__(why)
        self.curable = curable


def login(auid: int, command: Sequence[str], session: int) -> list[str]:
    """`command` as a login session of its own; its number is written to the file descriptor `session`."""
    return ["/bin/bash", "-c", _LOGIN.format(refused=NO_LOGIN, session=session), str(auid), *command]


def run_in_session(auid: int, command: Sequence[str]) -> None:
    """Run `command` to its end as a login session of its own, without input. Raises AuditError."""
    with Path(os.devnull).open("wb") as nowhere:
        done = subprocess.run(
            login(auid, command, nowhere.fileno()),
            env={"PATH": PATH},
            pass_fds=[nowhere.fileno()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=15,
        )
    if done.returncode == NO_LOGIN:
        raise AuditError("the kernel lets nobody set an audit login id here", curable=False)
    assert done.returncode == 0, done.stderr


@contextmanager
def recording(folder: Path, node: str, auids: Sequence[int]) -> Iterator[Path]:
    """Records until the block ends; gives the file, which is complete only then. Raises AuditError."""
    if os.geteuid() != 0:
        raise AuditError("recording needs root", curable=True)
    _installed()
    with ExitStack() as cleanup:
        cleanup.enter_context(_locked())
        status = _status()
        if status["pid"]:
            raise AuditError(f"this machine's own audit daemon is running (pid {status['pid']})", curable=False)
        if status["enabled"] == 2:
            raise AuditError("the audit rules of this machine are locked until it reboots (enabled 2)", curable=False)
        log = folder / "audit.log"
        daemon = cleanup.enter_context(_daemon(folder, node, log))
        cleanup.callback(_auditctl, "-e", str(status["enabled"]))
        cleanup.callback(_auditctl, "-b", str(status["backlog_limit"]))
        _auditctl("-e", "1")
        _auditctl("-b", "8192")
        for auid in auids:
            for key, calls in _SYSTEM_CALLS.items():
                rule = ("always,exit", "-F", "arch=b64", "-S", calls, "-F", f"auid={auid}", "-k", key)
                _auditctl("-a", *rule)
                cleanup.callback(_auditctl, "-d", *rule)
        yield log
        _drained(log, daemon)


def _installed() -> None:
    """Installs Debian's auditd where it is missing."""
    if shutil.which("auditd", path=PATH) and shutil.which("auditctl", path=PATH):
        return
    apt = shutil.which("apt-get", path=PATH)
    if apt is None:
        raise AuditError("auditd is not installed, and there is no apt-get to install it with", curable=True)
    environment = {"PATH": PATH, "DEBIAN_FRONTEND": "noninteractive"} | {
        name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")
    }
    wait = "-oDPkg::Lock::Timeout=60"
    result = None
    for steps in (["update", "-qq"], ["install", "-qq", "--yes", "--no-install-recommends", "auditd"]):
        try:
            result = subprocess.run(
                [apt, wait, *steps], env=environment, capture_output=True, text=True, check=False, timeout=90
            )
        except subprocess.TimeoutExpired:
            raise AuditError(f"auditd is missing, and apt-get {steps[0]} took too long", curable=True) from None
    if shutil.which("auditd", path=PATH) is None:
        said = (result.stderr.strip().splitlines() if result else []) or ["nothing"]
        raise AuditError(f"auditd is missing, and apt-get could not install it: {said[-1]}", curable=True)


@contextmanager
def _locked() -> Iterator[None]:
    """One recording at a time: the kernel knows one daemon."""
    with _LOCK.open("w") as file:
        for _ in range(_TURN * 10):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.1)
        else:
            raise AuditError(f"another recording has been running for {_TURN} seconds", curable=False)
        yield


def _auditctl(*arguments: str) -> str:
    """Raises AuditError with the kernel's answer when it refuses."""
    result = subprocess.run(
        ["auditctl", *arguments],
        env={"PATH": PATH},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    if result.returncode:
        said = (result.stderr or result.stdout).strip().splitlines() or [f"exit status {result.returncode}"]
        raise AuditError(f"the kernel refuses audit here: auditctl {arguments[0]}: {said[-1]}", curable=False)
    return result.stdout


def _status() -> dict[str, int]:
    found = {name: int(number) for name, number in re.findall(r"(?m)^(\w+) (\d+)", _auditctl("-s"))}
    if not found.keys() >= {"enabled", "pid", "backlog", "backlog_limit"}:
        raise AuditError("the kernel refuses audit here: auditctl -s says nothing", curable=False)
    return found


@contextmanager
def _daemon(folder: Path, node: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """auditd in the foreground, which prints what it records. Ended by its own process id."""
    settings = folder / "auditd"
    settings.mkdir(mode=0o700)
    (settings / "auditd.conf").write_text(_CONFIG.format(node=node))
    (settings / "auditd.conf").chmod(0o640)
    messages = folder / "auditd.err"
    with log.open("wb") as out, messages.open("wb") as err:
        daemon = subprocess.Popen(
            ["auditd", "-f", "-c", str(settings)], env={"PATH": PATH}, stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
    try:
        for _ in range(100):
            if b"listening for events" in messages.read_bytes():
                break
            if daemon.poll() is not None:
                said = messages.read_text(errors="replace").strip().splitlines()[-2:]
                raise AuditError(f"auditd does not start here: {' '.join(said)}", curable=False)
            time.sleep(0.05)
        else:
            raise AuditError("auditd was not ready after 5 seconds", curable=False)
        yield daemon
    finally:
        end(daemon)


def _drained(log: Path, daemon: subprocess.Popen[bytes]) -> None:
    """Waits until the daemon has written what the kernel holds: no backlog, and a file that no longer grows."""
    size = -1
    for _ in range(50):
        time.sleep(0.1)
        now = log.stat().st_size
        if daemon.poll() is not None or (now == size and _status()["backlog"] == 0):
            break
        size = now
