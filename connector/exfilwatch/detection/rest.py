"""What is left to ask of a rule, as more and more of an event's values are known: a tree that shrinks."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import is_
from typing import TypeAlias

import msgspec


class Short(msgspec.Struct, frozen=True):
    """A test of a short value: the number of the field, and of the test among those of it."""

    field: int
    number: int


class Found(msgspec.Struct, frozen=True):
    """Something to be found in a long text: the number of the text, and its number there."""

    text: int
    number: int


class Weighed(msgspec.Struct, frozen=True):
    """Parts whose weights must add up to `threshold`."""

    threshold: int
    parts: "tuple[tuple[int, Rest], ...]"


class Some(msgspec.Struct, frozen=True):
    """`every` of the parts, or one."""

    every: bool
    parts: "tuple[Rest, ...]"


class Negated(msgspec.Struct, frozen=True):
    part: "Rest"


Rest: TypeAlias = bool | Short | Found | Weighed | Some | Negated | None
"""What is left to ask; None: not known here."""


_HEAVY = 6
"""Characters of a text that is seldom found, as long as it was not."""
Seen: TypeAlias = Mapping[int, Callable[[int], bool | None]]
"""Of each text: whether what has this number is found in it; None where that can't be told."""


def possible(rest: Rest, seen: Seen, wanted: bool = True) -> bool:
    """Whether what is left, all short values being known, can still be `wanted`."""
    if isinstance(rest, Found):
        found = seen[rest.text](rest.number)
        return found is None or found is wanted
    if isinstance(rest, Some):
        if rest.every is wanted:
            return all(possible(part, seen, wanted) for part in rest.parts)
        return any(possible(part, seen, wanted) for part in rest.parts)
    if isinstance(rest, Negated):
        return possible(rest.part, seen, not wanted)
    if isinstance(rest, bool):
        return rest is wanted
    if isinstance(rest, Weighed):
        return not wanted or sum(weight for weight, part in rest.parts if possible(part, seen)) >= rest.threshold
    return True


def required(rest: Rest, weight: Callable[[Found], int]) -> tuple[Found, ...]:
    """Texts of which one has to be found wherever the rest holds: of several choices that whose lightest is heaviest,
    where all are heavy (_HEAVY) the fewest; () when none has to."""
    if isinstance(rest, Found):
        return (rest,)
    if isinstance(rest, Some) and rest.every:
        each = [found for part in rest.parts if (found := required(part, weight))]
        return max(each, key=lambda found: _seldom(found, min(map(weight, found))), default=())
    if isinstance(rest, Some | Weighed):
        parts = rest.parts if isinstance(rest, Some) else [part for _, part in rest.parts]
        each = [required(part, weight) for part in parts]
        return tuple(dict.fromkeys(found for some in each for found in some)) if all(each) else ()
    return ()


def _seldom(found: tuple[Found, ...], lightest: int) -> tuple[int, int, int]:
    return min(lightest, _HEAVY), -len(found), lightest


def needs(rest: Rest) -> dict[int, frozenset[int]]:
    """Of short fields: tests of which one has to hold wherever the rest does, as far as that is plain to see."""
    found: dict[int, frozenset[int]] = {}
    for part in rest.parts if isinstance(rest, Some) and rest.every else (rest,):
        one = part.parts if isinstance(part, Some) and not part.every else (part,)
        short = [each for each in one if isinstance(each, Short)]
        if len(short) == len(one) and all(each.field == short[0].field for each in short):
            found[short[0].field] = frozenset(each.number for each in short)
    return found


def reduced(rest: Rest, field: int, true: frozenset[int]) -> Rest:
    """What is left when of a field's tests those numbered `true` hold, and no others."""
    if isinstance(rest, Short):
        return rest.number in true if rest.field == field else rest
    if isinstance(rest, Some):
        left: list[Rest] = []
        for part in rest.parts:
            now = reduced(part, field, true)
            if now is (not rest.every):
                return now
            if now is not rest.every:
                left.append(now)
        return rest if len(left) == len(rest.parts) and all(map(is_, left, rest.parts)) else joined(left, rest.every)
    if isinstance(rest, Negated):
        now = reduced(rest.part, field, true)
        return rest if now is rest.part else negated(now)
    if isinstance(rest, Weighed):
        return weighed(rest.threshold, [(weight, reduced(part, field, true)) for weight, part in rest.parts])
    return rest


def joined(parts: Iterable[Rest], every: bool) -> Rest:
    """And (`every`) or or, with what is known already taken out."""
    left: list[Rest] = []
    for part in parts:
        if part is (not every):
            return not every
        if part is not every:
            left.append(part)
    if not left:
        return every
    return left[0] if len(left) == 1 else Some(every, tuple(left))


def negated(part: Rest) -> Rest:
    """The opposite."""
    if part is None or isinstance(part, bool):
        return None if part is None else not part
    return Negated(part)


def weighed(threshold: int, parts: list[tuple[int, Rest]]) -> Rest:
    """Whether the weights of those that hold can add up."""
    threshold -= sum(weight for weight, part in parts if part is True)
    left = tuple((weight, part) for weight, part in parts if not isinstance(part, bool))
    if threshold <= 0:
        return True
    return Weighed(threshold, left) if sum(weight for weight, _ in left) >= threshold else False


def leaves(rest: Rest) -> Iterator[Short | Found]:
    """The tests that are left, possibly more than once."""
    if isinstance(rest, Short | Found):
        yield rest
    elif isinstance(rest, Some):
        for part in rest.parts:
            yield from leaves(part)
    elif isinstance(rest, Negated):
        yield from leaves(rest.part)
    elif isinstance(rest, Weighed):
        for _, part in rest.parts:
            yield from leaves(part)
