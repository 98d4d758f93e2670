"""Which case systems there are: entry points of the group `exfilwatch.case`, ours and those of others alike.

What an entry point names is a class with `Settings`, a model that takes the table [case.NAME], and a constructor that
takes the name, the settings and the store.
"""

from collections.abc import Collection, Mapping
from importlib.metadata import entry_points
from typing import Any

from pydantic import ValidationError

from exfilwatch.errors import ConfigError
from exfilwatch.findings.store import Store
from exfilwatch.written import wrong
from exfilwatch_playbooks.cases.local import Local
from exfilwatch_playbooks.cases.system import CaseSystem

GROUP = "exfilwatch.case"
LOCAL = "local"
_PAGES = "pagerduty"


def kinds() -> list[str]:
    """The kinds of case system that can be configured."""
    return sorted({LOCAL, *(point.name for point in entry_points(group=GROUP))})


def case_class(kind: str) -> Any:
    """The class of a kind. Raises ConfigError, which lists the kinds that there are."""
    for point in entry_points(group=GROUP, name=kind):
        try:
            return point.load()
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"case kind {kind!r}: {point.value} can't be loaded: {error}") from error
    raise ConfigError(f"there is no case kind {kind!r}: use {', '.join(kinds())}")


def open_case_system(name: str, configured: Mapping[str, object], store: Store) -> CaseSystem:
    """The case system `name` as the settings have it. Raises ConfigError, which shows no value: it may be a secret."""
    kind = configured.get("kind")
    if kind == LOCAL:  # it is there without being installed as an entry point
        return Local(store, name=name, settings=_settings(name, Local, configured))
    if not isinstance(kind, str):
        raise ConfigError(f"case.{name}: say which kind it is: kind = {' or '.join(kinds())}")
    try:
        found = case_class(kind)
    except ConfigError as error:
        raise ConfigError(f"case.{name}: {error}") from error
    made: CaseSystem = found(name, _settings(name, found, configured), store)
    return made


def _settings(name: str, found: Any, configured: Mapping[str, object]) -> Any:
    try:
        return found.Settings.model_validate(configured)
    except ValidationError as error:
        raise ConfigError(f"case.{name}: {wrong(error, found.Settings.model_fields)}") from None


def default_system(configured: Mapping[str, Mapping[str, object]]) -> str:
    """The name of the case system that cases are opened in: the only one, the one with `default = true`, or the local
    one where none is configured. Raises ConfigError.
    """
    chosen = [
        name for name, values in configured.items() if str(values.get("default", "")).lower() in ("true", "1")
    ] or list(configured)
    if len(chosen) > 1:
        raise ConfigError(f"cases can be opened in {', '.join(chosen)}: write `default = true` in one of [case.NAME]")
    return chosen[0] if chosen else LOCAL


def paging(configured: Mapping[str, Mapping[str, object]], named: Collection[str]) -> list[str]:
    """The names of the systems that page: those that the policy names, else those of the kind that only pages. Raises
    ConfigError for one that is not configured.
    """
    if missing := [name for name in named if name not in configured]:
        raise ConfigError(f"policy.page_in: there is no [case.{missing[0]}] in the settings")
    return list(named) or [name for name, table in configured.items() if table.get("kind") == _PAGES]


def opened_in(configured: Mapping[str, Mapping[str, object]], named: Collection[str]) -> str:
    """The name of the system that cases are opened in, which is none of those that page. Raises ConfigError."""
    pages = paging(configured, named)
    return default_system({name: table for name, table in configured.items() if name not in pages})


def case_system(configured: Mapping[str, Mapping[str, object]], store: Store, name: str | None = None) -> CaseSystem:
    """The case system with this name in the settings, else the default one. Raises ConfigError."""
    wanted = name or default_system(configured)
    if wanted in configured:
        return open_case_system(wanted, configured[wanted], store)
    if wanted == LOCAL:
        return Local(store)
    known = ", ".join([*configured, LOCAL])
    raise ConfigError(f"{wanted}: there is no [case.{wanted}] in the settings, only {known}")
