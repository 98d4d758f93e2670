"""Hits that matter only near others: the semi-join behind correlations such as archive_then_network.

Connections are most of all events, archives are few. So one member of such a correlation leads: its hits are looked for
everywhere, and those of the other members (the `lazy` rules) only in the same group and at most the timespan away. That
changes no match (CorrelationPlan.drivers). Rows wait in memory for a leader that may still come; when the clock of the
input has gone past them, they are looked through once, for all leaders together, and let go. They are read again should
a leader come late after all. So the order in which events arrive changes nothing but the time that it takes.
"""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress
from typing import NamedTuple

from exfilwatch.detection.correlate import near
from exfilwatch.detection.fast import FastRows
from exfilwatch.detection.rule import Correlation, Rule, RuleSet
from exfilwatch.events.blocks import Block
from exfilwatch.events.timestamps import microseconds
from exfilwatch.events.typed import Row

_SLACK = 120_000_000  # µs that events may come late without anything being read twice
_MOST_KEPT = 400  # blocks
_MOST_TOGETHER = 8_000  # lines that are read again together
_SELDOM = ("process_creation", "ps_script", "ps_module", "")


class Lead(NamedTuple):
    """A correlation whose `member` leads."""

    correlation: Correlation
    member: str


def leads(rules: RuleSet) -> tuple[list[Lead], frozenset[str]]:
    """The correlations that are joined so, and the ids of the rules whose hits are therefore lazy."""
    found: list[Lead] = []
    busy: set[str] = {rule.id for rule in rules.rules if rule.emits}
    followers: set[str] = set()
    for correlation in rules.correlations:
        plan = correlation.plan
        members = [rules.by_id.get(member) for member in plan.members]
        plain = [rule for rule in members if rule is not None]
        drivers = [rule for rule in plain if rule.id in plan.drivers]
        if not drivers or len(plain) < len(members) or not _by_host(correlation, plain) or any_raw(plain):
            busy.update(plan.members)
            continue
        leader = min(drivers, key=_often)
        found.append(Lead(correlation, leader.id))
        busy.add(leader.id)
        followers.update(rule.id for rule in plain if rule is not leader)
    return found, frozenset(followers - busy)


def any_raw(rules: Iterable[Rule]) -> bool:
    """Whether some rule sees the record's own names, where `Computer` may be another than the event's host."""
    return any(rule.source.raw for rule in rules)


def _often(rule: Rule) -> int:
    return _SELDOM.index(rule.source.category) if rule.source.category in _SELDOM else len(_SELDOM)


def _by_host(correlation: Correlation, members: Sequence[Rule]) -> bool:
    """Whether every member's group has the host in it, by which rows can be told apart without decoding them."""
    return all("Computer" in correlation.plan.group_fields(rule.id) for rule in members)


class Kept(NamedTuple):
    """The rows of a block, and the first and last time (µs)."""

    block: Block
    fast: FastRows
    rows: Sequence[Row]
    line: Callable[[int], int]
    low: int
    high: int


class Gone(NamedTuple):
    """A block whose rows were let go."""

    block: Block
    fast: FastRows
    low: int
    high: int


class Neighbours:
    """Finds the rows that lazy rules have to look at."""

    def __init__(self, found: Sequence[Lead]) -> None:
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

    def arrived(self, kept: Kept) -> Iterator[tuple[Block, list[int]]]:
        """A block is done, and its leaders known: the blocks that need not wait longer, with lines near a leader."""
        self._kept.append(kept)
        self._clock = max(self._clock, kept.high)
        while self._kept[0].high < self._clock - self._span - _SLACK or len(self._kept) > _MOST_KEPT:
            yield self._let_go()

    def rest(self) -> Iterator[tuple[Block, list[int]]]:
        """Nothing more will arrive: the blocks that still wait, with lines near a leader."""
        while self._kept:
            yield self._let_go()

    def again(self) -> Iterator[tuple[Gone, set[str]]]:
        """Blocks to be read once more, for these hosts, because a leader came after their rows were let go."""
        for number, hosts in sorted(self._again.items()):
            yield self._gone[number], hosts
        self._again = {}

    def lines(self, kept: Kept, hosts: set[str]) -> list[int]:
        """The lines of these hosts that come near one of their leaders, and on which a lazy rule may fire."""
        if not hosts:
            return []
        rows, host, time, may_fire = kept.rows, kept.fast.host, kept.fast.time, kept.fast.may_fire_lazily
        assert host is not None
        assert time is not None
        return [
            kept.line(at)
            for at in compress(range(len(rows)), map(hosts.__contains__, map(host, rows)))
            if near(self._span, self._by_host[host(rows[at])], microseconds(time(rows[at]))) and may_fire(rows[at])
        ]

    def _hosts_near(self, low: int, high: int) -> set[str]:
        start = bisect_left(self._times, (low - self._span, ""))
        end = bisect_right(self._times, (high + self._span, chr(0x10FFFF)))
        return {host for _, host in self._times[start:end]}

    def _let_go(self) -> tuple[Block, list[int]]:
        gone = self._kept.popleft()
        found = self.lines(gone, self._hosts_near(gone.low, gone.high))
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
