"""Sigma by hand: a slow evaluator of one rule on one flat record, written from the specification alone.

It reads the rule's YAML itself and shares nothing with exfilwatch.detection or pySigma, so that a mistake there can't
hide here. Log sources, correlations, filters and placeholders are none of its business.
"""

import ipaddress
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

Record = Mapping[str, Any]

ANY, ONE = object(), object()
DASHES = "-/\u2013\u2014\u2015"


def tokens(pattern: str) -> list[Any]:
    """A string value as characters, ANY and ONE ("Escape Character" in the specification)."""
    found: list[Any] = []
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char == "\\" and pattern[position + 1 : position + 2] in ("*", "?", "\\"):
            found.append(pattern[position + 1])
            position += 2
            continue
        found.append(ANY if char == "*" else ONE if char == "?" else char)
        position += 1
    return found


def plain(parts: list[Any]) -> str:
    return "".join(part for part in parts if isinstance(part, str))


def matches(parts: list[Any], value: str, cased: bool) -> bool:
    """Whether the whole value fits, case-insensitively unless `cased`."""
    fold = (lambda text: text) if cased else str.lower
    states = {0}
    for char in value:
        states = advanced(parts, states)
        states = {
            state if parts[state] is ANY else state + 1
            for state in states
            if state < len(parts) and (parts[state] in (ANY, ONE) or fold(parts[state]) == fold(char))
        }
    return len(parts) in advanced(parts, states)


def advanced(parts: list[Any], states: set[int]) -> set[int]:
    """The states, and those behind stars that stand for nothing."""
    reached = set(states)
    for state in sorted(states):
        while state < len(parts) and parts[state] is ANY:
            state += 1
            reached.add(state)
    return reached


def text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def whole_number(value: Any) -> float | int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if re.fullmatch(r"-?\d+", value):
            return int(value)
        return float(value) if re.fullmatch(r"-?\d+\.\d+", value) else None
    return value if isinstance(value, int | float) else None


def dashed(parts: list[Any]) -> list[list[Any]]:
    """Each dash or slash before a word, and not within one, as every kind of dash."""

    def word(index: int) -> bool:
        return 0 <= index < len(parts) and isinstance(parts[index], str) and bool(re.match(r"\w", parts[index]))

    choices = [
        list(DASHES) if part in ("-", "/") and not word(index - 1) and word(index + 1) else [part]
        for index, part in enumerate(parts)
    ]
    return [list(choice) for choice in product(*choices)]


def offsets(data: bytes) -> list[str]:
    found = []
    for shift in range(3):
        code = b64encode(b"\0" * shift + data).decode()
        rest = (len(data) + shift) % 3
        found.append(code[(0, 2, 3)[shift] : len(code) - (0, 3, 2)[rest]])
    return found


class Item:
    """One `field|modifiers: values` of a selection."""

    def __init__(self, key: str, values: Any) -> None:
        self.field, *self.modifiers = key.split("|")
        self.values = values if isinstance(values, list) else [values]

    def __call__(self, record: Record) -> bool:
        if self.modifiers == ["exists"]:
            return (self.field in record) is self.values[0]
        if "fieldref" in self.modifiers:
            held = any(self.refers(record.get(self.field), record.get(other)) for other in self.values)
            return held is not ("neq" in self.modifiers)
        link = all if "all" in self.modifiers else any
        held = link([any(self.holds(test, record) for test in self.tests(value)) for value in self.values])
        return held is not ("neq" in self.modifiers)

    def refers(self, found: Any, other: Any) -> bool:
        if found is None or other is None:
            return False
        here, there = text(found).lower(), text(other).lower()
        starts, ends = "startswith" in self.modifiers, "endswith" in self.modifiers
        if "contains" in self.modifiers:
            return there in here
        return here.startswith(there) if starts else here.endswith(there) if ends else here == there

    def holds(self, test: Callable[[Any], bool], record: Record) -> bool:
        if self.field:
            found = record.get(self.field)
            return any(test(one) for one in found) if isinstance(found, list) else test(found)
        return any(test(one) for value in record.values() for one in (value if isinstance(value, list) else [value]))

    def tests(self, value: Any) -> list[Callable[[Any], bool]]:
        """The tests of which one has to hold for this value of the rule."""
        modifiers = self.modifiers
        if value is None:
            return [lambda found: found is None]
        if "re" in modifiers:
            flags = re.RegexFlag(0)
            for name, flag in (("i", re.IGNORECASE), ("m", re.MULTILINE), ("s", re.DOTALL)):
                flags |= flag if name in modifiers else re.RegexFlag(0)
            expression = re.compile(str(value), flags)
            return [lambda found: found is not None and expression.search(text(found)) is not None]
        if "cidr" in modifiers:
            return [lambda found: in_network(found, str(value))]
        compare = next((COMPARISONS[name] for name in modifiers if name in COMPARISONS), None)
        if compare is not None:
            return [lambda found: (number := whole_number(found)) is not None and compare(number, value)]
        if isinstance(value, bool | int | float) and self.field and not {"contains", "startswith"} & set(modifiers):
            return [lambda found: found is not None and text(found).lower() == text(value)]
        return [self.string(parts) for parts in self.patterns(tokens(text(value)))]

    def patterns(self, parts: list[Any]) -> list[list[Any]]:
        """What the modifiers make of a string value, in their order."""
        found = [parts]
        for name in self.modifiers:
            if name in ("wide", "utf16le"):
                found = [list("".join(char + "\0" for char in plain(one))) for one in found]
            elif name == "base64":
                found = [list(b64encode(plain(one).encode()).decode()) for one in found]
            elif name == "base64offset":
                found = [list(code) for one in found for code in offsets(plain(one).encode())]
            elif name == "windash":
                found = [made for one in found for made in dashed(one)]
            elif name == "contains":
                found = [[ANY, *one, ANY] for one in found]
            elif name == "startswith":
                found = [[*one, ANY] for one in found]
            elif name == "endswith":
                found = [[ANY, *one] for one in found]
            elif name not in ("cased", "all", "neq"):
                raise NotImplementedError(name)
        return found if self.field else [[ANY, *one, ANY] for one in found]

    def string(self, parts: list[Any]) -> Callable[[Any], bool]:
        cased = "cased" in self.modifiers
        return lambda found: found is not None and matches(parts, text(found), cased)


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "lt": lambda found, than: found < than,
    "lte": lambda found, than: found <= than,
    "gt": lambda found, than: found > than,
    "gte": lambda found, than: found >= than,
}


def in_network(found: Any, network: str) -> bool:
    try:
        return ipaddress.ip_address(str(found)) in ipaddress.ip_network(network)
    except ValueError:
        return False


def selected(definition: Any, record: Record) -> bool:
    """Whether a search identifier holds: maps are linked with AND, lists with OR, bare values are keywords."""
    if isinstance(definition, dict):
        return all(Item(key, values)(record) for key, values in definition.items())
    if isinstance(definition, list):
        return any(selected(one, record) for one in definition)
    return Item("", definition)(record)


def holds(condition: str, selections: Mapping[str, bool]) -> bool:
    """The condition over the selections' results: not before and before or."""
    words = re.findall(r"[()]|[^\s()]+", condition)

    def one_of(name: str) -> list[bool]:
        if name == "them":
            return [held for key, held in selections.items() if not key.startswith("_")]
        return [
            held
            for key, held in selections.items()
            if fnmatchcase(key, name) and (name.startswith("_") or not key.startswith("_"))
        ]

    def operand() -> bool:
        word = words.pop(0)
        if word == "not":
            return not operand()
        if word == "(":
            held = alternatives()
            assert words.pop(0) == ")"
            return held
        if words and words[0] == "of":
            words.pop(0)
            link = {"1": any, "any": any, "all": all}[word]
            return link(one_of(words.pop(0)))
        return selections[word]

    def conjunction() -> bool:
        held = operand()
        while words and words[0] == "and":
            words.pop(0)
            held = operand() and held
        return held

    def alternatives() -> bool:
        held = conjunction()
        while words and words[0] == "or":
            words.pop(0)
            held = conjunction() or held
        return held

    held = alternatives()
    assert not words, words
    return held


def fires(detection: Mapping[str, Any], record: Record) -> bool:
    """Whether a rule's `detection` section holds for a record (of the right log source)."""
    conditions = detection["condition"]
    selections = {name: selected(one, record) for name, one in detection.items() if name != "condition"}
    return any(holds(one, selections) for one in (conditions if isinstance(conditions, list) else [conditions]))
