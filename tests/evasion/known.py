"""The cases: our own (cases.yml), and the public ones where they are on this machine."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from exfilwatch.packaged import read_yaml

from ..atomics.shared import Labelled, cases  # noqa: TID252 (tests are no package on the path)
from ..process_starts import Started, System  # noqa: TID252
from .cmd import CMD
from .hosts import HOSTS
from .line import Line, Shell, Transformation
from .obfuscators import BASHFUSCATOR, DOSFUSCATION, OBFUSCATION
from .posix import POSIX
from .posix_runners import RUNNERS
from .powershell import POWERSHELL
from .powershell_texts import TEXTS
from .program import PROGRAM

_NEAR = re.compile(r"\b(127\.\d|10\.\d|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|localhost\b)")
_BY_SHELL = {
    "posix": [*POSIX, *RUNNERS, *BASHFUSCATOR],
    "cmd": [*CMD, *DOSFUSCATION],
    "powershell": [*POWERSHELL, *TEXTS, *OBFUSCATION],
}
_FOLDER = {"windows": "C:\\Windows\\System32\\", "linux": "/usr/bin/", "macos": "/usr/bin/"}
_SCRIPT = re.compile(r"\S+ (?:-c|/c|-Command) (.*)", re.DOTALL)


class Own(msgspec.Struct, forbid_unknown_fields=True):
    """A case of cases.yml. `program`: the line is the start of one program, in this image where one is named."""

    name: str
    line: str
    system: System = "linux"
    shell: Shell = "posix"
    program: bool | str = False


class Known(NamedTuple):
    """A case that must be found: at low when it stays near, else at medium. `own`: of cases.yml."""

    name: str
    line: Line
    near: bool
    own: bool


class Variant(NamedTuple):
    """A case in another writing."""

    known: Known
    transformation: str
    started: Started


def known() -> list[Known]:
    text = Path(__file__).with_name("cases.yml").read_text("utf-8")
    own = msgspec.convert(read_yaml(text), list[Own])
    found = [Known(each.name, _own(each), bool(_NEAR.search(each.line)), True) for each in own]
    return found + [Known(each.case.host, _shared(each), each.near, False) for each in cases("exfil")]


def _own(case: Own) -> Line:
    first = case.line.split()[0]
    image = case.program if isinstance(case.program, str) else ""
    if case.program is True:
        ending = ".exe" if case.system == "windows" and not first.lower().endswith(".exe") else ""
        image = _FOLDER[case.system] + first + ending
    return Line(case.system, case.shell, case.line, image)


def _shared(labelled: Labelled) -> Line:
    """The line that was typed: of a shell its script, else the program's."""
    started, system = labelled.case.starts[0], labelled.case.system
    name = re.split(r"[\\/]", started.image)[-1].lower().removesuffix(".exe")
    text = started.command_line
    if name in ("powershell", "pwsh"):
        script = text.partition(" -Command ")[2] or text.partition(" ")[2].replace('\\"', '"')
        return Line(system, "powershell", script)
    script = _SCRIPT.fullmatch(text)
    if name == "cmd":
        return Line(system, "cmd", script[1].strip('"') if script else text)
    if name in ("sh", "bash") and script and script[1][0] not in "'\"":
        return Line(system, "posix", script[1])
    if system == "windows":
        return Line(system, "cmd", text, started.image)
    program, newline, more = text.partition("\n")
    if newline and program.split()[0] in ("ftp", "sftp"):
        return Line(system, "posix", f"{program} <<END\n{more}\nEND")
    return Line(system, "posix", text, "" if "<" in text or newline else started.image)


def variants(case: Known) -> Iterator[Variant]:
    """All that apply to a case, each once."""
    line = case.line
    seen: set[tuple[str, str]] = set()
    for kind, each in _applicable(line):
        started = each.of(line)
        if started is not None and (started.image, started.command_line) not in seen:
            seen.add((started.image, started.command_line))
            yield Variant(case, f"{kind}: {each.name}", started)


def _applicable(line: Line) -> Iterator[tuple[str, Transformation]]:
    for each in _BY_SHELL[line.shell]:
        yield line.shell, each
    for each in HOSTS:
        yield "host", each
    for each in PROGRAM if line.image else ():
        yield "program", each
