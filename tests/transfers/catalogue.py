"""What is transferred: uploads.yml and harmless.yml as cases, each also in forms that disguise it and keep its effect.

    TOOL:
      needs: [PROGRAM, ...]      beside the tool itself
      server: KIND               a server that is a program (ssh, smb, rsync, git, restic)
      bash: true                 the lines are bash's, not sh's
      by_name: true              the tool is no other's copy or link: it does what its name says
      slow: true                 one form is enough
      alone: true                never two of them at once: the server could not tell them apart
      arrives: size              what arrives is encrypted: its size is looked at, not its content
      runs:
        NAME: LINE               {{file}}, {{http}}, ... stand for what running.py fills in

In harmless.yml there is `fetches: true` beside that: afterwards what was fetched is in the case's folder or its output.
"""

import re
import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from exfilwatch.packaged import read_yaml

from .forms import FORMS, FROM_A_FILE, Plain

_FORMS: dict[Literal["upload", "harmless"], int] = {"upload": 3, "harmless": 1}


class Family(msgspec.Struct, forbid_unknown_fields=True):
    """What one tool does."""

    runs: dict[str, str]
    needs: list[str] = []
    server: str = ""
    bash: bool = False
    arrives: Literal["content", "size"] = "content"
    fetches: bool = False
    alone: bool = False
    by_name: bool = False
    slow: bool = False


class Case(NamedTuple):
    """One line, in one form. `kind` is what it is: an upload is to be found, the harmless is not."""

    kind: Literal["upload", "harmless"]
    tool: str
    what: str
    form: str
    run: str
    family: Family

    @property
    def program(self) -> str:
        """The tool's program: the first word of the family's name."""
        return self.tool.partition(" ")[0]

    @property
    def name(self) -> str:
        return f"{self.tool}: {self.what}" + (f" [{self.form}]" if self.form else "")

    def script(self, places: Mapping[str, str], host: str = "127.0.0.1") -> str:
        """The line that is run, with what stands for its places; `host` instead of loopback. Raises KeyError."""
        line = re.sub(r"\{\{(\w+)\}\}", lambda found: places[found[1]], self.run.replace("127.0.0.1", host))
        plain = Plain(self.program, line, self.family.bash)
        return FORMS[self.form].disguised(plain) if self.form else plain.line

    @property
    def programs(self) -> list[str]:
        """What has to be here."""
        server = {"ssh": ["ssh", "sshd"], "smb": ["smbd"], "rsync": ["rsync"], "git": ["git"], "restic": ["rclone"]}
        disguise = FORMS[self.form].needs if self.form else ()
        tool = [] if self.program in ("bash", "files", "tar") else [self.program]
        return [*tool, *self.family.needs, *server.get(self.family.server, []), *disguise]


@cache
def cases() -> tuple[Case, ...]:
    """All, the plain ones and some forms of each: which ones depends on nothing but its name."""
    return tuple(case for kind in _FORMS for case in _cases(kind))


def _cases(kind: Literal["upload", "harmless"]) -> Iterator[Case]:
    text = Path(__file__).with_name("uploads.yml" if kind == "upload" else "harmless.yml").read_text()
    for tool, family in msgspec.convert(read_yaml(text), dict[str, Family]).items():
        for what, line in family.runs.items():
            plain = Plain(tool.partition(" ")[0], line.rstrip("\n"), family.bash)
            fitting = [
                name for name, form in FORMS.items() if form.fits(plain) and not (form.renames and family.by_name)
            ]
            fitting.sort(key=lambda form: zlib.crc32(f"{tool} {what} {form}".encode()))
            chosen = fitting[: 1 if family.slow else _FORMS[kind]]
            if kind == "upload" and FROM_A_FILE in fitting[len(chosen) :]:
                chosen.append(FROM_A_FILE)
            for form in ["", *chosen]:
                yield Case(kind, tool, what, form, plain.line, family)
