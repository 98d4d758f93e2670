"""What is left to ask of rules once the short values of a row are known: of long texts.

One search tells of most rows that nothing stands there of what has to for any rule. What is seldom found is searched
for; how seldom, the first rows tell. Most rules that are left, are left of most rows: their search is shared.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from exfilwatch.detection.rest import Found, Rest, Short, leaves, needs, possible, reduced, required
from exfilwatch.detection.texts import Acts, Looking, Made, Searched, Seen

_SEVERAL = 16
"""Rows after which searches are made for what is left, and rules from which on one is shared."""
_CACHED = 10_000
ONLY = 0
"""The number of a text where there is one alone."""
_CHOICES = (256, 4_096)
"""Rows after which it is chosen anew what is searched for, where that is often found."""
Having: TypeAlias = dict[int, dict[int, dict[int, None]]]
"""By text and what is found there: the rules that may fire then."""


class Ask:
    """What is left to ask of the rules of one number, of which short fields which tests, and of which of these one has
    to hold. What is left after a field is remembered: most values leave the same."""

    __slots__ = ("_after", "_found", "asked", "needs", "number", "rest")

    def __init__(self, number: int, rest: Rest) -> None:
        self.number = number
        self.rest = rest
        self.needs = needs(rest)
        self.asked: dict[int, set[int]] = {}
        for leaf in leaves(rest):
            if isinstance(leaf, Short):
                self.asked.setdefault(leaf.field, set()).add(leaf.number)
        self._after: dict[tuple[int, frozenset[int]], Ask | None] = {}
        self._found: tuple[Found, ...] | None = None

    def after(self, field: int, true: frozenset[int]) -> "Ask | None":
        """What is left when of a field that is asked for these tests hold; None: it can't fire."""
        if (one := self.needs.get(field)) and one.isdisjoint(true):
            return None  # where most come to an end
        key = field, true.intersection(self.asked[field])
        if key not in self._after:
            rest = reduced(self.rest, *key)
            self._after[key] = None if rest is False else Ask(self.number, rest)
        return self._after[key]

    def found(self, weight: Callable[[Found], int]) -> tuple[Found, ...]:
        """Texts of which one has to be found (rest.required)."""
        if self._found is None:
            self._found = required(self.rest, weight)
        return self._found


class Looks:
    """Searches for what has to stand in long texts for some rules."""

    def __init__(self, asks: Sequence[Ask], texts: Sequence[Searched], having: Having | None = None) -> None:
        """`having`: of all rules of a plan, to which these are added: all is searched for that any of them asks."""
        self.asks = asks
        self._texts = texts
        self._uses = self._met = 0
        self.always: list[tuple[int, Rest]] = []
        """Rules for which nothing has to stand anywhere."""
        self._searches = list(self._chosen(having))

    def _chosen(self, having: Having | None) -> Iterator[tuple[Looking, Mapping[int, Mapping[int, None]]]]:
        """A search of each text, and what is found by it for which rules."""
        own: Having = {}
        self.always = []
        asked: dict[int, dict[int, None]] = {}
        for ask in self.asks:
            found = ask.found(self._weight) if having is not None else required(ask.rest, self._weight)
            if not found:
                self.always.append((ask.number, ask.rest))
            for leaf in found:
                asked.setdefault(leaf.text, {})[leaf.number] = None
                rules = (own if having is None else having).setdefault(leaf.text, {})
                rules.setdefault(leaf.number, {})[ask.number] = None
        for text in sorted(asked, key=lambda text: isinstance(self._texts[text], Acts | Made)):
            searched = self._texts[text]
            if having is None:
                yield searched.among(tuple(asked[text])), own[text]
            else:
                yield searched.found, having[text]

    def _weight(self, found: Found) -> int:
        return self._texts[found.text].weight(found.number)

    def rules(self, row: Any) -> Iterable[int]:
        """The numbers of rules for which something stands there that has to, and maybe of others."""
        self._uses += 1
        there: list[int] = []
        for search, having in self._searches:
            found = search(row)
            if found is None:
                return [ask.number for ask in self.asks]
            for each in found:
                there += having.get(each, ())
        if there:
            self._met += 1
            if self._uses in _CHOICES and self._met * 8 > self._uses:
                self._searches = list(self._chosen(None))
        return there


class Common:
    """The rules that are left of most rows, with the same to ask."""

    def __init__(self, texts: Sequence[Searched]) -> None:
        self._texts = texts
        self._lefts = 0
        self._times: Counter[Ask] = Counter()
        self._looks: Looks | None = None
        self.having: Having = {}
        self.asks: frozenset[Ask] = frozenset()

    def left(self, asks: Iterable[Ask]) -> None:
        """These are left of some rows."""
        if self._looks is None:
            self._lefts += 1
            self._times.update(asks)

    @property
    def looks(self) -> Looks:
        """The searches for them. Which they are is told by what was left until now."""
        if self._looks is None:
            often = [ask for ask, times in self._times.items() if times * 2 >= self._lefts and self._is_told(ask)]
            self._looks = Looks(often if len(often) >= _SEVERAL else [], self._texts)
            self.asks = frozenset(self._looks.asks)
            self._times.clear()
        return self._looks

    def _is_told(self, ask: Ask) -> bool:
        found = required(ask.rest, lambda each: self._texts[each.text].weight(each.number))
        return bool(found) and not any(isinstance(self._texts[each.text], Acts | Made) for each in found)


class Left:
    """What is left to ask of each rule that may fire. `every`: of some rule nothing that is known."""

    def __init__(self, asks: Sequence[Ask], texts: Sequence[Searched], common: Common, *, every: bool = False) -> None:
        self._asks = asks
        self._texts = texts
        self._common = common
        self.every = every or any(ask.rest is True or ask.rest is None for ask in asks)
        self._uses = 0
        self._rests: Mapping[int, Rest] = {}
        self._always: Sequence[tuple[int, Rest]] = ()
        self._looks: Sequence[Looks] = ()
        self._told: dict[tuple[int, ...], bool] = {}
        common.left(asks)

    def _look(self) -> None:
        if not self._uses:
            self._looks = [Looks(self._asks, self._texts, self._common.having)]
            self._always = self._looks[0].always
            always = dict(self._always)
            self._rests = {ask.number: ask.rest for ask in self._asks if ask.number not in always}
        elif self._uses == _SEVERAL:
            shared = self._common.looks
            own = Looks([ask for ask in self._asks if ask not in self._common.asks], self._texts)
            self._looks = [shared, own] if shared.asks else [own]
        self._uses += 1

    def may_fire(self, row: Any) -> bool:
        """Whether some rule may fire on a row."""
        if self.every:
            return True
        if self._uses <= _SEVERAL or self._always:
            return next(self.rules(row), None) is not None
        seen: _Texts | None = None
        for looks in self._looks:
            for number in looks.rules(row):
                rest = self._rests.get(number)
                if rest is not None:
                    if seen is None:
                        seen = _Texts(self._texts, row)
                    if possible(rest, seen):
                        return True
        return False

    def told(self, found: tuple[int, ...]) -> bool:
        """Whether some rule may fire where these, and no others, are found in the only text that is looked at."""
        known = self._told.get(found)
        if known is None:
            if len(self._told) >= _CACHED:
                self._told.clear()
            seen = {ONLY: found.__contains__}
            known = self._told[found] = any(possible(ask.rest, seen) for ask in self._asks)
        return known

    def rules(self, row: Any) -> Iterator[int]:
        """The numbers of the rules that may fire on a row."""
        if self._uses <= _SEVERAL:
            self._look()
        seen: _Texts | None = None
        for number, rest in self._always:
            if seen is None:
                seen = _Texts(self._texts, row)
            if possible(rest, seen):
                yield number
        asked: set[int] | None = None
        for looks in self._looks:
            numbers = looks.rules(row)
            if not numbers:
                continue
            if asked is None:
                asked = set()
            if seen is None:
                seen = _Texts(self._texts, row)
            for number in numbers:
                if number not in asked and number in self._rests:
                    asked.add(number)
                    if possible(self._rests[number], seen):
                        yield number


class _Texts(dict[int, Seen]):
    """The texts of a row, each looked at when it is asked."""

    def __init__(self, texts: Sequence[Searched], row: Any) -> None:
        self._all = texts
        self._row = row

    def __missing__(self, text: int) -> Seen:
        seen = self[text] = self._all[text].of(self._row)
        return seen
