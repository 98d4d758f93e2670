"""Queries to paste: questions kept as data (asks.yml), asked in each SIEM's language over its records (columns.yml)."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from exfilwatch_playbooks.response.facts import Facts
from exfilwatch_playbooks.response.languages import elastic, kusto, splunk, sumo
from exfilwatch_playbooks.response.languages.asking import LANGUAGES, Asked, Language, asked, asks

__all__ = ["LANGUAGES", "LANGUAGE_NAMES", "Language", "Ready", "asks", "languages_of", "queries_of"]

LANGUAGE_NAMES: dict[Language, str] = {
    "splunk": "Splunk (SPL)",
    "elasticsearch": "Elasticsearch, OpenSearch (body of a search)",
    "sentinel": "Microsoft Sentinel (KQL)",
    "defender": "Microsoft Defender XDR (KQL)",
    "sumo": "Sumo Logic",
}
_WRITERS: dict[Language, Callable[[Asked], str | None]] = {
    "splunk": splunk.query,
    "elasticsearch": elastic.query,
    "sentinel": lambda ask: kusto.query(ask, "sentinel"),
    "defender": lambda ask: kusto.query(ask, "defender"),
    "sumo": sumo.query,
}
_SHAPES: dict[str, Language] = {
    "splunk": "splunk",
    "cim": "splunk",
    "ecs": "elasticsearch",
    "winlogbeat6": "elasticsearch",
    "auditbeat": "elasticsearch",
    "sumo": "sumo",
    "sentinel": "sentinel",
    "asim": "sentinel",
    "defender": "defender",
}


class Ready(NamedTuple):
    """A query. `since`, `until`: the range of time that it asks for."""

    title: str
    language: Language
    text: str
    since: datetime | None
    until: datetime | None


def queries_of(name: str, said: Sequence[Facts], languages: Sequence[Language], shown: int) -> list[Ready]:
    """The question `name`, filled in, in each of the languages that has such records; none where a value is missing."""
    ask = asked(asks()[name], said, shown)
    if ask is None:
        return []
    found = ((language, _WRITERS[language](ask)) for language in languages)
    return [Ready(ask.title, language, text, ask.since, ask.until) for language, text in found if text]


def languages_of(said: Sequence[Facts]) -> tuple[Language, ...]:
    """The languages of the SIEMs that the findings' events are from, by their shapes; none when from files."""
    found = {_SHAPES.get(shape.partition("_")[0]) for each in said for shape in each.shapes}
    return tuple(language for language in LANGUAGES if language in found)
