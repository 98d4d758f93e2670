"""From pySigma's model of a rule to condition trees: each named selection, and the condition over them."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from sigma.conditions import (
    ConditionAND,
    ConditionIdentifier,
    ConditionNOT,
    ConditionOR,
    ConditionSelector,
    SigmaCondition,
)
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaDetections
from sigma.types import (
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
)

from exfilwatch.detection.condition import All, Any, FieldRef, FieldTest, Keyword, Node, Not, Selection
from exfilwatch.detection.correlation_condition import Operator
from exfilwatch.detection.pattern import Pattern
from exfilwatch.detection.values import (
    Boolean,
    Cidr,
    Compare,
    Exists,
    Null,
    Number,
    OneOf,
    Part,
    Test,
    Text,
    TimePart,
    Wild,
)
from exfilwatch.errors import RuleError

Placeholders = Mapping[str, Sequence[str]]
_WILD = {SpecialChars.WILDCARD_MULTI: Wild.ANY, SpecialChars.WILDCARD_SINGLE: Wild.ONE}
_OPERATORS: dict[str, Operator] = {"LT": "lt", "LTE": "lte", "GT": "gt", "GTE": "gte", "NEQ": "neq"}


def selection_nodes(detections: SigmaDetections, placeholders: Placeholders) -> dict[str, Node]:
    """The tree of each selection. Raises RuleError that names selection and field."""
    nodes: dict[str, Node] = {}
    for name, detection in detections.detections.items():
        try:
            nodes[name] = _detection(detection, placeholders)
        except RuleError as error:
            raise RuleError(f"selection {name!r}: {error.args[0]}") from error
    return nodes


def unfilled(detections: SigmaDetections, placeholders: Placeholders) -> tuple[str, ...]:
    """The placeholders that the selections ask for and that have no value."""
    names = (name for each in detections.detections.values() for name in _asked(each))
    return tuple(dict.fromkeys(name for name in names if not placeholders.get(name)))


def _asked(detection: SigmaDetection) -> Iterator[str]:
    for item in detection.detection_items:
        if isinstance(item, SigmaDetection):
            yield from _asked(item)
        else:
            for value in item.value:
                yield from _placeholders(value)


def _placeholders(value: SigmaType) -> Iterator[str]:
    if isinstance(value, SigmaExpansion):
        for each in value.values:
            yield from _placeholders(each)
    text = value.regexp if isinstance(value, SigmaRegularExpression) else value
    if isinstance(text, SigmaString):
        yield from (part.name for part in text.s if isinstance(part, Placeholder))


def condition_node(condition: str, detections: SigmaDetections, nodes: Mapping[str, Node]) -> Node:
    """The tree of a condition over named selections. Raises RuleError or pySigma's SigmaConditionError."""
    return _condition(SigmaCondition(condition, detections).parse(postprocess=False), detections, nodes)


def _condition(item: object, detections: SigmaDetections, nodes: Mapping[str, Node]) -> Node:
    match item:
        case ConditionIdentifier():
            if item.identifier not in nodes:
                raise RuleError(f"condition: there is no selection {item.identifier!r}")
            return Selection(item.identifier, nodes[item.identifier])
        case ConditionSelector():
            found = item.resolve_referenced_detections(detections)
            if not found:
                raise RuleError(f"condition: no selection fits {' of '.join(item.args)!r}")
            parts = tuple(_condition(each, detections, nodes) for each in found)
            return _joined(parts, every=item.cond_class is ConditionAND)
        case ConditionNOT():
            return Not(_condition(item.args[0], detections, nodes))
        case ConditionAND() | ConditionOR():
            parts = tuple(_condition(each, detections, nodes) for each in item.args)
            return _joined(parts, every=isinstance(item, ConditionAND))
    raise RuleError(f"condition: {type(item).__name__} is not supported")


def _joined(parts: tuple[Node, ...], *, every: bool) -> Node:
    if len(parts) == 1:
        return parts[0]
    return All(parts) if every else Any(parts)


def _detection(detection: SigmaDetection, placeholders: Placeholders) -> Node:
    parts = tuple(
        _item(item, placeholders) if isinstance(item, SigmaDetectionItem) else _detection(item, placeholders)
        for item in detection.detection_items
    )
    return _joined(parts, every=detection.item_linking is ConditionAND)


def _item(item: SigmaDetectionItem, placeholders: Placeholders) -> Node:
    field = item.field
    try:
        values: list[SigmaType] = [each for value in item.value for each in _expanded(value, placeholders)]
        if not values:
            values = [SigmaNull()]
        every = item.value_linking is ConditionAND
        parts = tuple(_value(field, value) for value in values)
        node = _joined(parts if every else _together(parts), every=every)
    except RuleError as error:
        raise RuleError(f"field {field!r}: {error.args[0]}" if field else error.args[0]) from error
    return Not(node) if item.negated else node


def _together(parts: tuple[Node, ...]) -> tuple[Node, ...]:
    """Alternatives, with the plain texts of one field as one test."""
    texts: dict[tuple[str, bool], list[Text]] = {}
    others: list[Node] = []
    for part in parts:
        if isinstance(part, FieldTest) and isinstance(part.test, Text) and part.test.plain is not None:
            texts.setdefault((part.field, part.test.cased), []).append(part.test)
        else:
            others.append(part)
    merged = [FieldTest(field, OneOf(found) if found[1:] else found[0]) for (field, _), found in texts.items()]
    return (*merged, *others)


def _expanded(value: SigmaType, placeholders: Placeholders) -> list[SigmaType]:
    """The value with its placeholders filled in; several values of one placeholder are alternatives."""
    if isinstance(value, SigmaExpansion):
        return [SigmaExpansion([each for inner in value.values for each in _expanded(inner, placeholders)])]
    if not isinstance(value, SigmaString | SigmaRegularExpression) or not value.contains_placeholder():
        return [value]

    def fill(placeholder: Placeholder) -> Iterator[str | SigmaString]:
        if not placeholders.get(placeholder.name):
            raise RuleError(f"placeholder %{placeholder.name}% has no values: give them in the settings (placeholders)")
        for text in placeholders[
            placeholder.name
        ]:  # values may have wildcards; in an expression they stand as they are
            yield text if isinstance(value, SigmaRegularExpression) else SigmaString(text)

    filled: list[SigmaType] = list(value.replace_placeholders(fill))
    if isinstance(value, SigmaRegularExpression):
        for each in filled:
            if isinstance(each, SigmaRegularExpression):
                each.flags |= value.flags
    elif isinstance(value, SigmaCasedString):
        filled = [SigmaCasedString.from_sigma_string(each) for each in filled if isinstance(each, SigmaString)]
    return filled if len(filled) == 1 else [SigmaExpansion(filled)]


def _value(field: str | None, value: SigmaType) -> Node:
    if isinstance(value, SigmaExpansion):
        return _joined(_together(tuple(_value(field, each) for each in value.values)), every=False)
    if field is None:
        return Keyword(_keyword(value))
    if isinstance(value, SigmaFieldReference):
        return FieldRef(field, value.field, value.starts_with, value.ends_with)
    return FieldTest(field, _test(value))


def _keyword(value: SigmaType) -> Test:
    """A keyword is found anywhere in a value."""
    match value:
        case SigmaString():
            parts = _parts(value)
            return Text([Wild.ANY, *parts, Wild.ANY], isinstance(value, SigmaCasedString))
        case SigmaRegularExpression():
            return _test(value)
        case SigmaNumber() if not isinstance(value, SigmaTimestampPart):
            return Text([Wild.ANY, str(value), Wild.ANY], cased=False)
        case SigmaBool():
            return _test(value)
    raise RuleError(f"a keyword can't be {_called(value)}: name the field that it stands in")


def _test(value: SigmaType) -> Test:
    made = _TESTS.get(type(value))
    if made is None:
        raise RuleError(f"{_called(value)} is not supported")
    return made(value)


def _called(value: SigmaType) -> str:
    """A kind of value in a rule author's words: null, exists, cidrexpression."""
    return type(value).__name__.removeprefix("Sigma").lower()


def _parts(value: SigmaString) -> list[Part]:
    parts: list[Part] = []
    for part in value.s:
        if isinstance(part, str):
            parts.append(part)
        elif isinstance(part, SpecialChars):
            parts.append(_WILD[part])
        else:
            raise RuleError(f"placeholder %{part.name}% needs the modifier expand")
    return parts


def _pattern(value: SigmaRegularExpression) -> Test:
    flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
    return Pattern(value.regexp.to_plain_regex(), flags)


def _comparison(value: SigmaCompareExpression) -> Test:
    op, number = _OPERATORS[value.op.name], value.number
    if isinstance(number, SigmaTimestampPart):
        return TimePart(number.timestamp_part.name.lower(), number.number, op)
    return Compare(op, number.number)


_TESTS: dict[type[SigmaType], Callable[..., Test]] = {
    SigmaString: lambda value: Text(_parts(value), cased=False),
    SigmaCasedString: lambda value: Text(_parts(value), cased=True),
    SigmaNumber: lambda value: Number(value.number),
    SigmaTimestampPart: lambda value: TimePart(value.timestamp_part.name.lower(), value.number),
    SigmaBool: lambda value: Boolean(value.boolean),
    SigmaNull: lambda _value: Null(),
    SigmaExists: lambda value: Exists(value.exists),
    SigmaRegularExpression: _pattern,
    SigmaCIDRExpression: lambda value: Cidr(value.network),
    SigmaCompareExpression: _comparison,
}
