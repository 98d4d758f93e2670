"""The fast path: rows of typed members (events/typed.py), screened (screen.py) without ever making an event.

`FastRows` is one decoder with the screens of all classes of its shape. It tells which rows need a full look; everything
else about them is the slow path's business, which decodes those rows again and evaluates the rules exactly.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from exfilwatch.detection.evaluate import Evaluator
from exfilwatch.detection.look import EVERYTHING, Look
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.screen import LONG, FieldGetter, Plan, looked_at
from exfilwatch.events.classify import EventClass
from exfilwatch.events.event_xml import unescape
from exfilwatch.events.form import Untyped
from exfilwatch.events.mapping import compile_expression, dict_access, first_filled, first_present, to_int
from exfilwatch.events.shape import Record, Shape, based
from exfilwatch.events.specs import windows
from exfilwatch.events.spelling import paths_of
from exfilwatch.events.typed import Row, Text, TypedRows

_CACHED = 50_000
_EVENT_ID = re.compile(r'"EventID":(?:\{[^{}]*"#text":)?(\d+)', re.ASCII)
# Logs whose members have names with spaces ("New Value"), which rules name without them.
_SPACED = ("windefend",)
Options = list[list[tuple[Any, tuple[str, ...]]]]


class FastRows:
    """Rows of one form. `lazy` are rules whose hits are only asked for near those of others (neighbours.py).

    Raises Untyped when records like the sample can't be decoded so.
    """

    def __init__(self, shape: Shape, sample: Record, evaluator: Evaluator, lazy: frozenset[str]) -> None:
        self.shape = shape
        self._evaluator = evaluator
        self._class_keys = self._chosen_keys(sample)
        typed = self._typed(shape, sample, timed=bool(lazy))
        self.typed = typed
        self.decode_lines = typed.decoder.decode_lines
        self.decode = typed.decoder.decode
        self.host = typed.values([typed.host_path]) if typed.host_path else None
        self.time = typed.values([typed.time_path]) if typed.time_path else None
        self.lazy = lazy if self.host and self.time and self._host_is_computer(lazy) else frozenset()
        if not all(map(typed.hashable, self._key_paths)):
            raise Untyped
        self._key = typed.values(self._key_paths)
        self._choose = self._chooser()
        self._eager: dict[Any, Look | None] = {}
        self._lazy: dict[Any, Look | None] = {}
        self._asked: dict[Any, bool] = {}
        self._first = self._first_key()
        self._skim: dict[str | None, bool] = {}

    def _host_is_computer(self, lazy: frozenset[str]) -> bool:
        """Whether the host of a row is what lazy rules see as Computer."""
        return not any(
            "Computer" in self.shape.field_expressions(found)
            for found in self.shape.classifier.classes
            if any(rule.id in lazy for rule in self._concerned(found))
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
            for rule in self._evaluator.rules.rules
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
            for field, raw in looked_at(self._concerned(found)):
                options = self._options(found, field, raw)
                (long if field in LONG else short).update(dict.fromkeys(_paths(options or ())))
        self._key_paths = list(dict.fromkeys(keys))
        only_long = [path for path in long if path not in short]
        return TypedRows(shape, sample, keys=self._key_paths, scalars=list(short), long=only_long, timed=timed)

    def _concerned(self, found: EventClass) -> Sequence[Rule]:
        words = found.category, found.product, found.service
        if all(isinstance(word, str) for word in words):
            return self._evaluator.concerned(words)
        return self._evaluator.rules.rules

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
        if "." in field:
            return None
        own += [[(field, (base,))] for base in bases]
        return [*own, mapped] if raw else [mapped, *own]

    # Classes

    def _first_key(self) -> Callable[[Row], Any] | None:
        """Of a Windows log: the event id, when by it alone most rows can be passed over."""
        if not self.shape.spec.windows or len(self._key_paths) < 2:
            return None
        services = ("", *windows().services)
        plain = [(product, service) for product in ("windows", "linux") for service in services]
        if any(self._is_looked_at("", *words, lazy=lazy) for words in plain for lazy in (False, True)):
            return None
        expression, bases, _ = self.shape.classifier.keys[1]
        paths = paths_of(expression, bases)
        return self.typed.values(paths) if len(self.typed.attributes(paths)) == 1 else None

    def _is_asked(self, event_id: Any, *, lazy: bool = False) -> bool:
        """Whether an event of this id, of whatever log, is one that a rule looks at that is `lazy` or not."""
        number = to_int(event_id.text if isinstance(event_id, Text) else event_id)
        return any(
            self._is_looked_at(event.category, product, event.service, lazy=lazy)
            for event in windows().events
            if number in event.ids
            for product in ("windows", "linux")
        )

    def _is_looked_at(self, category: str, product: str, service: str, *, lazy: bool) -> bool:
        concerned = self._evaluator.concerned((category, product, service))
        return any((rule.id in self.lazy) is lazy for rule in concerned)

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

    def _look(self, row: Row, *, lazy: bool) -> Look | None:
        """The look for the class of a row; None when no rule (or, `lazy`, no lazy rule) looks at such events."""
        found = self._choose(row) or EventClass("", "", "", {}, ("",))
        category, product, service = (
            word
            if isinstance(word, str)
            else str(compile_expression(word, based(self.typed.access, found.bases), "")(row) or "").lower()
            for word in (found.category, found.product, found.service)
        )
        if self.shape.spec.windows and not service and not self._class_keys[2]:
            # A channel that names no log (ForwardedEvents): the provider, which is not decoded, would.
            return None if lazy else Look(EVERYTHING, lambda _row: (), {})
        concerned = self._evaluator.concerned((category, product, service))
        rules = [rule for rule in concerned if (rule.id in self.lazy) is lazy]
        if not rules:
            return None
        paths: dict[str, None] = {}
        for field, raw in looked_at(rules):
            if field not in LONG:
                options = self._options(found, field, raw) or []
                paths.update(dict.fromkeys(_paths(options)))
        known = [path for path in paths if self.typed.hashable(path)]
        return Look(Plan(rules, lambda rule, field: self._getter(found, rule, field)), self.typed.values(known), {})

    def _getter(self, found: EventClass, rule: Rule, field: str) -> FieldGetter | None:
        groups = self._options(found, field, rule.source.raw)
        if groups is None or (rule.source.raw and found.service in _SPACED and field not in self.shape.spec.system):
            return None
        if field not in LONG and not all(map(self.typed.hashable, _paths(groups))):
            return None  # what is decided by such values could not be remembered by them
        try:
            get: FieldGetter = first_present(
                [
                    first_filled([compile_expression(e, based(self.typed.access, bases), field) for e, bases in group])
                    for group in groups
                    if group
                ]
            )
        except Untyped:
            return None
        if not self.shape.spec.escaped:
            return get
        return lambda row: unescape(value) if isinstance(value := get(row), str) else value

    # Rows

    def skimmed(self, lines: Sequence[bytes | str]) -> list[int] | None:
        """The positions of EVTX records that some rule may look at, told from the number of their event alone.

        The evtx package writes System, with the number, before the event's data, and a quote within a text is escaped,
        so that the first `"EventID":` is the record's own. None: they have to be decoded to tell.
        """
        if self.shape.name != "evtx" or self._first is None:
            return None
        found: list[int] = []
        seen = self._skim
        for at, text in enumerate(lines):
            number = _EVENT_ID.search(text) if isinstance(text, str) else None
            key = number[1] if number else None
            if key not in seen:
                seen[key] = key is None or self._is_asked(key) or self._is_asked(key, lazy=True)
            if seen[key]:
                found.append(at)
        return found

    def candidates(self, rows: Sequence[Row]) -> list[int]:
        """The positions of the rows on which a rule that is not lazy may fire."""
        looks, key = self._eager, self._key
        while True:
            try:
                if self._first is None:
                    found = map(looks.__getitem__, map(key, rows))
                    return [at for at, look in enumerate(found) if look is not None and look.may_fire(rows[at])]
                asked = self._asked
                found_at: list[int] = []
                for at in [at for at, first in enumerate(map(self._first, rows)) if asked[first]]:
                    row = rows[at]
                    look = looks[key(row)]
                    # What most rows come to is asked without a call.
                    if look is not None and look.left.get(look.values(row), look) is not None and look.may_fire(row):
                        found_at.append(at)
                return found_at
            except KeyError as error:
                self._learn(looks, rows, error.args[0], lazy=False)

    def may_fire_lazily(self, row: Row) -> bool:
        """Whether a lazy rule may fire on the row."""
        key = self._key(row)
        if key not in self._lazy:
            self._learn(self._lazy, [row], key, lazy=True)
        look = self._lazy[key]
        return look is not None and look.may_fire(row)

    def _learn(self, looks: dict[Any, Look | None], rows: Sequence[Row], key: Any, *, lazy: bool) -> None:
        if not lazy and self._first is not None and not isinstance(key, tuple):
            if len(self._asked) >= _CACHED:
                self._asked.clear()
            self._asked[key] = self._is_asked(key)
            return
        if len(looks) >= _CACHED:
            looks.clear()
        looks[key] = self._look(next(row for row in rows if self._key(row) == key), lazy=lazy)


def _paths(groups: Iterable[Iterable[tuple[Any, tuple[str, ...]]]]) -> Iterator[str]:
    """The paths that the expressions of a field look at."""
    return (path for group in groups for option in group for path in paths_of(*option))
