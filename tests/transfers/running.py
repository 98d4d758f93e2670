"""All cases really done, each in a login session of its own that auditd records, and what came of each."""

import os
import re
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import msgspec

from ..demo.audit import NO_LOGIN, AuditError, login, recording  # noqa: TID252 (tests are no package on the path)
from .catalogue import Case
from .forms import FROM_A_FILE
from .packages import missing
from .servers import datagrams, programs, streams, talks, web
from .servers.place import Place, tokens

ABROAD = "93.184.216.34"
"""A public address. Nothing is ever sent there: records are rewritten as if the other side had been there."""
TOKEN = re.compile(rb"tok[0-9a-f]{16}")
_AT_ONCE = 3
_PATIENCE = 30  # seconds for one case
_NODE = "transfers"
_SETTLES = 5  # seconds in which servers have written what was sent


class Outcome(msgspec.Struct, frozen=True):
    """What came of a case. `host` is its name in the log; `absent` programs kept it from being run.

    `worked`: what it sends arrived, what it fetches is here, or it ended well; else `said` is what it printed.
    `scripts`: the line that was run, and the same with ABROAD as the other side.
    """

    host: str = ""
    absent: list[str] = []
    worked: bool = False
    said: str = ""
    seconds: float = 0.0
    scripts: tuple[str, str] = ("", "")


class _Run(NamedTuple):
    case: Case
    token: str
    room: Path
    scripts: tuple[str, str]
    session: int
    status: int
    said: str
    seconds: float


def record(cases: Sequence[Case], log: Path) -> dict[str, Outcome]:
    """Runs the cases, writes the audit log of them all, each as a host of its own, to `log`. Raises AuditError."""
    gone = set(missing(program for case in cases for program in case.programs))
    can = [case for case in cases if not gone.intersection(case.programs)]
    hosts = {case.name: f"case-{number}" for number, case in enumerate(cases, 1)}
    outcomes = {
        case.name: Outcome(hosts[case.name], sorted(gone.intersection(case.programs)))
        for case in cases
        if case not in can
    }
    if lacking := missing(["git", "openssl"]):
        raise AuditError(f"the servers need {' and '.join(lacking)}", curable=True)
    # auditd wants no path that others may write to, which pytest's own folders can be
    with tempfile.TemporaryDirectory(prefix="exfilwatch-") as name, ExitStack() as stack:
        folder = Path(name)
        place = Place(folder)
        auid = 1_900_000_000 + os.getpid()
        alone = Lock()

        def run(case: Case) -> _Run:
            with alone if case.family.alone else nullcontext():
                return _run(case, auid, folder, place, places)

        recorded = stack.enter_context(recording(folder, _NODE, [auid]))
        with _servers(folder, place) as places, ThreadPoolExecutor(_AT_ONCE) as pool:
            judged = _judged(runs := list(pool.map(run, can)), place)
            again = [each for each in runs if not judged[each.case.name].worked]  # a busy machine is no defect
            judged |= _judged(repeated := [run(each.case) for each in again], place)
        stack.close()  # the log is complete only now
        sessions = {each.session: hosts[each.case.name] for each in runs + repeated if each not in again}
        log.write_bytes(b"".join(_told_apart(recorded.read_bytes(), sessions)))
    return outcomes | {name: msgspec.structs.replace(each, host=hosts[name]) for name, each in judged.items()}


@contextmanager
def _servers(folder: Path, place: Place) -> Iterator[dict[str, str]]:
    """All servers run; what stands for their ports."""
    own = folder / "servers"
    own.mkdir()
    pem = own / "server.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", *subject]
    subprocess.run([*made, "-keyout", own / "key.pem", "-out", pem], check=True, capture_output=True)
    with pem.open("a") as file:
        file.write((own / "key.pem").read_text())
    with ExitStack() as stack:
        ports = {
            "http": stack.enter_context(web.serving(place)),
            "https": stack.enter_context(web.serving(place, pem)),
            "tcp": stack.enter_context(streams.serving(streams.taking(place))),
            "tls": stack.enter_context(streams.serving(streams.taking(place), pem)),
            "give": stack.enter_context(streams.serving(streams.giving(place))),
            "givetls": stack.enter_context(streams.serving(streams.giving(place), pem)),
            "ftp": stack.enter_context(streams.serving(talks.ftp(place))),
            "smtp": stack.enter_context(streams.serving(talks.smtp(place))),
            "whois": stack.enter_context(streams.serving(talks.whois(place))),
            "udp": stack.enter_context(datagrams.serving(datagrams.anything(place))),
            "dns": stack.enter_context(datagrams.serving(datagrams.dns(place))),
            "tftp": stack.enter_context(datagrams.serving(datagrams.tftp(place))),
        }
        stack.enter_context(datagrams.serving(datagrams.echo_requests(place), icmp=True))
        yield {name: str(port) for name, port in ports.items()} | stack.enter_context(programs.running(own, place))


def _run(case: Case, auid: int, folder: Path, place: Place, places: Mapping[str, str]) -> _Run:
    """One case in a room of its own, whose files all hold its token."""
    token = f"tok{secrets.token_hex(8)}"
    room = folder / token
    filled = {**places, **_furnished(room, token, case, place)}
    script = case.script(filled)
    command = ["/bin/bash", "-c", script]
    if case.form == FROM_A_FILE:
        (room / "run.sh").write_text(f"{script}\n")
        command = ["/bin/bash", "run.sh"]
    # some programs look for the home of the account instead: nothing of theirs is to be left there
    homes = {"HOME": str(room), "NCFTPDIR": str(room)}
    environment = {"PATH": programs.PATH, "LC_ALL": "C.UTF-8", "TERM": "dumb"} | homes
    read, write = os.pipe()
    begun = time.monotonic()
    with os.fdopen(read) as number, subprocess.Popen(
        login(auid, command, write),
        cwd=room, env=environment, pass_fds=[write], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(write)
        try:
            said, _ = process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            said, _ = process.communicate()
        session = int(number.readline() or -1)
    if process.returncode == NO_LOGIN and session == -1:
        raise AuditError("the kernel lets nobody set an audit login id here", curable=False)
    text = said.decode(errors="replace")
    scripts = script, case.script(filled, ABROAD)
    return _Run(case, token, room, scripts, session, process.returncode, text, time.monotonic() - begun)


def _furnished(room: Path, token: str, case: Case, place: Place) -> dict[str, str]:
    """The files of a case, and what stands for them."""
    text = "".join(f"{token},customer {n},{n * 37 % 1000}\n" for n in range(40))
    documents = room / "documents"
    documents.mkdir(parents=True)
    names = {
        "token": token, "room": str(room), "folder": str(documents), "file": str(room / "customers.csv"),
        "tar": str(room / "documents.tar"), "drop": str(place.arrived / token), "stock": str(place.stock),
        "fetch": f"{token}.csv", "fetch_tar": f"{token}.tar", "bare": f"arrived/{token}/r.git",
        "root": str(room.parent), "free": str(programs.free_port()),
    }  # fmt: skip
    (place.arrived / token).mkdir()
    if "{{bare}}" in case.run:
        subprocess.run(["git", "init", "-q", "--bare", place.arrived / token / "r.git"], check=True)
    if case.family.fetches:
        stocked = place.stock / f"{token}.csv"
        stocked.write_text(text)
        subprocess.run(["tar", "cf", place.stock / f"{token}.tar", "-C", place.stock, stocked.name], check=True)
    else:
        (room / "customers.csv").write_text(text)
        for name in ("offer", "minutes"):
            (documents / f"{name}.txt").write_text(text)
        subprocess.run(["tar", "cf", room / "documents.tar", "-C", room, "documents"], check=True)
    return names


def _judged(runs: Sequence[_Run], place: Place) -> dict[str, Outcome]:
    """Whether each case did what it is for."""
    until = time.monotonic() + _SETTLES
    sent = {run.token for run in runs if run.case.kind == "upload" and run.case.family.arrives == "content"}
    read: dict[Path, int] = {}
    arrived = tokens(place.arrived, TOKEN, read)
    while sent - arrived and time.monotonic() < until:
        time.sleep(0.1)
        arrived |= tokens(place.arrived, TOKEN, read)
    judged = {}
    for run in runs:
        family = run.case.family
        if run.case.kind == "upload" and family.arrives == "size":
            files = (place.arrived / run.token).rglob("*")
            worked = sum(file.stat().st_size for file in files if file.is_file()) > 2000
        elif run.case.kind == "upload":
            worked = run.token in arrived
        elif family.fetches:
            worked = run.token in run.said or run.token in tokens(run.room, TOKEN, {})
        else:
            worked = run.status == 0
        said = "" if worked else f"status {run.status}: {run.said[-1000:]}"
        judged[run.case.name] = Outcome(worked=worked, said=said, seconds=round(run.seconds, 2), scripts=run.scripts)
    return judged


_RECORD = re.compile(rb"node=\S+ (type=(\S+) msg=audit\(([\d.]+:\d+)\).*)")
_SESSION = re.compile(rb" ses=(\d+)")


def _told_apart(log: bytes, sessions: Mapping[int, str]) -> Iterator[bytes]:
    """The records of the sessions, each with its host as node."""
    records = [found for line in log.splitlines() if (found := _RECORD.fullmatch(line))]
    of = {found[3]: int(session[1]) for found in records if (session := _SESSION.search(found[1]))}
    for found in records:
        if host := sessions.get(of.get(found[3], -1)):
            yield b"node=" + host.encode() + b" " + found[1] + b"\n"
