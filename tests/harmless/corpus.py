"""The harmless command lines: daily work, written from how the tools document their options.

`SYSTEM/*.yml` is a list of groups. `from` says which documentation or product the lines come from; `lines` is a text
with a command line on each of its lines, or a list where a command line has several. `image` is the program, or the
folder (it ends with a separator) of the program that a line's first word names; a full path there needs no image. A
blank in an unquoted path of a program is written with a backslash, which the record does not have. What stands in «» is
recorded in base64: on Windows of UTF-16LE, as PowerShell's -EncodedCommand takes it, elsewhere of UTF-8.
"""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from exfilwatch.packaged import read_yaml

from ..process_starts import Case, Started, System  # noqa: TID252 (tests are no package on the path)

FOLDER = Path(__file__).parent
_PARENT = {"windows": r"C:\Windows\System32\cmd.exe", "linux": "/usr/bin/bash", "macos": "/bin/zsh"}
_PROGRAMS = {"windows": "C:\\Windows\\System32\\", "linux": "/usr/bin/", "macos": "/usr/bin/"}
_USER = {"windows": r"CORP\anna", "linux": "anna", "macos": "anna"}
_FIRST_WORD = {"windows": re.compile(r'"[^"]+"|\S+'), "linux": re.compile(r"\S+"), "macos": re.compile(r"(\\ |\S)+")}
_ENCODED = re.compile("«([^»]*)»")


class Group(msgspec.Struct, forbid_unknown_fields=True, rename={"source": "from"}):
    """Lines with one origin."""

    source: str
    lines: str | list[str]
    image: str = ""
    parent: str = ""
    parent_line: str = ""
    user: str = ""


class Line(NamedTuple):
    """One command line, where it comes from, and its case."""

    source: str
    case: Case

    @property
    def text(self) -> str:
        return self.case.starts[0].command_line


def corpus(system: System, folder: Path = FOLDER) -> list[Line]:
    """All lines of a system, each on a host of its own. `folder`: that of another corpus of the same form."""
    found: list[Line] = []
    for path, group in _groups(system, folder):
        for text in group.lines.splitlines() if isinstance(group.lines, str) else group.lines:
            case = Case(f"{system}-{path.stem}-{len(found)}", system, (_started(text, group, system),))
            found.append(Line(group.source, case))
    return found


def started(line: str, system: System) -> Started:
    """The process of one line, whose program lies where the system has its own unless the line names its path."""
    return _started(line, Group("", line), system)


def _groups(system: System, folder: Path) -> Iterator[tuple[Path, Group]]:
    for path in sorted((folder / system).glob("*.yml")):
        for group in msgspec.convert(read_yaml(path.read_text("utf-8")), list[Group]):
            yield path, group


def _started(text: str, group: Group, system: System) -> Started:
    first = _FIRST_WORD[system].match(text)
    assert first, f"no program in {text!r}"
    program = first[0].replace(r"\ ", " ")
    encoding = "utf-16-le" if system == "windows" else "utf-8"
    rest = _ENCODED.sub(lambda plain: base64.b64encode(plain[1].encode(encoding)).decode(), text[first.end() :])
    return Started(
        image=_image(program.strip('"'), group.image or _PROGRAMS[system], system),
        command_line=program + rest,
        parent_image=group.parent or _PARENT[system],
        parent_command_line=group.parent_line,
        user=group.user or _USER[system],
    )


def _image(program: str, image: str, system: System) -> str:
    separator = "\\" if system == "windows" else "/"
    if not image.endswith(separator):
        return image
    if system == "windows" and not program.lower().endswith((".exe", ".com")):
        program += ".exe"
    return program if separator in program else image + program
