"""Hits that matter only near others: the semi-join behind correlations such as archive_then_network.

Connections are most of all events, archives are few. So one member of such a correlation leads: its hits are looked for
everywhere, and those of the other members (the `lazy` rules) only in the same group and at most the timespan away. That
changes no match (CorrelationPlan.drivers). Rows wait in memory for a leader that may still come; when the clock of the
input has gone past them, they are looked through once, for all leaders together, and let go. They are read again should
a leader come late after all. So the order in which events arrive changes nothing but the time that it takes.

Starts of shells are far fewer, but most of what a rule would otherwise fire on; what leads there (a script block that
sends) is so seldom that their blocks, of an hour, are not even kept: they are read again near a leader.
"""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from exfilwatch.detection.condition import All, Any, FieldTest, Node, Selection
from exfilwatch.detection.correlate import near
from exfilwatch.detection.fast import FastRows
from exfilwatch.detection.parts import sees_blocks
from exfilwatch.detection.rows import FAILURES, Typed
from exfilwatch.detection.rule import Correlation, Rule, RuleSet
from exfilwatch.detection.values import Number
from exfilwatch.events.blocks import Block
from exfilwatch.events.event import Value
from exfilwatch.events.timestamps import microseconds
from exfilwatch.events.typed import Row

_SLACK = 120_000_000  # µs that events may come late without anything being read twice
_MOST_KEPT = 400  # blocks
_MOST_HELD = 40  # blocks whose data stays in memory where leaders are seldom
_MOST_TOGETHER = 8_000  # lines that are read again together
_MOST_NAMES = 50_000
_MANY_HOSTS = 1_000
"""Rows of a block, beyond which their hosts would take too much memory as they are."""
_PROCESSES = ("process_creation", "ps_script", "ps_module")
_FEW = (*_PROCESSES, "file_event")  # of files, those that a rule asks for by name
_SELDOM = (*_PROCESSES, "")
_RARE: dict[str, frozenset[int]] = {"driver-framework": frozenset(), "security": frozenset({1102, 4719, 6416})}
"""Logs, and which of their events (none: all), that are written only when somebody does something to a machine."""

Lines: TypeAlias = list[tuple[int, bytes | str]]
"""Lines of a block, with their positions in it."""


class Lead(NamedTuple):
    """A correlation whose `member` leads. `seldom`: its hits are so few that rows near them are read again."""

    correlation: Correlation
    member: str
    seldom: bool = False


class Led(NamedTuple):
    """Correlations that are joined together, and the ids of the rules whose hits are therefore lazy."""

    leads: list[Lead]
    lazy: frozenset[str]


def groups(rules: RuleSet) -> list[Led]:
    """What is joined so where all records can be read again: those of one timespan together, of which rows wait for as
    long, and apart from others those that seldom lead."""
    found, lazy = leads(rules, again=True)
    each: dict[tuple[bool, int], list[Lead]] = {}
    for lead in found:
        each.setdefault((lead.seldom, lead.correlation.plan.timespan), []).append(lead)
    return [Led(some, lazy & _followers(some)) for _, some in sorted(each.items())]


def _followers(found: Iterable[Lead]) -> set[str]:
    return {member for lead in found for member in lead.correlation.plan.members if member != lead.member}


def leads(rules: RuleSet, *, again: bool = False, asked: bool = False) -> Led:
    """The correlations that are joined so, and the rules that are lazy. `again`: records can be read again at will;
    `asked`: they come only when asked for, so that even few are best asked for near what happens once a month."""
    found: list[Lead] = []
    # Script blocks in parts are joined from all records, not from those near a leader.
    busy: set[str] = {rule.id for rule in rules.rules if rule.emits or sees_blocks(rule)}
    for correlation in rules.correlations:
        plan = correlation.plan
        plain = [rule for member in plan.members if (rule := rules.by_id.get(member)) is not None]
        leaders = _leaders(correlation, plain) if len(plain) == len(plan.members) else []
        acting = [rule for rule in plain if rule.id in plan.drivers and rule.needs_action]
        seldom = False
        if leaders and again and len(acting) == 1 and _may_lead(acting, plain):
            seldom = not any(rule.needs_action for rule in plain if rule is not acting[0])
        followers = [rule for rule in plain if rule not in (acting if seldom else leaders)]
        few = all(rule.source.category in _FEW for rule in followers)
        rare = asked and all(map(_rare, leaders)) and not all(rule.needs_action for rule in followers)
        if not leaders or (few and not seldom and not rare):
            # Few enough to look for everywhere: the rows of hours would wait, to spare little.
            busy.update(plan.members)
            continue
        found += [Lead(correlation, rule.id, seldom) for rule in (acting if seldom else leaders)]
        busy.update(lead.member for lead in found)
        # Command lines that do something are asked for in any case, and together.
        busy.update(rule.id for rule in followers if asked and rule.derives)
    lazy = frozenset(_followers(found) - busy)
    return Led([lead for lead in found if not lazy.isdisjoint(lead.correlation.plan.members)], lazy)


def _leaders(correlation: Correlation, members: Sequence[Rule]) -> list[Rule]:
    """Those of the members that can lead together which fire least often; none where none can."""
    if not all("Computer" in correlation.plan.group_fields(rule.id) for rule in members):
        return []  # rows are told apart by their host, without decoding them
    choices = [[rule for rule in members if rule.id in some] for some in correlation.plan.leading]
    fitting = [some for some in choices if _may_lead(some, members)]
    return min(fitting, key=lambda some: max(map(_often, some)), default=[])


def _may_lead(leaders: Sequence[Rule], members: Iterable[Rule]) -> bool:
    """Whether the others are found by the host of an event: who sees the record's own names may see another there."""
    return not any(rule.source.raw for rule in members if rule not in leaders)


def _rare(rule: Rule) -> bool:
    """Whether the log that a rule looks at, or the events of it that it names by number, are hardly ever written."""
    if rule.source.category or rule.source.service not in _RARE:
        return False
    rare = _RARE[rule.source.service]
    numbers = _numbers(rule.alone)
    return not rare or (bool(numbers) and rare.issuperset(numbers))


def _numbers(node: Node) -> list[object]:
    """The event ids of which one has to be there; none where any may."""
    match node:
        case Selection(_, part):
            return _numbers(part)
        case FieldTest("EventID", Number() as test):
            return [test.wanted]
        case All(parts):
            return next(filter(None, map(_numbers, parts)), [])
        case Any(parts):
            each = [_numbers(part) for part in parts]
            return [number for numbers in each for number in numbers] if all(each) else []
    return []


def _often(rule: Rule) -> int:
    return _SELDOM.index(rule.source.category) if rule.source.category in _SELDOM else len(_SELDOM)


class Rows(NamedTuple):
    """Those rows of a block on which a lazy rule may fire, by their position, with their hosts."""

    places: Sequence[int]
    hosts: list[Value]


class Kept(NamedTuple):
    """What is kept of a block's rows, for each group of lazy rules, and the first and last time of all (µs). `line`
    finds the line of a row."""

    block: Block
    fast: FastRows
    line: Callable[[int], int]
    rows: list[Rows]
    low: int
    high: int


def kept_of(block: Block, typed: Typed, names: "Names") -> Kept:
    """What is kept of a block's rows: to keep all of them would cost more than to decode a few of them again."""
    times = list(map(typed.fast.time, typed.rows))
    try:
        low, high = min(times), max(times)
    except TypeError:  # some with and some without a zone
        low, high = min(times, key=microseconds), max(times, key=microseconds)
    many, host, near = len(typed.rows) > _MANY_HOSTS, typed.fast.host, typed.fast.near
    passing = typed.fast.sieve.passing(typed.rows) if typed.fast.sieve else None

    def rows(places: Sequence[int], chosen: Iterable[Row]) -> Rows:
        hosts = list(map(host, chosen))
        return Rows(places, list(map(names.__getitem__, hosts)) if many else hosts)

    every = range(len(typed.rows))
    if passing is None:
        found = [rows(every, typed.rows)] * len(near)
    else:
        found = [rows(list(compress(every, each)), compress(typed.rows, each)) for each in passing]
    return Kept(block, typed.fast, typed.line, found, microseconds(low), microseconds(high))


class Gone(NamedTuple):
    """A block whose rows were let go."""

    block: Block
    fast: FastRows
    low: int
    high: int


class Neighbours:
    """Finds the rows that lazy rules have to look at."""

    def __init__(self, found: Sequence[Lead], place: int = 0) -> None:
        """`place`: that of these correlations among the groups, and of the decoder that looks for their lazy rules."""
        self._place = place
        self._most_held = _MOST_HELD if any(lead.seldom for lead in found) else _MOST_KEPT
        self.leaders = frozenset(lead.member for lead in found)
        self._span = max((lead.correlation.plan.timespan for lead in found), default=0)
        self._times: list[tuple[int, str]] = []
        self._by_host: dict[str, list[int]] = {}
        self._kept: deque[Kept] = deque()
        self._gone: list[Gone] = []
        self._gone_high = -(1 << 62)
        self._again: dict[int, set[str]] = {}
        self._clock = -(1 << 62)

    def led(self, time: int, host: str) -> None:
        """A leader hit at a time (µs) on a host."""
        insort(self._times, (time, host))
        insort(self._by_host.setdefault(host, []), time)
        low, high = time - self._span, time + self._span
        if self._gone_high >= low:
            for number, gone in enumerate(self._gone):
                if gone.low <= high and gone.high >= low:
                    self._again.setdefault(number, set()).add(host)

    def arrived(self, kept: Kept) -> Iterator[tuple[Block, Lines]]:
        """A block is done, and its leaders known: the blocks that need not wait longer, with lines near a leader."""
        self._kept.append(kept)
        if len(self._kept) > self._most_held:
            self._kept[-1 - self._most_held].block.drop()
        self._clock = max(self._clock, kept.high)
        while self._kept and (self._kept[0].high < self._clock - self._span - _SLACK or len(self._kept) > _MOST_KEPT):
            yield self._let_go()

    def rest(self) -> Iterator[tuple[Block, Lines]]:
        """Nothing more will arrive: the blocks that still wait, with lines near a leader."""
        while self._kept:
            yield self._let_go()

    def again(self) -> Iterator[tuple[Gone, set[str]]]:
        """Blocks to be read once more, for these hosts, because a leader came after their rows were let go."""
        for number, hosts in sorted(self._again.items()):
            yield self._gone[number], hosts
        self._again = {}

    def lines(self, kept: Kept, hosts: set[str]) -> Lines:
        """The lines of these hosts that come near one of their leaders, and on which a lazy rule may fire."""
        if not hosts:
            return []
        rows = kept.fast.near[self._place]
        here = kept.rows[self._place]
        found = compress(here.places, map(hosts.__contains__, here.hosts))
        chosen: Lines = []
        close: Lines = []
        decoded: list[Row] = []
        for each in kept.block.pick(list(map(kept.line, found))):
            try:
                row = rows.decode(each[1])
            except FAILURES:
                chosen.append(each)  # whether a rule fires on it has to be told another way
                continue
            if near(self._span, self._by_host.get(rows.host(row), []), microseconds(rows.time(row))):
                close.append(each)
                decoded.append(row)
        may_fire = [close[at] for at in rows.candidates(decoded)]
        return sorted(chosen + may_fire, key=itemgetter(0)) if chosen else may_fire

    def _hosts_near(self, low: int, high: int) -> set[str]:
        start = bisect_left(self._times, (low - self._span, ""))
        end = bisect_right(self._times, (high + self._span, chr(0x10FFFF)))
        return {host for _, host in self._times[start:end]}

    def _let_go(self) -> tuple[Block, Lines]:
        gone = self._kept.popleft()
        found = self.lines(gone, self._hosts_near(gone.low, gone.high))
        gone.block.drop()
        self._remember(Gone(gone.block, gone.fast, gone.low, gone.high))
        self._gone_high = max(self._gone_high, gone.high)
        return gone.block, found

    def _remember(self, gone: Gone) -> None:
        """What was let go, where it follows what was let go before it together with that: there may be very much."""
        if self._gone:
            last = self._gone[-1]
            both = (
                last.block.joined(gone.block) if gone.fast is last.fast and last.block.ends < _MOST_TOGETHER else None
            )
            if both is not None:
                self._gone[-1] = Gone(both, gone.fast, min(last.low, gone.low), max(last.high, gone.high))
                return
        self._gone.append(gone)


class Names(dict[Value, Value]):
    """One object for each name, of which there are few, so that lists of them are small and soon compared."""

    def __missing__(self, name: Value) -> Value:
        if len(self) >= _MOST_NAMES:
            self.clear()
        return self.setdefault(name, name)
