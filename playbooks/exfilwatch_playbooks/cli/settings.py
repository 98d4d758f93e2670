"""What the settings say, loaded only by commands that need it: pydantic-settings takes longer than all of `detect`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from exfilwatch.errors import ConfigError
from exfilwatch.places import CONFIG, config_file, suppressions_folder
from exfilwatch_playbooks import opened

if TYPE_CHECKING:
    from exfilwatch.detection.rule import RuleSet
    from exfilwatch.findings.store import Store


def rule_paths(names: list[str] | None) -> list[Path]:
    """The files and folders that `--rules` names, else those of the settings. Raises ConfigError."""
    return opened.rule_paths(names or _default_rules())


def _are_set(variable: str) -> bool:
    """Whether there is anything for pydantic-settings to read."""
    return any(os.environ.get(name) for name in (variable, CONFIG)) or config_file().exists()


def _default_rules() -> tuple[str, ...]:
    if not _are_set("EXFILWATCH_RULES"):
        return ("exfil",)
    from exfilwatch.config import settings

    return settings().rules


def placeholders() -> dict[str, tuple[str, ...]]:
    """Values for `%name%` in rules that use the modifier expand."""
    if not _are_set("EXFILWATCH_PLACEHOLDERS"):
        return {}
    from exfilwatch.config import settings

    return settings().placeholders


def rule_set(names: list[str] | None, *, filters: bool = True) -> "RuleSet":
    """The rules that `--rules` names, else those of the settings; with the filters that come along with a pack, and
    those that hide something for a while.

    Raises ConfigError and RuleError.
    """
    from exfilwatch.detection.load import load

    return load(_all_paths(names, filters=filters), placeholders())


def _all_paths(names: list[str] | None, *, filters: bool) -> list[Path]:
    chosen = names or [*_default_rules()]
    return opened.with_filters(chosen, _suppressions()) if filters else opened.rule_paths(chosen)


def rules_stamp(names: list[str] | None, *, filters: bool = True) -> object:
    """Something that is another when a file of `rule_set` changes. Raises ConfigError."""
    return opened.stamp(_all_paths(names, filters=filters))


def _suppressions() -> Path:
    """Where filters are that hide something for a while."""
    if not _are_set("EXFILWATCH_SUPPRESSIONS"):
        return suppressions_folder()
    from exfilwatch.config import settings

    return Path(settings().suppressions)


def open_store(database: str | None, *, existing: bool = False) -> "Store":
    """The store that `--database` or the settings name. Only the default's folder is made when it is missing.

    With `existing`, a SQLite file that is not there is an error rather than a new, empty store.
    """
    from exfilwatch.config import settings

    found = settings()
    url = database or found.database
    if existing and "://" not in url and not Path(url).exists():
        raise ConfigError(
            f"{url}: there is no such database yet: `exfilwatch run PATH` and `exfilwatch poll` make it, "
            "--database names another"
        )
    return opened.store(found.model_copy(update={"database": url}))
