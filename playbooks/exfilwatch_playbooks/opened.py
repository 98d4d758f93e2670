"""What settings name, opened: the rules, the store, and the context that actions and polls work with.

For whoever holds settings: the service, a SOAR's package, a program. The command line adds its options to it.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from exfilwatch.errors import ConfigError
from exfilwatch.places import database_file
from exfilwatch.rules.packs import FILTERS, has_filters, pack, packs

if TYPE_CHECKING:
    from exfilwatch.config import Settings
    from exfilwatch.detection.rule import RuleSet
    from exfilwatch.findings.store import Store
    from exfilwatch_playbooks.actions.context import Context


def context(
    settings: "Settings", *, who: str = "", clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> "Context":
    """What actions and polls work with; opened when it is asked for, closed by `async with`."""
    from exfilwatch_playbooks.actions.context import Context

    return Context(settings, lambda: store(settings), lambda: rules(settings), who=who, clock=clock)


def store(settings: "Settings", *, kept: bool = False) -> "Store":
    """The store of the settings. Only the default's folder is made when it is missing. `kept`: see Database. Raises
    ConfigError.
    """
    from exfilwatch.findings.store import Store

    url = settings.database
    if url == str(database_file()):
        try:
            Path(url).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"{Path(url).parent}: can't be made ({error.strerror}): use --database FILE") from None
    return Store(url, window=settings.incident_window, kept=kept)


def rules(settings: "Settings") -> "RuleSet":
    """The rules of the settings, with the filters that come along with a pack, and those that hide something for a
    while. Raises ConfigError and RuleError.
    """
    from exfilwatch.detection.load import load

    return load(with_filters(settings.rules, Path(settings.suppressions)), settings.placeholders)


def rules_stamp(settings: "Settings") -> object:
    """Something that is another when a file of `rules` changes. Raises ConfigError."""
    return stamp(with_filters(settings.rules, Path(settings.suppressions)))


def rule_paths(names: Iterable[str]) -> list[Path]:
    """The files and folders that are meant by names of packs, and by paths. Raises ConfigError."""
    return [_rule_path(name) for name in names]


def with_filters(names: Sequence[str], suppressions: Path) -> list[Path]:
    """`rule_paths`, and the filters that belong to them."""
    paths = rule_paths(names)
    if any(map(has_filters, names)):
        paths.append(FILTERS)
    if any(suppressions.glob("*.yml")):
        paths.append(suppressions)
    return list(dict.fromkeys(paths))


def stamp(paths: Iterable[Path]) -> object:
    """Something that is another when one of the rules' files changes."""
    from exfilwatch.detection.document import rule_files

    states = [(path, path.stat()) for path in rule_files(list(paths))]
    return tuple((str(path), state.st_mtime_ns, state.st_size) for path, state in states)


def _rule_path(name: str) -> Path:
    if name in packs():
        return pack(name)
    if name == FILTERS.name and not Path(name).exists():
        return FILTERS
    if Path(name).exists():
        return Path(name)
    raise ConfigError(f"{name}: there is neither a rule pack ({', '.join(packs())}) nor a file or folder so called")
