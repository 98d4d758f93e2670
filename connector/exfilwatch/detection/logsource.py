"""Which events a rule's `logsource` means.

A category is the event's own, or a family of them (`registry_event` is every registry_*). A product must be the
event's, unless the event does not say its product. A rule of a service and no category sees the record's own fields.
Source: sigma-specification, appendix taxonomy; SigmaHQ's rule folders.
"""

import functools

import msgspec

from exfilwatch.errors import RuleError
from exfilwatch.events.event import Event
from exfilwatch.events.shape import SHAPES, taxonomy
from exfilwatch.events.specs import windows
from exfilwatch.packaged import packaged
from exfilwatch.structs import ready

_REGISTRY = frozenset({"registry_event", "registry_add", "registry_delete", "registry_set", "registry_rename"})
FAMILIES: dict[str, frozenset[str]] = {
    "registry_event": _REGISTRY,
    "file_delete": frozenset({"file_delete", "file_delete_detected"}),
    "dns": frozenset({"dns", "dns_query"}),
}
_BY_ITSELF = "sigma_named"
"""The shape whose records name their own log source."""


class Known(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """logsources.yml."""

    products: frozenset[str]
    services: frozenset[str]
    categories: frozenset[str]


@functools.cache
def known() -> Known:
    """logsources.yml, read once."""
    return msgspec.convert(packaged("exfilwatch.detection", "logsources.yml"), ready(Known))


class LogSource(msgspec.Struct, frozen=True):
    """What a rule asks for; empty means any. Compares in lower case."""

    category: str = ""
    product: str = ""
    service: str = ""

    def fits(self, category: str, product: str, service: str) -> bool:
        """Whether events of this category, product and service are meant."""
        return (
            (not self.category or category in FAMILIES.get(self.category, (self.category,)))
            and (not self.product or not product or self.product == product)
            and (not self.service or self.service == service)
        )

    @property
    def raw(self) -> bool:
        """Whether its rules see the record's own field names first."""
        return not self.category

    def check(self) -> None:
        """Raises RuleError for what is in no taxonomy, so that no event ever has it: such a rule would never fire."""
        if not (self.category or self.product or self.service):
            raise RuleError("logsource: says nothing: give a category, a product or a service")
        if self.category and self.category not in FAMILIES.keys() | taxonomy().keys() | known().categories:
            raise RuleError(f"logsource: category {self.category!r} is not one of Sigma's taxonomy: no event has it")
        if self.product and self.product not in known().products:
            raise RuleError(f"logsource: product {self.product!r} is not one that Sigma knows: no event has it")
        services = windows().services.keys()
        if self.product == "windows" and self.service and self.service not in services:
            raise RuleError(f"logsource: service {self.service!r} is no log of Windows: events/windows.yml lists them")
        if not self.product and self.service and self.service not in services | known().services:
            raise RuleError(f"logsource: service {self.service!r} is not one that Sigma knows: name its product too")

    def made(self) -> bool:
        """Whether some field map makes such events; else only records that name their log source themselves."""
        return any(self.fits(*words) for name in SHAPES if name != _BY_ITSELF for words in _made(name))


@functools.cache
def _made(name: str) -> frozenset[tuple[str, str, str]]:
    """Category, product and service of every class of a shape; a word that the record decides may be any."""
    made: set[tuple[str, str, str]] = set()
    for found in SHAPES[name].classifier.classes:
        categories = [found.category] if isinstance(found.category, str) else list(taxonomy())
        product = found.product if isinstance(found.product, str) else ""
        if isinstance(found.service, str):
            made.update((category, product, found.service) for category in categories)
        else:
            made.update((category, product, _Any()) for category in categories)
    return frozenset(made)


class _Any(str):
    """Equal to every service."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str)

    def __hash__(self) -> int:
        return 0


def key_of(event: Event) -> tuple[str, str, str]:
    """What `fits` asks for."""
    return event.category, event.product, event.service
