"""Which enrichers there are: a module each in enrichers/, and entry points of the group `exfilwatch.enrichment`."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from inspect import isabstract

from pydantic import ValidationError

from exfilwatch.errors import ConfigError
from exfilwatch.written import wrong
from exfilwatch_playbooks.enrichment.enricher import Enricher, Means, OfIndicator, OfSubject, Options

GROUP = "exfilwatch.enrichment"
RESERVED = frozenset({"general"})
"""Tables of [enrichment] that name no enricher."""


@cache
def kinds() -> Mapping[str, type[Enricher]]:
    """The enrichers by name: ours by the order of names, then those of others, which can't take a name of ours."""
    from exfilwatch_playbooks.enrichment import enrichers

    found: dict[str, type[Enricher]] = {}
    for module in sorted(each.name for each in pkgutil.iter_modules(enrichers.__path__)):
        loaded = import_module(f"{enrichers.__name__}.{module}")
        for each in vars(loaded).values():
            if _is_enricher(each) and each.__module__ == loaded.__name__:
                found[each.name] = each
    for point in entry_points(group=GROUP):
        try:
            theirs = point.load()
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"enricher {point.name!r}: {point.value} can't be loaded: {error}") from error
        if not _is_enricher(theirs):
            raise ConfigError(
                f"enricher {point.name!r}: {point.value} is no class with OfIndicator or OfSubject as base"
            )
        found.setdefault(point.name, theirs)
    return found


def _is_enricher(each: object) -> bool:
    return isinstance(each, type) and issubclass(each, OfIndicator | OfSubject) and not isabstract(each)


def configured(name: str, table: Mapping[str, object]) -> tuple[type[Enricher], Options]:
    """The enricher that the table [enrichment.NAME] means, and its settings. Raises ConfigError, without any value."""
    where = f"enrichment.{name}"
    kind = table.get("kind") or name
    found = kinds().get(kind) if isinstance(kind, str) else None
    if found is None:
        raise ConfigError(f"{where}: there is no such enricher: say which one it is with kind = {' or '.join(kinds())}")
    try:
        return found, found.Settings.model_validate(table)
    except ValidationError as error:
        raise ConfigError(f"{where}: {wrong(error, found.Settings.model_fields)}") from None


def opened(name: str, table: Mapping[str, object], means: Means) -> Enricher:
    """The enricher of a table. Raises ConfigError."""
    found, settings = configured(name, table)
    return found(name, settings, means)
