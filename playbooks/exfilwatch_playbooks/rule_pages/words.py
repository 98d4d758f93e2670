"""Selections and correlations of rules, in words."""

from collections.abc import Iterator, Mapping, Sequence

from exfilwatch_playbooks.hostile import code
from exfilwatch_playbooks.rule_pages.written import Joined

_MOST = 12
"""Values of a field that are named; the rule's own text has all."""
_LONGEST = 300
_VERBS = {
    "contains": "contains",
    "startswith": "begins with",
    "endswith": "ends in",
    "re": "matches",
    "cidr": "is in",
    "expand": "is one of the site's own",
    "fieldref": "is the same as the field",
    "lt": "is below",
    "lte": "is at most",
    "gt": "is above",
    "gte": "is at least",
    "neq": "is not",
    "base64": "holds, in Base64,",
    "base64offset": "holds, in Base64,",
}
_BOUNDS = {"gte": "at least", "gt": "more than", "lte": "at most", "lt": "fewer than", "eq": "exactly", "neq": "not"}
_UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "M": "month", "y": "year"}


def selection(definition: object) -> str:
    """A selection as Markdown: its tests joined by *and*; alternatives by *or*."""
    if isinstance(definition, dict):
        return " **and** ".join(_test(str(name), value) for name, value in definition.items())
    if isinstance(definition, list) and any(isinstance(each, dict) for each in definition):
        return " **or** ".join(f"({selection(each)})" if _several(each) else selection(each) for each in definition)
    return f"any field contains {_values(definition, 'or')}"


def _several(definition: object) -> bool:
    return isinstance(definition, dict) and len(definition) > 1


def _test(name: str, value: object) -> str:
    field, *modifiers = name.split("|")
    if "exists" in modifiers:
        return f"{code(field)} is {'there' if value else 'absent'}"
    if value is None or value == "":
        return f"{code(field)} is empty"
    verb = next((_VERBS[each] for each in modifiers if each in _VERBS), "is")
    return f"{code(field)} {verb} {_values(value, 'and' if 'all' in modifiers else 'or')}"


def _values(value: object, joiner: str) -> str:
    values = value if isinstance(value, list) else [value]
    shown = [code(_text(each), _LONGEST) for each in values[:_MOST]]
    rest = f" (and {len(values) - _MOST} more)" if len(values) > _MOST else ""
    return listed(shown, joiner) + rest


def _text(value: object) -> str:
    return "nothing" if value is None else str(value)


def listed(words: Sequence[str], joiner: str = "and") -> str:
    """a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joiner} {words[-1]}" if words else ""


def length(timespan: str | int) -> str:
    """6h as 6 hours."""
    text = str(timespan)
    number, unit = text[:-1], _UNITS.get(text[-1:])
    return f"{number} {unit}{'' if number == '1' else 's'}" if unit else f"{text} seconds"


def correlation(joined: Joined, members: Mapping[str, str]) -> Iterator[str]:
    """Lines of Markdown that say when a correlation holds; `members` are links by name."""
    names = joined.rules if isinstance(joined.rules, list) else [joined.rules]
    group = joined.group_by if isinstance(joined.group_by, list) else [joined.group_by]
    same = f", of the same {listed([code(each) for each in group])}" if group else ""
    span = length(joined.timespan)
    shown = [members.get(each, code(each)) for each in names]
    if joined.type in ("temporal", "temporal_ordered"):
        order = "in this order" if joined.type == "temporal_ordered" else "in any order"
        yield f"All of these, {order}, within **{span}**{same}:"
        yield ""
        yield from (f"{number}. {each}" for number, each in enumerate(shown, 1))
        if isinstance(joined.condition, str):
            yield ""
            yield f"as far as {code(joined.condition)} asks for them."
        return
    yield f"{_bounded(joined)} of {listed(shown, 'or')} within **{span}**{same}."


def _bounded(joined: Joined) -> str:
    condition = joined.condition if isinstance(joined.condition, dict) else {}
    bounds = listed([f"{_BOUNDS[name]} {value}" for name, value in condition.items() if name in _BOUNDS])
    if joined.type == "event_count":
        return f"**{bounds}** events".capitalize() if bounds else "Events"
    what = joined.type.removeprefix("value_")
    fields = condition.get("field")
    names = [code(str(each)) for each in (fields if isinstance(fields, list) else [fields])]
    if what == "count":
        return f"**{bounds}** different values of {listed(names)}".capitalize()
    return f"The {what} of {listed(names)} is **{bounds}**, in the events"
