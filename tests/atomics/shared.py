"""The public cases (../shared/data): Atomic Red Team tests, and the upload commands of LOLBAS and GTFOBins."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..process_starts import Case, Started  # noqa: TID252 (tests are no package on the path)

DATA = Path(__file__).parents[2] / "../shared/data"
FILES = ("atomics.jsonl", "uploads.jsonl")
HERE = all((DATA / name).is_file() for name in FILES)
_NEAR = re.compile(r"\b(127\.\d|10\.\d|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|localhost\b)")
_GUID_TAIL = re.compile(r"(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_URL = re.compile(r"\b(https?|ftp)://")


class Labelled(NamedTuple):
    """A case and what it is: exfil, staging, collection, download, recon or ambiguous."""

    label: str
    case: Case

    @property
    def near(self) -> bool:
        """Whether it only sends to the host itself or to a private address."""
        text = "\n".join(started.command_line for started in self.case.starts)
        return bool(_NEAR.search(text)) and not _URL.search(text)


def cases(*labels: str) -> list[Labelled]:
    """The cases with one of the labels; none where the data is not on this machine."""
    return [each for each in _all() if each.label in labels] if HERE else []


def _all() -> Iterator[Labelled]:
    for name in FILES:
        for line in (DATA / name).read_text("utf-8").splitlines():
            told = json.loads(line)
            fields = ("Image", "CommandLine", "ParentImage", "ParentCommandLine", "User")
            starts = tuple(Started(*(event.get(field, "") for field in fields)) for event in told["events"])
            host = f"{told['platform']}-{_GUID_TAIL.sub('', told['id'])}"
            yield Labelled(told["label"], Case(host, told["platform"], starts))
