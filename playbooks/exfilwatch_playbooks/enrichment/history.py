"""What SIEMs and files know of the past: events that fulfil rules of our own making, as they come by.

The rules ask by values of findings, which are hostile text: they are conditions of the rules' own kind (never text of a
query), so each SIEM's language quotes them as it does those of any rule, and our matcher decides on what comes back.
Files are read once for all that is asked of them at the same time.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec

from exfilwatch.detection.condition import Node
from exfilwatch.detection.detection import RuleInfo
from exfilwatch.detection.evaluate import Evaluator
from exfilwatch.detection.logsource import LogSource
from exfilwatch.detection.rule import Rule, RuleSet
from exfilwatch.errors import PartialResult, SourceError
from exfilwatch.events.event import Event
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch.siem.queries.whose import named
from exfilwatch.siem.siem import SECOND, Ask, Clock, Siem
from exfilwatch.siem.spool import Spool

if TYPE_CHECKING:
    from exfilwatch.events.blocks import Block
    from exfilwatch.events.evtx import Skim
    from exfilwatch.events.inputs import Input

Take: TypeAlias = Callable[[Event], None]
DAY = 86_400 * SECOND
MOST = 20_000
"""Records of one answer that are looked at: what is so common is common enough."""
PATIENCE = 45.0
"""Less than the deadlines of those that ask, so that one slow source costs no other's answer."""
_RULES_AT_ONCE = 24
_LONG = 2 * DAY
_TOGETHER = 0.01  # seconds that a question waits for others
_FIRST = 50  # records of a file
_COVERING = (30, 14, 7, 3, 1)  # days back


class Paths(NamedTuple):
    """Files and folders that are a source by themselves."""

    paths: tuple[str, ...]


Source: TypeAlias = Siem | Spool | Paths


class Watch(msgspec.Struct, frozen=True, eq=False):
    """Events of `low` <= time < `high` (µs) on which one of the rules fires, each given to `take` once, in any order.

    `host`: those of one host only, as far as a SIEM can be asked for it; the rules say it as well. `once`: as in an
    Ask, for who counts hosts and not events.
    """

    rules: tuple[Rule, ...]
    low: int
    high: int
    take: Take
    host: str = ""
    once: tuple[str, ...] = ()


class Told(NamedTuple):
    """`whole`: all that there is was looked at; if not, `problems` say why. `sources`: who was asked."""

    whole: bool
    problems: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class _Waiting(NamedTuple):
    watch: Watch
    told: "asyncio.Future[Told]"


def rule(name: str, category: str, condition: Node) -> Rule:
    """A rule that only asks. Rules of one name and category ask the same."""
    return Rule(RuleInfo(f"{name} {category}", name, "informational"), LogSource(category), condition, {}, [])


class History:
    """The past, of several sources together. One question at a time for each SIEM and window."""

    def __init__(self, sources: Sequence[Source] = (), most: int = MOST, patience: float = PATIENCE) -> None:
        """`patience`: seconds for one source's answer; what came until then counts, as not whole."""
        self.sources = tuple(sources)
        self._most = most
        self._patience = patience
        self._waiting: list[_Waiting] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._stops: list[threading.Event] = []
        self._since: dict[int, asyncio.Task[int]] = {}
        self._first: dict[int, int | None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the sources, as people know them."""
        return tuple(_name(each) for each in self.sources)

    @property
    def is_read(self) -> bool:
        """Whether all sources are read from beginning to end for any question, so that one more at the same time costs
        next to nothing, and a second one as much as the first.
        """
        return not any(isinstance(each, Siem) for each in self.sources)

    async def watch(self, watch: Watch) -> Told:
        """Look. What others ask at the same time is asked together with it. Raises SourceError when nobody answers."""
        if not self.sources:
            raise SourceError("there is nothing to ask: add a SIEM ([siem.NAME]), or name the files")
        told: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        if not self._waiting:
            self._start(self._soon())
        self._waiting.append(_Waiting(watch, told))
        return await told

    async def since(self, before: int) -> int:
        """For how many days before `before` (µs) the sources have records; 0: for none that is known."""
        day = before // DAY
        if day not in self._since:
            self._since[day] = asyncio.create_task(self._covered(before))
        return await asyncio.shield(self._since[day])

    async def close(self) -> None:
        """End what is still running; the sources are their owner's to close."""
        for stop in self._stops:
            stop.set()
        tasks = [*self._tasks, *self._since.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._since.clear()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _soon(self) -> None:
        await asyncio.sleep(_TOGETHER)
        waiting, self._waiting = self._waiting, []
        work = [self._of_source(source, [each.watch for each in waiting]) for source in self.sources]
        try:
            answers = await asyncio.gather(*work, return_exceptions=True)
        except asyncio.CancelledError:
            for each in waiting:
                each.told.cancel()
            raise
        for at, each in enumerate(waiting):
            if not each.told.done():
                said = [answer if isinstance(answer, BaseException) else answer[at] for answer in answers]
                _tell(each.told, said, self.names)

    async def _of_source(self, source: Source, watches: Sequence[Watch]) -> list[str]:
        """For each watch why it is not whole, or ""."""
        late = f"{_name(source)}: no whole answer within {self._patience:g} s"
        if isinstance(source, Siem):
            groups = _grouped(watches)
            problems = await asyncio.gather(*(self._in_time(self._of_siem(source, group), late) for group in groups))
            by_watch = {id(watch): why for group, why in zip(groups, problems, strict=True) for watch in group}
            return [by_watch[id(watch)] for watch in watches]
        stop = threading.Event()
        self._stops.append(stop)
        try:
            why = await self._in_time(asyncio.to_thread(self._of_files, source, watches, stop), late)
        finally:
            stop.set()
            self._stops.remove(stop)
        return [why] * len(watches)

    async def _in_time(self, work: Coroutine[None, None, str], late: str) -> str:
        try:
            async with asyncio.timeout(self._patience):
                return await work
        except TimeoutError:
            return late

    async def _of_siem(self, siem: Siem, watches: Sequence[Watch]) -> str:
        low, high = min(each.low for each in watches), max(each.high for each in watches)
        rules = tuple(dict.fromkeys(rule for each in watches for rule in each.rules))
        hosts = tuple({each.host: None for each in watches if each.host and named((each.host,), ())})
        (once,) = {each.once for each in watches}
        looking = _Looking(watches, self._most)
        await siem.now()  # what it can do may depend on what is in it: see Siem
        step = siem.capabilities.step
        spans = [(low // step * step, -(-high // step) * step)]
        decoder = LineDecoder(siem.name, Report())
        while spans:
            start, end = spans.pop()
            try:
                async with aclosing(siem.fetch(Ask(Clock.EVENT, start, end, rules, hosts=hosts, once=once))) as batches:
                    async for batch in batches:
                        for record in batch:
                            for event in decoder.feed(record, 0):
                                looking.see(event)
                        if looking.full:
                            return f"{siem.name}: more than {self._most:,} records: not all were looked at"
                        await asyncio.sleep(0)
            except PartialResult as error:
                middle = (start + end) // 2 // step * step
                if not error.smaller or not start < middle < end:
                    return str(error)
                spans += [(start, middle), (middle, end)]  # the newest first
        for event in decoder.finish():
            looking.see(event)
        return ""

    def _of_files(self, source: Spool | Paths, watches: Sequence[Watch], stop: threading.Event) -> str:
        looking = _Looking(watches, self._most)
        for event, fired in _fired_in_files(source, looking, stop):
            looking.see(event, fired)
            if stop.is_set() or looking.full:
                return f"{_name(source)}: more than {self._most:,} records: not all were looked at"
        return ""

    async def _covered(self, before: int) -> int:
        """By a record of some day so far back, the furthest first; 0 where that can't be told in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                for days in _COVERING:
                    for source in self.sources:
                        with suppress(SourceError):
                            if await self._any(source, before - days * DAY, before - (days - 1) * DAY):
                                return days
        return 0

    async def _any(self, source: Source, low: int, high: int) -> bool:
        if not isinstance(source, Siem):
            if id(source) not in self._first:
                self._first[id(source)] = await asyncio.to_thread(_first_time, source)
            first = self._first[id(source)]
            return first is not None and first <= low
        await source.now()
        step = source.capabilities.step
        ask = Ask(Clock.EVENT, low // step * step, -(-high // step) * step)
        with suppress(PartialResult):
            async with aclosing(source.fetch(ask)) as batches:
                async for batch in batches:
                    if batch:
                        return True
        return False


class _Looking:
    """Gives events to the watches that they are for, each event once."""

    def __init__(self, watches: Sequence[Watch], most: int) -> None:
        self._most = most * len(watches)
        self._watches = watches
        self._of_rule: dict[str, list[int]] = {}
        self._seen: dict[str, set[int]] = {}
        self.records = 0
        self.low = min(each.low for each in watches)
        self.high = max(each.high for each in watches)
        rules: dict[str, Rule] = {}
        for at, watch in enumerate(watches):
            for rule in watch.rules:
                rules.setdefault(rule.id, rule)
                self._of_rule.setdefault(rule.id, []).append(at)
        self.rules = RuleSet(list(rules.values()), [])
        self._evaluator = Evaluator(self.rules, Report(), self.low, self.high)

    @property
    def full(self) -> bool:
        return self.records >= self._most

    def see(self, event: Event, fired: str | None = None) -> None:
        """An event; `fired`: the id of a rule that is known to fire on it, of which nothing else is said."""
        if event.time is None or not self.low <= event.time < self.high:
            return
        self.records += fired is None or event.id not in self._seen
        for name in [fired] if fired is not None else [verdict.rule.id for verdict in self._evaluator.fired(event)]:
            self._given(name, event)

    def _given(self, rule: str, event: Event) -> None:
        seen = self._seen.setdefault(event.id, set())
        for at in self._of_rule[rule]:
            watch = self._watches[at]
            if at not in seen and event.time is not None and watch.low <= event.time < watch.high:
                seen.add(at)
                watch.take(event)


def _grouped(watches: Sequence[Watch]) -> list[list[Watch]]:
    """Few enough questions: long windows of about the same time together, short ones and those of a host each."""
    groups: dict[tuple[int, int, str, tuple[str, ...]], list[Watch]] = {}
    for each in watches:
        long = each.high - each.low > _LONG and not each.host
        key = (each.low // DAY, each.high // DAY, "") if long else (each.low, each.high, each.host)
        groups.setdefault((*key, each.once), []).append(each)
    found: list[list[Watch]] = []
    for group in groups.values():
        part: list[Watch] = []
        for each in group:
            if part and len(part) * len(each.rules) >= _RULES_AT_ONCE:
                found.append(part)
                part = []
            part.append(each)
        found.append(part)
    return found


def _fired_in_files(
    source: Spool | Paths, looking: _Looking, stop: threading.Event
) -> Iterator[tuple[Event, str | None]]:
    """Events of files, with the rule that fires; without, where that is not known."""
    from exfilwatch.detection.engine import Engine
    from exfilwatch.events.inputs import Input, open_inputs
    from exfilwatch.events.limits import Limits

    paths = paths_of(source)
    if paths is None:
        assert isinstance(source, Spool)
        for event in _events_of_spool(source, stop):
            yield event, None
        return
    report = Report()

    def inputs() -> Iterator[Input]:
        for each in open_inputs(paths, report, Limits(), replayable=False):
            yield Input(each.name, each.kind, each.size, partial(_until, stop, each), report)

    engine = Engine(looking.rules, report, looking.low, looking.high)
    for found in engine.run(inputs()):
        for event in found.events:
            yield event, found.rule.id


def _until(stop: threading.Event, given: "Input", skim: "Skim | None") -> Iterator["Block"]:
    for block in given.blocks(skim):
        if stop.is_set():
            return
        yield block


def paths_of(source: Spool | Paths) -> Sequence[str] | None:
    """The files behind a source; None where only its portions are known."""
    if isinstance(source, Paths):
        return source.paths
    from exfilwatch.siem.files import Files
    from exfilwatch.siem.found import found, shown

    if isinstance(source, Files):
        return [shown(path) for path in found(source.settings.paths, Report()).files]
    return None


def _events_of_spool(spool: Spool, stop: threading.Event) -> Iterator[Event]:
    decoders: dict[str, LineDecoder] = {}
    for portion in spool.portions(None, Report()):
        if stop.is_set():
            return
        if portion.decoder_key:
            decoder = decoders.setdefault(portion.decoder_key, LineDecoder(portion.source, Report()))
            for at, line in enumerate(portion.lines):
                yield from decoder.feed(line, portion.first + at)
    for decoder in decoders.values():
        yield from decoder.finish()


def _first_time(source: Spool | Paths) -> int | None:
    """The time of the earliest of the first records of each file."""
    from exfilwatch.events.inputs import open_inputs
    from exfilwatch.events.limits import Limits

    paths = paths_of(source)
    if paths is None:
        return None
    report, first = Report(), list[int]()
    for each in open_inputs(paths, report, Limits(), replayable=False):
        decoder, seen = LineDecoder(each.name, report), 0
        for block in each.blocks():
            for at, line in enumerate(block.lines()[:_FIRST]):
                for event in decoder.feed(line, block.first + at):
                    seen += 1
                    if event.time is not None:
                        first.append(event.time)
            if seen:
                break
    return min(first, default=None)


def problems(told: Iterable[Told]) -> tuple[str, ...]:
    """What several answers say of what was not looked at, each once."""
    return tuple(dict.fromkeys(problem for each in told for problem in each.problems))


def _tell(told: "asyncio.Future[Told]", answers: Sequence[object], names: tuple[str, ...]) -> None:
    failed = [answer for answer in answers if isinstance(answer, BaseException)]
    if len(failed) == len(answers):
        first = failed[0]
        told.set_exception(first if isinstance(first, Exception) else SourceError("the question was given up"))
        return
    problems = tuple(str(each) for each in answers if str(each))
    told.set_result(Told(not problems, problems, names))


def _name(source: Source) -> str:
    if isinstance(source, Paths):
        # Their names: whole paths stand with the evidence.
        first = ", ".join(Path(path).name or path for path in source.paths[:2])
        return f"{first} and {len(source.paths) - 2} more" if len(source.paths) > 2 else first
    return source.name
