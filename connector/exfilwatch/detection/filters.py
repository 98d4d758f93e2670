"""Filters: which rules each takes something away from, and the condition that their events must meet as well.

`exfilwatch: {pack: NAME}` in a filter keeps it to the rules of a pack, so that `rules: any` leaves others alone;
`exfilwatch: {until: DAY}` ends it: from this day (UTC) or time on it hides nothing. A filter whose placeholder has no
value waits: it hides nothing until the settings give one.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec
from sigma.filters import SigmaFilter
from sigma.rule import SigmaLogSource, SigmaRule

from exfilwatch.detection.condition import All, Any, Node, Not, OfProduct, Selection
from exfilwatch.detection.detection import RuleInfo
from exfilwatch.detection.document import Document
from exfilwatch.detection.sigma_condition import Placeholders, condition_node, selection_nodes, unfilled
from exfilwatch.errors import ConfigError, RuleError
from exfilwatch.rules.packs import pack
from exfilwatch.structs import ready

PREFIX = "_filt_"
"""Begins the names of a filter's selections in the rules that it is put into: no signal of a rule."""


class FilterInfo(NamedTuple):
    """A filter. `waits`: the placeholders without a value. `idle`: it is for no rule that is loaded. `met`: the files
    of the rules that it is for. `until`: when it ends; `ended`: it has when the rules were loaded."""

    info: RuleInfo
    pack: str = ""
    waits: tuple[str, ...] = ()
    idle: bool = False
    met: frozenset[str] = frozenset()
    until: datetime | None = None
    ended: bool = False


class Filter(NamedTuple):
    """A filter ready to be put into rules: what must hold, and its selections, under names that no rule has. One that
    waits or has ended has no condition."""

    rule: SigmaFilter
    document: Document
    pack: str
    waits: tuple[str, ...]
    condition: Node | None
    nodes: Mapping[str, Node]
    until: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether it hides nothing any more."""
        return self.until is not None and self.condition is None

    def is_for(self, rule: SigmaRule, path: str) -> bool:
        """Whether it takes something away from the rule that stands in the file `path`."""
        if not holds(self.rule.logsource, rule.logsource):
            return False
        if self.pack and not _stands_in(path, self.pack):
            return False
        named = self.rule.filter.rules
        if isinstance(named, str):
            return True
        return any(each.reference in (str(rule.id), rule.name) for each in named)

    def condition_for(self, rule: SigmaRule) -> Node | None:
        """What must hold of the rule's events; of a rule for any product, only of those of the filter's."""
        product = self.rule.logsource.product
        if self.condition is None or not product or rule.logsource.product:
            return self.condition
        return Any((Not(OfProduct(product.lower())), self.condition))


@lru_cache(10_000)
def _stands_in(path: str, name: str) -> bool:
    """Whether a file is one of a pack's."""
    return Path(path).resolve().is_relative_to(_folder(name))


@lru_cache(100)
def _folder(name: str) -> Path:
    return pack(name).resolve()


def holds(mine: SigmaLogSource, rules: SigmaLogSource) -> bool:
    """Whether a filter of the log source `mine` is for some events of a rule's: for all that it holds, and for those of
    its product where the rule is for any."""
    if rules in mine:
        return True
    same = mine.category in (None, rules.category) and mine.service in (None, rules.service)
    return same and bool(mine.product) and not rules.product


def compiled(rule: SigmaFilter, document: Document, number: int, placeholders: Placeholders) -> Filter:
    """The filter; `number` makes its selections' names its own. Raises RuleError or SigmaError."""
    name, until = _block(rule.custom_attributes.get("exfilwatch"))
    waits = unfilled(rule.filter, placeholders)
    # Evaluated with stand-ins while it waits, so that what else is wrong is said.
    nodes = selection_nodes(rule.filter, {**placeholders, **dict.fromkeys(waits, ("?",))})
    (condition,) = [condition_node(text, rule.filter, nodes) for text in rule.filter.condition]
    if waits or (until and until <= datetime.now(UTC)):
        return Filter(rule, document, name, waits, None, {}, until)
    prefix = f"{PREFIX}{number}_"
    renamed = {prefix + each: node for each, node in nodes.items()}
    return Filter(rule, document, name, waits, _renamed(condition, prefix), renamed, until)


class _Block(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pack: str = ""
    until: str = ""


def _block(block: object) -> tuple[str, datetime | None]:
    """The pack, and when the filter ends."""
    if isinstance(block, dict):  # YAML makes dates of what looks like one
        block = {name: each.isoformat() if isinstance(each, date) else each for name, each in block.items()}
    try:
        found = msgspec.convert({} if block is None else block, ready(_Block))
        if found.pack:
            pack(found.pack)
    except msgspec.ValidationError as error:
        raise RuleError(f"exfilwatch: {error}; a filter has only `pack` and `until` there") from None
    except ConfigError as error:
        raise RuleError(f"exfilwatch: pack: {error}") from None
    return found.pack, _moment(found.until) if found.until else None


def _moment(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise RuleError(f"exfilwatch: until: {text!r} is no day: use 2026-12-31, or 2026-12-31T18:00Z") from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _renamed(node: Node, prefix: str) -> Node:
    match node:
        case Selection(name, part):
            return Selection(prefix + name, part)
        case Not(part):
            return Not(_renamed(part, prefix))
        case All(parts):
            return All(tuple(_all_renamed(parts, prefix)))
        case Any(parts):
            return Any(tuple(_all_renamed(parts, prefix)))
    return node


def _all_renamed(parts: tuple[Node, ...], prefix: str) -> Iterator[Node]:
    return (_renamed(part, prefix) for part in parts)
