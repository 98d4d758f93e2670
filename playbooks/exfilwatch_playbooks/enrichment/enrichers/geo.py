"""Country and network (ASN) of an address, from database files of yours; nobody is asked.

The files: GeoLite2 or GeoIP2 Country, City and ASN of MaxMind (https://dev.maxmind.com/geoip/docs/databases), the Lite
ones of DB-IP (https://db-ip.com/db/lite.php, which are to be named as their source), or of IPinfo: all in the format
of https://maxmind.github.io/MaxMind-DB/. None comes with exfilwatch: their licences want you to fetch them yourself.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from exfilwatch.errors import ConfigError
from exfilwatch.siem.connection import Texts
from exfilwatch_playbooks.enrichment.enricher import Means, OfIndicator, Options
from exfilwatch_playbooks.enrichment.indicator import Indicator, Kind
from exfilwatch_playbooks.enrichment.model import Answer

if TYPE_CHECKING:
    from maxminddb import Reader

_OLD = timedelta(days=90)
_FETCH = "fetch GeoLite2 from MaxMind or the Lite files from DB-IP (docs/enrichment.md), and name them in `files`"


class GeoOptions(Options):
    """`files`: the database files, each for country, city or ASN."""

    files: Texts = ()

    def missing(self) -> str:
        return "" if self.files else f"needs files: {_FETCH}"


class Geo(OfIndicator):
    """geo.country, geo.city, geo.network, geo.asn"""

    name = "geo"
    title = "Country and network"
    kinds = frozenset({Kind.ADDRESS})
    Settings = GeoOptions

    def __init__(self, name: str, settings: GeoOptions, means: Means) -> None:
        super().__init__(name, settings, means)
        self._files = settings.files
        self._readers: list[Reader] | None = None

    @property
    def asks(self) -> str:
        return ", ".join(Path(file).name for file in self._files)

    async def look_up(self, given: Indicator) -> Sequence[Answer]:
        found: dict[str, Answer] = {}
        for reader in self._opened():
            try:
                record = reader.get(given.value)
            except ValueError:  # a file for IPv4 only, asked for IPv6
                continue
            if isinstance(record, Mapping):
                for answer in _answers(record):
                    found.setdefault(answer.key, answer)
        if found and (old := self._old()):
            found["geo.age"] = Answer(key="geo.age", label="Age of the files", value=old)
        return list(found.values())

    def _opened(self) -> "list[Reader]":
        if self._readers is None:
            self._readers = [_reader(file) for file in self._files]
        return self._readers

    def _old(self) -> str:
        built = [datetime.fromtimestamp(reader.metadata().build_epoch, UTC) for reader in self._opened()]
        oldest = min(built)
        return f"of {oldest:%Y-%m-%d}: fetch newer ones" if self.means.clock() - oldest > _OLD else ""

    async def close(self) -> None:
        for reader in self._readers or ():
            reader.close()
        self._readers = None


def _reader(file: str) -> "Reader":
    from maxminddb import InvalidDatabaseError, open_database

    try:
        return open_database(file)
    except FileNotFoundError:
        raise ConfigError(f"{file}: there is no such file: {_FETCH}") from None
    except (OSError, InvalidDatabaseError, ValueError) as error:
        raise ConfigError(f"{file}: can't be read as a database of MaxMind's format: {error}: fetch it again") from None


def _answers(record: Mapping[str, object]) -> Iterator[Answer]:
    country, code = _country(record)
    if country or code:
        value = f"{country} ({code})" if country and code else country or code
        yield Answer(key="geo.country", label="Country", value=value)
    if city := _name(record.get("city")):
        yield Answer(key="geo.city", label="City", value=city)
    number, owner = record.get("autonomous_system_number"), record.get("autonomous_system_organization")
    if number is None:
        number, owner = str(record.get("asn") or "").removeprefix("AS"), record.get("as_name")
    if number or owner:
        value = f"AS{number} {owner or ''}".strip() if number else str(owner)
        yield Answer(
            key="geo.network",
            label="Network",
            value=value,
            number=float(str(number)) if str(number).isdecimal() else None,
        )


def _country(record: Mapping[str, object]) -> tuple[str, str]:
    """Name and code; of MaxMind's and DB-IP's nested records, or IPinfo's flat ones."""
    for key in ("country", "registered_country"):
        found = record.get(key)
        if isinstance(found, Mapping):
            return _name(found), str(found.get("iso_code") or "")
        if isinstance(found, str):
            return (
                (str(record.get("country_name") or ""), found)
                if len(found) == 2
                else (found, str(record.get("country_code") or ""))
            )
    return "", str(record.get("country_code") or "")


def _name(found: object) -> str:
    if isinstance(found, Mapping):
        names = found.get("names")
        return str(names.get("en") or "") if isinstance(names, Mapping) else ""
    return found if isinstance(found, str) else ""
