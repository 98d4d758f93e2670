"""Questions: which records, with which values, since when, told how. No language of a SIEM yet.

A question names meanings (`host`, `destination_ip`) and placeholders, never text of a query, so that a value can't be
anything but a value.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Annotated, Literal, get_args

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from exfilwatch.errors import ConfigError
from exfilwatch.findings.node import NOBODY, host_key
from exfilwatch.packaged import read_yaml
from exfilwatch_playbooks.response.facts import Facts
from exfilwatch_playbooks.response.placeholders import known, values

Language = Literal["splunk", "elasticsearch", "sentinel", "defender", "sumo"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
Records = Literal["process", "network", "web", "dns", "file", "script", "logon", "task", "share", "device"]
Meaning = Literal[
    "host",
    "user",
    "program",
    "parent",
    "process_id",
    "command_line",
    "script",
    "destination_ip",
    "destination_name",
    "port",
    "url",
    "sent",
    "file",
    "task",
    "source",
    "share",
    "device",
]
Test = Literal["is", "host", "user", "name", "has", "ends"]
TESTS: dict[Meaning, Test] = {
    "host": "host",
    "user": "user",
    "program": "ends",
    "destination_name": "name",
    "command_line": "has",
    "script": "has",
    "url": "has",
    "file": "has",
    "task": "has",
}
"""How a value is compared, upper and lower case alike: `host`: that name, with any domain; `user`: that account, with
any domain; `name`: that name of a host and those below it; `has`: anywhere; `ends`: a path's last part. Else `is`."""
TELLING: dict[Records, Meaning] = {
    "process": "command_line",
    "network": "destination_ip",
    "web": "url",
    "dns": "destination_name",
    "file": "file",
}
"""What each record of a kind has; the other kinds are told by the numbers of their events."""
_LONGEST = 1_000  # characters of a value


def _placeholder(text: str) -> str:
    known(f"{{{text}}}")
    return text


class Ask(BaseModel):
    """A question. `where`: meanings of the records with the placeholders whose values they have to have, all of them.

    `days`: how long before the first event; `hours`: until how long after the last one, without it until now. `by`:
    told as a count for each of these, with bytes if `sent` is shown; without it, the records with what to `show`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    title: Annotated[str, Field(min_length=1, max_length=90)]
    records: Records
    where: Annotated[dict[Meaning, Annotated[str, AfterValidator(_placeholder)]], Field(min_length=1)]
    days: Annotated[float, Field(gt=0, le=400)]
    hours: Annotated[float, Field(gt=0, le=400)] | None = None
    by: list[Meaning] = []
    show: list[Meaning] = []


class Wanted(BaseModel):
    """One of `values`, compared by `test`."""

    model_config = ConfigDict(frozen=True)
    meaning: Meaning
    test: Test
    values: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """A question with a finding's values."""

    title: str
    records: Records
    where: tuple[Wanted, ...]
    since: datetime | None
    until: datetime | None
    days: float
    by: tuple[Meaning, ...]
    show: tuple[Meaning, ...]

    @property
    def telling(self) -> Meaning | None:
        """What has to be there for a record to be of this kind, where no value of it is asked for."""
        told = TELLING.get(self.records)
        return None if told in [each.meaning for each in self.where] else told

    @property
    def meanings(self) -> tuple[Meaning, ...]:
        """All that it needs of a record, each once."""
        told = (self.telling,) if self.telling else ()
        return tuple(dict.fromkeys((*(each.meaning for each in self.where), *told, *self.by, *self.show)))


@cache
def asks() -> dict[str, Ask]:
    """By name. Raises ConfigError."""
    try:
        text = resources.files("exfilwatch_playbooks.response").joinpath("asks.yml").read_text("utf-8")
        return TypeAdapter(dict[str, Ask]).validate_python(read_yaml(text))
    except (ValidationError, yaml.YAMLError) as error:
        raise ConfigError(f"response/asks.yml: {error}") from error


def asked(ask: Ask, said: Sequence[Facts], shown: int) -> Asked | None:
    """The question for what the findings say, with at most `shown` values of each; None where one has no value."""
    wanted: list[Wanted] = []
    for meaning, name in ask.where.items():
        test = TESTS.get(meaning, "is")
        found = [text for value in values(name, said) if (text := _compared(value, test))]
        if not found[:shown]:
            return None
        wanted.append(Wanted(meaning=meaning, test=test, values=tuple(dict.fromkeys(found))[:shown]))
    starts, ends = _span(said)
    return Asked(
        title=ask.title,
        records=ask.records,
        where=tuple(wanted),
        since=starts - timedelta(days=ask.days) if starts else None,
        until=ends + timedelta(hours=ask.hours) if ends and ask.hours else None,
        days=ask.days,
        by=tuple(ask.by),
        show=tuple(ask.show),
    )


def _compared(value: str, test: Test) -> str:
    """What of a value is compared, "" for nothing. Halves of surrogate pairs are in no record.

    Of a long value a part is asked for, where a part will do; no host and no name is that long.
    """
    text = value.encode("utf-8", "ignore").decode()
    if test == "host":
        named = text.strip().rstrip(".").lower() not in NOBODY and len(text) < _LONGEST
        return host_key(text, "") if named else ""
    return text[:_LONGEST] if test == "has" or len(text) <= _LONGEST else ""


def _span(said: Iterable[Facts]) -> tuple[datetime | None, datetime | None]:
    times = [time for each in said for time in (each.time, each.end) if time]
    return min(times, default=None), max(times, default=None)
