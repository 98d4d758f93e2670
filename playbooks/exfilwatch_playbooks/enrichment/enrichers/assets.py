"""Role and owner of the host, and of destinations inside, from a list of yours: a CSV file with a heading.

A column `host` (or as `host` says) holds a name or an address; `role`, `owner`, `criticality` and any other column are
facts. Hosts compare as incidents do: WS1, ws1.corp.local and WS1. are one. Read again whenever it has changed.
"""

import csv
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from exfilwatch.errors import ConfigError
from exfilwatch.findings.node import host_key
from exfilwatch_playbooks.enrichment.enricher import Means, OfSubject, Options, Said
from exfilwatch_playbooks.enrichment.model import Answer
from exfilwatch_playbooks.enrichment.subject import Subject

_LONGEST = 200
_COLUMNS = 20


class AssetsOptions(Options):
    """`file`: the CSV file (UTF-8; commas, semicolons or tabs). `host`: the column with the host's name or address."""

    file: Path | None = None
    host: str = "host"
    lifetime: timedelta = timedelta(0)

    def missing(self) -> str:
        return "" if self.file else "needs a list: file = PATH of a CSV file with the columns host, role, owner"


class Assets(OfSubject):
    """asset.role, .owner, .criticality, .COLUMN; of a destination destination.role, ..."""

    name = "assets"
    title = "Role and owner"
    Settings = AssetsOptions

    def __init__(self, name: str, settings: AssetsOptions, means: Means) -> None:
        super().__init__(name, settings, means)
        self._file, self._column = settings.file or Path(), settings.host
        self._read: tuple[float, Mapping[str, Mapping[str, str]]] | None = None

    @property
    def asks(self) -> str:
        return self._file.name

    def question(self, subject: Subject) -> str | None:
        return f"{subject.hosts} {subject.destinations}" if subject.hosts or subject.destinations else None

    async def survey(self, subject: Subject) -> Said:
        return Said(list(told(subject, self._known(), self._file.name)))

    def _known(self) -> Mapping[str, Mapping[str, str]]:
        try:
            changed = self._file.stat().st_mtime
            if self._read is None or self._read[0] != changed:
                with self._file.open(encoding="utf-8-sig", newline="") as opened:
                    self._read = (changed, dict(self._rows(opened.read())))
        except FileNotFoundError:
            raise ConfigError(f"{self._file}: there is no such file: write it, or change `file`") from None
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise ConfigError(f"{self._file}: can't be read as CSV in UTF-8: {error}") from None
        return self._read[1]

    def _rows(self, text: str) -> Iterator[tuple[str, Mapping[str, str]]]:
        heading = text.partition("\n")[0]
        comma = max(",;\t", key=heading.count)
        rows = csv.DictReader(text.splitlines(), delimiter=comma)
        names = {str(name).strip().lower(): name for name in rows.fieldnames or ()}
        column = names.get(self._column.strip().lower())
        if column is None:
            there = ", ".join(names) or "none"
            raise ConfigError(f"{self._file}: has no column {self._column!r}: set `host` to one of {there}")
        others = [(name, given) for name, given in names.items() if given != column][:_COLUMNS]
        for row in rows:
            if host := (row.get(column) or "").strip():
                yield host_key(host, ""), {name: (row.get(given) or "").strip() for name, given in others}


def told(subject: Subject, known: Mapping[str, Mapping[str, str]], where: str) -> Iterator[tuple[str, Answer]]:
    """What a list says of the subject's host, by its name, else by an address of it; and of its destinations."""
    own = (*subject.hosts[:1], *subject.addresses)
    row = next((found for host in own if (found := known.get(host_key(host, "")))), None)
    if row:
        yield from (("", answer) for answer in _answers(row))
    elif subject.hosts:
        yield "", Answer(key="asset.role", label="Role", value=f"not known: {subject.hosts[0]} is not in {where}")
    for host in subject.destinations:
        yield from ((host, answer) for answer in _answers(known.get(host_key(host, ""), {}), "destination"))


def _answers(row: Mapping[str, str], of: str = "asset") -> Iterator[Answer]:
    for name, value in row.items():
        if value:
            shown = value.lower() if name == "criticality" else value[:_LONGEST]
            yield Answer(key=f"{of}.{name.replace(' ', '_')}", label=name.capitalize(), value=shown)
