"""Messages of Sumo Logic as records that the field maps know.

Answers have all names in lower case. Those of records of Cloud SIEM get back the spelling of the field map; of other
messages only `_raw` and what Sumo Logic says of them are kept: fields that the search extracted are in `_raw` anyway.
Source: https://www.sumologic.com/help/docs/api/search-job/ (paging through messages).
"""

import functools
from collections.abc import Iterator, Mapping

import msgspec

from exfilwatch.events.specs import shape_specs

_OF_CLOUD_SIEM = frozenset({"metadata_vendor", "metadata_product", "metadata_deviceeventid", "baseimage", "objecttype"})


def record(message: Mapping[str, msgspec.Raw]) -> bytes:
    """A message as one JSON object."""
    if not _OF_CLOUD_SIEM.isdisjoint(name.lower() for name in message):
        names = _spelling()
        return msgspec.json.encode({names.get(name.lower(), name): value for name, value in message.items()})
    if "_raw" not in message:
        return msgspec.json.encode(message)
    return msgspec.json.encode({name: value for name, value in message.items() if name[:1] == "_"})


@functools.cache
def _spelling() -> Mapping[str, str]:
    spec = shape_specs()["sumo_cse"]
    conditions = {name for each in spec.classes for name in each.when}
    # Field names of Sigma are keys of the map; its values are paths, and words that no field is called.
    names = {*conditions, *_texts(msgspec.to_builtins(spec))}
    return {name.lower(): name for name in names if name != name.lower() and name[:1] != "_"}


def _texts(part: object) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, Mapping | list):
        for inner in part.values() if isinstance(part, Mapping) else part:
            yield from _texts(inner)
