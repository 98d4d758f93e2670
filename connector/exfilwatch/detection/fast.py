"""The fast path: rows of typed members (events/typed.py), screened (screen.py) without ever making an event.

`FastRows` is one decoder with the screens of all classes of its shape, for some of the rules. It tells which rows need
a full look; everything else about them is the slow path's business, which decodes those rows again and evaluates the
rules exactly.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import compress
from typing import Any

import msgspec

from exfilwatch.detection.condition import Node
from exfilwatch.detection.derived import TASKS
from exfilwatch.detection.evaluate import Evaluator
from exfilwatch.detection.look import EVERYTHING, Look
from exfilwatch.detection.parts import with_parts
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.screen import COUNTS, LONG, Plan, looked_at
from exfilwatch.detection.sieve import MOST, Sieve
from exfilwatch.detection.starts import Start
from exfilwatch.detection.texts import FieldGetter, Words
from exfilwatch.detection.together import together
from exfilwatch.detection.trees import STARTS, TOLD
from exfilwatch.detection.words import Spoken, words_of
from exfilwatch.events.blocks import Block
from exfilwatch.events.classify import EventClass
from exfilwatch.events.event_xml import unescape
from exfilwatch.events.form import Untyped
from exfilwatch.events.mapping import compile_expression, dict_access, first_filled, first_present, to_int
from exfilwatch.events.shape import Record, Shape, based
from exfilwatch.events.specs import windows
from exfilwatch.events.spelling import paths_of
from exfilwatch.events.typed import Row, Text, TypedRows

_CACHED = 50_000
EVTX = "evtx"
IMAGE = "Image"
_UNKNOWN = EventClass("", "", "", {}, ("",))
# Logs whose members have names with spaces ("New Value"), which rules name without them.
_SPACED = ("windefend",)
Options = list[list[tuple[Any, tuple[str, ...]]]]


def fast_rows(shape: Shape, sample: Record, evaluator: Evaluator, lazy: Sequence[frozenset[str]]) -> "FastRows":
    """Rows of one form. `lazy` are rules whose hits are only asked for near those of others (neighbours.py): each group
    of them gets a decoder of its own, in `near`, where hosts and times can be told.

    Raises Untyped when records like the sample can't be decoded so.
    """
    every = frozenset(rule.id for rule in with_parts(evaluator.rules.rules))
    trees = evaluator.rules.asks_for_trees
    if lazy:
        eager = FastRows(shape, sample, evaluator, every.difference(*lazy), timed=True, trees=trees, spoken=True)
        near = [FastRows(shape, sample, evaluator, each, timed=True) for each in lazy]
        if eager.placed and all(each.placed and each.host_is_computer() for each in near):
            eager.lead(near)
            return eager
    return FastRows(shape, sample, evaluator, every, timed=trees, trees=trees, spoken=True)


class FastRows:
    """Rows of one form, as some of the rules look at them.

    Raises Untyped when records like the sample can't be decoded so.
    """

    near: "Sequence[FastRows]" = ()
    sieve: Sieve | None = None
    """Tells on which rows rules of `near` may fire, by their class and image; None: that can't be told."""

    def __init__(
        self,
        shape: Shape,
        sample: Record,
        evaluator: Evaluator,
        rules: frozenset[str],
        *,
        timed: bool,
        trees: bool = False,
        spoken: bool = False,
    ) -> None:
        """`trees`: starts of processes are asked for (`starts`). `spoken`: the lines in which keywords stand are looked
        for apart, where that can be told (`spoken`).
        """
        # The records of an EVTX file are texts that are made one by one.
        self._wordless = spoken and bool(shape.spec.windows) and shape.name != EVTX
        self._sought: dict[str, None] = {}
        self.shape = shape
        self._evaluator = evaluator
        self._rules = rules
        self._trees = trees
        self._class_keys = self._chosen_keys(sample)
        typed = self._typed(shape, sample, timed=timed)
        self.typed = typed
        self.decode_lines = typed.decoder.decode_lines
        self.decode = typed.decoder.decode
        self.placed = bool(typed.host_path and typed.time_path)
        self.host = typed.values([typed.host_path] if typed.host_path else [])
        self.time = typed.values([typed.time_path] if typed.time_path else [])
        if not all(map(typed.hashable, self._key_paths)):
            raise Untyped
        self._key = typed.values(self._key_paths)
        self._keys = [typed.values([path]) for path in self._key_paths]
        self._choose = self._chooser()
        self._looks: dict[Any, Look | None] = {}
        self._grouped = False
        """Whether rows are looked at class by class, all of a block together."""
        self._asked: dict[Any, bool] = {}
        self._tell: dict[Any, Callable[[Row], Start] | None] = {}
        self._near_plans: dict[Any, list[Plan]] = {}
        self._images: Callable[[Row], list[Any]] = lambda _row: []
        self._first = self._first_key()

    def lead(self, near: "Sequence[FastRows]") -> None:
        """The rules of these are lazy: their hits are asked for near those of the rules here."""
        self.near = near
        # Where fewer keys are decoded, classes are not told apart as they are there.
        told = all(
            own or not other for each in near for own, other in zip(self._class_keys, each._class_keys, strict=True)
        )
        if told and len(near) <= MOST:
            classes = (*self.shape.classifier.classes, _UNKNOWN)
            options = (self._options(found, IMAGE, raw) or [] for found in classes for raw in (True, False))
            images = dict.fromkeys(path for each in options for path in _paths(each) if self.typed.hashable(path))
            getters = [self.typed.values([path]) for path in images]
            self._images = lambda row: [get(row) for get in getters]
            self.sieve = Sieve(self.typed.values([*self._key_paths, *images]), len(near), self._may_be_near)

    def _may_be_near(self, row: Row) -> list[bool]:
        """Of each of `near`: whether a rule of it may fire on a row, by its class and image."""
        found = self._choose(row) or _UNKNOWN
        words = self._words(found, row)
        if self._is_untold(words[-1]):
            return [True] * len(self.near)
        if not all(each is None or isinstance(each, str) for each in self._images(row)):
            return [True] * len(self.near)  # 1 and true are the same key, and not the same name
        plans = self._near_plans.get((id(found), words))
        if plans is None:
            concerned = self._evaluator.concerned(words)

            def getter(rule: Rule, field: str) -> FieldGetter | None:
                return self._getter(found, rule, field) if field == IMAGE else None

            plans = self._near_plans[id(found), words] = [Plan(each._wanted(concerned), getter) for each in self.near]
        return [plan.left(row) is not None for plan in plans]

    def host_is_computer(self) -> bool:
        """Whether the host of a row is what the rules see as Computer."""
        return not any(
            "Computer" in self.shape.field_expressions(found) and self._concerned(found)
            for found in self.shape.classifier.classes
        )

    # Which members are needed

    def _chosen_keys(self, sample: Record) -> list[bool]:
        """Which of the classifier's keys are looked at. A Windows log is known by its channel where there is one, and
        the values that tell event ids of several categories apart matter only when a rule asks for these."""
        keys = self.shape.classifier.keys
        if not self.shape.spec.windows:
            return [True] * len(keys)
        channel = compile_expression(keys[0][0], based(dict_access, keys[0][1]), self.shape.name)(sample)
        several = {(event.service, number) for event in windows().events if event.when for number in event.ids}
        categories = {
            event.category for event in windows().events if any((event.service, n) in several for n in event.ids)
        }
        asked = any(
            rule.source.category and any(rule.source.fits(category, "", "") for category in categories)
            for rule in self._wanted(self._evaluator.rules.rules)
        )
        return [True, True, not channel, *[asked] * (len(keys) - 3)]

    def _typed(self, shape: Shape, sample: Record, *, timed: bool) -> TypedRows:
        keys = [
            path
            for (expression, bases, _), used in zip(shape.classifier.keys, self._class_keys, strict=True)
            if used
            for path in paths_of(expression, bases)
        ]
        short: dict[str, None] = {}
        long: dict[str, None] = {}
        for found in shape.classifier.classes:
            words = [part for part in (found.category, found.product, found.service) if not isinstance(part, str)]
            keys += [path for word in words for path in paths_of(word, found.bases)]
            starts = found.category == STARTS or not isinstance(found.category, str)
            told = [(field, False) for field in TOLD if self._trees and starts]
            for field, raw in [*looked_at(self._concerned(found)), *told]:
                options = self._options(found, field, raw)
                (long if field in LONG else short).update(dict.fromkeys(_paths(options or ())))
        self._key_paths = list(dict.fromkeys(keys))
        only_long = [path for path in long if path not in short]
        return TypedRows(shape, sample, keys=self._key_paths, scalars=list(short), long=only_long, timed=timed)

    def _concerned(self, found: EventClass) -> Sequence[Rule]:
        words = found.category, found.product, found.service
        if all(isinstance(word, str) for word in words):
            return self._wanted(self._evaluator.concerned(words))
        return self._wanted(with_parts(self._evaluator.rules.rules))

    def _wanted(self, rules: Iterable[Rule]) -> list[Rule]:
        found = [rule for rule in rules if rule.id in self._rules]
        # No Windows log counts bytes, and most of all events are its connections.
        return [rule for rule in found if COUNTS.isdisjoint(rule.needed)] if self.shape.spec.windows else found

    def _options(self, found: EventClass, field: str, raw: bool) -> Options | None:
        """Where a rule sees a field of this class: groups of expressions; in each the first that is not empty counts,
        of the groups the first that gives a value. None: not known here."""
        spec = self.shape.spec
        mapped = list(self.shape.field_expressions(found).get(field, ()))
        if field == "Computer" and not mapped:
            mapped = [(path, ("",)) for path in spec.host]
        own: Options = []
        if field in spec.system:
            own.append([(spec.system[field], (spec.prefix.rstrip("."),))])
        bases = tuple(base for base in self.shape.bases if not base.endswith("*"))
        if "." in field:  # as the name of a member of its own it can't be told from a path
            return [mapped] if mapped and not raw else None
        own += [[(field, (base,))] for base in bases]
        groups = [*own, mapped] if raw else [mapped, *own]
        return [group for at, group in enumerate(groups) if group not in groups[:at]]

    # Classes

    def _first_key(self) -> Callable[[Row], Any] | None:
        """Of a Windows log: the event id, when by it alone most rows can be passed over."""
        if not self.shape.spec.windows or len(self._key_paths) < 2:
            return None
        services = ("", *windows().services)
        plain = [(product, service) for product in ("windows", "linux") for service in services]
        if any(self._is_looked_at("", *words) for words in plain):
            return None
        expression, bases, _ = self.shape.classifier.keys[1]
        paths = paths_of(expression, bases)
        return self.typed.values(paths) if len(self.typed.attributes(paths)) == 1 else None

    def _is_asked(self, event_id: Any) -> bool:
        """Whether an event of this id, of whatever log, is one that a rule looks at."""
        number = to_int(event_id.text if isinstance(event_id, Text) else event_id)
        return any(
            self._is_looked_at(event.category, product, event.service)
            for event in windows().events
            if number in event.ids
            for product in ("windows", "linux")
        )

    def _is_looked_at(self, category: str, product: str, service: str) -> bool:
        return bool(self._wanted(self._evaluator.concerned((category, product, service))))

    def _chooser(self) -> Callable[[Row], EventClass | None]:
        getters = [
            (compile_expression(expression, based(self.typed.access, bases), self.shape.name), presence)
            if used
            else None
            for (expression, bases, presence), used in zip(self.shape.classifier.keys, self._class_keys, strict=True)
        ]

        def choose(row: Row) -> EventClass | None:
            values = []
            for found in getters:
                value = found[0](row) if found else None
                if found and found[1]:
                    value = "*" if value not in (None, "", []) else None
                values.append(value or None)
            return self.shape.classifier.choose(tuple(values))

        return choose

    def _words(self, found: EventClass, row: Row) -> tuple[str, str, str]:
        """Category, product and service of a row of a class."""
        category, product, service = (
            word
            if isinstance(word, str)
            else str(compile_expression(word, based(self.typed.access, found.bases), "")(row) or "").lower()
            for word in (found.category, found.product, found.service)
        )
        return category, product, service

    def _is_untold(self, service: str) -> bool:
        """A channel that names no log (ForwardedEvents): the provider, which is not decoded, would."""
        return bool(self.shape.spec.windows) and not service and not self._class_keys[2]

    def _look(self, row: Row) -> Look | None:
        """The look for the class of a row; None when no rule looks at such events."""
        found = self._choose(row) or _UNKNOWN
        category, product, service = self._words(found, row)
        if self._is_untold(service):
            return Look(EVERYTHING, lambda _row: (), {})
        rules = self._wanted(self._evaluator.concerned((category, product, service)))
        if not rules:
            return None
        paths: dict[str, None] = {}
        for field, raw in looked_at(rules):
            if field not in LONG:
                options = self._options(found, field, raw) or []
                paths.update(dict.fromkeys(_paths(options)))
        known = [path for path in paths if self.typed.hashable(path)]
        starts = category == STARTS

        def getter(rule: Rule, field: str) -> FieldGetter | None:
            return None if starts and field in TASKS else self._getter(found, rule, field)

        if self._wordless:
            self._sought |= dict.fromkeys(words_of(_asked_of(rules)))
        plan = Plan(rules, getter, wordless=self._wordless)
        return Look(plan, self.typed.values(known), {}, together(plan.texts, self._raw))

    def _raw(self, words: Words) -> Callable[[Row], msgspec.Raw] | None:
        """What gives the text of a row as it stands in the record, where it stands there."""
        return self.typed.raw(words.get)

    def _tells(self, row: Row) -> Callable[[Row], Start] | None:
        """What rows of the class of a row tell of their process, if they are starts of processes."""
        found = self._choose(row)
        if not self._trees or not self.placed or found is None or self._words(found, row)[0] != STARTS:
            return None
        options = [self._options(found, field, raw=False) or [] for field in TOLD]
        single = [dict.fromkeys(_paths(each)) for each in options if all(map(_is_plain, each))]
        paths = [str(self.typed.host_path), str(self.typed.time_path), *(path for each in single for path in each)]
        if len(single) == len(TOLD) and len(self.typed.attributes(paths)) == 2 + len(TOLD) == len(paths):
            quick: Callable[[Row], Start] = self.typed.values(paths)
            return quick
        getters = [self._reading(each, field) for each, field in zip(options, TOLD, strict=True)]
        return lambda row: (self.host(row), self.time(row), *(get(row) for get in getters))

    def _getter(self, found: EventClass, rule: Rule, field: str) -> FieldGetter | None:
        groups = self._options(found, field, rule.source.raw)
        if groups is None or (rule.source.raw and found.service in _SPACED and field not in self.shape.spec.system):
            return None
        if field not in LONG and not all(map(self.typed.hashable, _paths(groups))):
            return None  # what is decided by such values could not be remembered by them
        try:
            get = self._reading(groups, field)
        except Untyped:
            return None
        if not self.shape.spec.escaped:
            return get
        return lambda row: unescape(value) if isinstance(value := get(row), str) else value

    def _reading(self, groups: Options, field: str) -> FieldGetter:
        """How to read a field by its options. Raises Untyped."""
        return first_present(
            [
                first_filled([compile_expression(e, based(self.typed.access, bases), field) for e, bases in group])
                for group in groups
                if group
            ]
        )

    # Rows

    def starts(self, rows: Sequence[Row]) -> list[Start]:
        """The rows that are starts of processes; after `candidates`, by which their classes are known."""
        tell = list(map(self._tell.get, map(self._key, rows)))
        return [
            told(row) for told, row in zip(filter(None, tell), compress(rows, tell), strict=True) if told is not None
        ]

    def is_asked(self, event_id: str) -> bool:
        """Whether some rule, also one whose hits are lazy, may look at events of this id."""
        every = [self, *self.near]
        return any(each._first is None or each._is_asked(event_id) for each in every)

    def spoken(self, block: Block) -> list[int]:
        """The positions of a block's lines in which a keyword may stand that a rule asks for; after `candidates`, by
        which the rules are known."""
        return _spoken(tuple(self._sought)).lines(block) if self._sought else []

    def candidates(self, rows: Sequence[Row]) -> list[int]:
        """The positions of the rows on which a rule may fire."""
        while True:
            try:
                return self._candidates(*self._first_asked(rows))
            except KeyError as error:
                self._learn(rows, error.args[0])

    def _first_asked(self, rows: Sequence[Row]) -> tuple[Iterable[int], Sequence[Row]]:
        """The rows whose event id is asked for, and their positions. Raises KeyError for one that is not known yet."""
        if self._first is None:
            return range(len(rows)), rows
        asked = map(self._asked.__getitem__, map(self._first, rows))
        if not self._grouped:
            asks = list(asked)
            return compress(range(len(rows)), asks), list(compress(rows, asks))
        # In most blocks nobody asks for the positions, for which it would all be looked up once more.
        again = map(self._asked.__getitem__, map(self._first, rows))
        return compress(range(len(rows)), again), list(compress(rows, asked))

    def _candidates(self, where: Iterable[int], rows: Sequence[Row]) -> list[int]:
        """Of `where`, for these rows. Raises KeyError for what is not known yet."""
        if self._grouped:
            return self._together(where, rows)
        looks = map(self._looks.__getitem__, map(self._key, rows))
        return [
            at
            for at, row, look in zip(where, rows, looks, strict=True)
            # What most rows come to is asked without a call.
            if look is not None and (left := look.left.get(look.values(row), look)) is not None and left.may_fire(row)
        ]

    def _together(self, where: Iterable[int], rows: Sequence[Row]) -> list[int]:
        """The same, class by class. Raises KeyError for a class that is not known."""
        if all(len(set(map(each, rows))) < 2 for each in self._keys):
            look = self._looks[self._key(rows[0])] if rows else None
            return _firing(look, where, rows) if look else []
        looks, places = list(map(self._looks.__getitem__, map(self._key, rows))), list(where)
        found: list[int] = []
        for look in filter(None, dict.fromkeys(looks)):
            here = [each is look for each in looks]
            found += _firing(look, compress(places, here), list(compress(rows, here)))
        return sorted(found)

    def may_fire(self, row: Row) -> bool:
        """Whether a rule may fire on the row."""
        return bool(self.candidates([row]))

    def _learn(self, rows: Sequence[Row], key: Any) -> None:
        if self._first is not None and not isinstance(key, tuple):
            if len(self._asked) >= _CACHED:
                self._asked.clear()
            self._asked[key] = self._is_asked(key)
            return
        if len(self._looks) >= _CACHED:
            self._looks.clear()
            self._tell.clear()
        row = next(row for row in rows if self._key(row) == key)
        self._looks[key], self._tell[key] = self._look(row), self._tells(row)
        looks = [look for look in self._looks.values() if look is not None]
        self._grouped = bool(looks) and all(look.together for look in looks)


def _firing(look: Look, where: Iterable[int], rows: Sequence[Row]) -> list[int]:
    """Of `where`, for rows of one class: where a rule may fire."""
    lefts = look.lefts(rows)
    asked = look.firing(list(compress(rows, lefts)), list(filter(None, lefts)))
    return list(compress(compress(where, lefts), asked)) if any(asked) else []


def _asked_of(rules: Iterable[Rule]) -> Iterator[Node]:
    """What some rules ask of events."""
    return (node for rule in rules for node in (rule.screen, *(rule.nodes[name] for name in rule.weights)))


@lru_cache(100)
def _spoken(words: tuple[str, ...]) -> Spoken:
    return Spoken(words)


def _is_plain(group: Iterable[tuple[Any, tuple[str, ...]]]) -> bool:
    """Whether a field is a member as it stands, or its number."""
    return all(isinstance(each, str) or (isinstance(each, dict) and each.keys() == {"int"}) for each, _ in group)


def _paths(groups: Iterable[Iterable[tuple[Any, tuple[str, ...]]]]) -> Iterator[str]:
    """The paths that the expressions of a field look at."""
    return (path for group in groups for option in group for path in paths_of(*option))
