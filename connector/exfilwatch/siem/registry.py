"""Which SIEMs there are: entry points of the group `exfilwatch.siem`, ours and those of others alike."""

from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import entry_points

from pydantic import ValidationError

from exfilwatch.errors import ConfigError
from exfilwatch.siem.siem import Siem
from exfilwatch.siem.spool import Spool
from exfilwatch.written import wrong

GROUP = "exfilwatch.siem"


def kinds() -> list[str]:
    """The kinds of SIEM that can be configured."""
    return sorted({point.name for point in entry_points(group=GROUP)})


@lru_cache
def siem_class(kind: str) -> type[Siem] | type[Spool]:
    """The client of a kind. Raises ConfigError, which lists the kinds that there are."""
    for point in entry_points(group=GROUP, name=kind):
        try:
            found: type[Siem] | type[Spool] = point.load()
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"SIEM kind {kind!r}: {point.value} can't be loaded: {error}") from error
        return found
    raise ConfigError(f"there is no SIEM kind {kind!r}: use {', '.join(kinds())}")


def open_siem(name: str, configured: Mapping[str, object]) -> Siem | Spool:
    """The SIEM `name` as the settings have it. Raises ConfigError, which shows no value: it may be a secret."""
    kind = configured.get("kind")
    if not isinstance(kind, str):
        raise ConfigError(f"siem.{name}: say which kind it is: kind = {' or '.join(kinds())}")
    try:
        found = siem_class(kind)
    except ConfigError as error:
        raise ConfigError(f"siem.{name}: {error}") from error
    try:
        settings = found.Settings.model_validate(configured)
    except ValidationError as error:
        raise ConfigError(f"siem.{name}: {wrong(error, found.Settings.model_fields)}") from None
    # What a client needs to be made is its own name and settings: the protocol has no constructor.
    return found(name, settings)  # type: ignore[call-arg]
