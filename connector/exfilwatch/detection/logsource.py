"""Which events a rule's `logsource` means.

A category is the event's own, or a family of them (`registry_event` is every registry_*). A product must be the
event's, unless the event does not say its product. A rule of a service and no category sees the record's own fields.
Source: sigma-specification, appendix taxonomy; SigmaHQ's rule folders.
"""

import msgspec

from exfilwatch.errors import RuleError
from exfilwatch.events.event import Event
from exfilwatch.events.shape import taxonomy

_REGISTRY = frozenset({"registry_event", "registry_add", "registry_delete", "registry_set", "registry_rename"})
FAMILIES: dict[str, frozenset[str]] = {"registry_event": _REGISTRY, "dns": frozenset({"dns", "dns_query"})}
# Categories of the taxonomy that no field map makes, but that records in Sigma's own names may claim.
OTHERS = frozenset({"antivirus", "application", "webserver", "database", "authentication", "edr", "file_access"})


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
        """Raises RuleError for a category that no event ever has: such a rule would silently never fire."""
        if self.category and self.category not in FAMILIES.keys() | taxonomy().keys() | OTHERS:
            raise RuleError(f"logsource: category {self.category!r} is not one of Sigma's taxonomy: no event has it")


def key_of(event: Event) -> tuple[str, str, str]:
    """What `fits` asks for."""
    return event.category, event.product, event.service
