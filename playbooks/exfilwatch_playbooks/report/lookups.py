"""What enrichment found, put where a reader looks for it: beside a destination, among other hosts, or by itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from exfilwatch_playbooks.enrichment.model import Enrichment, Fact

_VOLUME = "volume.bytes_out"


@dataclass(frozen=True)
class Lookups:
    """`severity`: what became of it, in words. `of_places`: facts by the destination that they are about. `hosts`: who
    else used the same. `rest`: facts about commands, hashes, the host, by what they are about. `unknown`: what could
    not be had, with the reason. `sent`: how much left, as records elsewhere say.
    """

    time: datetime
    severity: str
    level: str
    of_places: dict[str, tuple[Fact, ...]]
    hosts: tuple[Fact, ...]
    rest: tuple[tuple[str, tuple[Fact, ...]], ...]
    unknown: tuple[Fact, ...]
    sent: Fact | None


def lookups(enrichment: Enrichment, places: Iterable[str]) -> Lookups:
    """Arrange an enrichment; `places` are the destinations that the report lists, in lower case."""
    shown = set(places)
    hosts = tuple(fact for fact in enrichment.known if fact.key.endswith("hosts"))
    of_places: dict[str, tuple[Fact, ...]] = {}
    rest: list[tuple[str, tuple[Fact, ...]]] = []
    for about in ("", *enrichment.subjects):
        facts = enrichment.of_subject(about)
        if about.lower() in shown:
            of_places[about.lower()] = facts
        elif left := tuple(fact for fact in facts if fact not in hosts):
            rest.append((about, left))
    return Lookups(
        time=enrichment.time,
        severity=enrichment.severity.words,
        level=enrichment.severity.after,
        of_places=of_places,
        hosts=hosts,
        rest=tuple(rest),
        unknown=enrichment.unknown,
        sent=max(
            (fact for fact in enrichment.known if fact.key == _VOLUME),
            key=lambda fact: fact.number or 0,
            default=None,
        ),
    )
