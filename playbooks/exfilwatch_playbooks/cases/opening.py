"""Opening cases: each incident gets one, however often, by however many workers, and after whatever crash.

The order is always: hold the incident, look there, write down here what is meant, do it there, read it back, write down
here what came of it. After a crash in between, the next run finds the case there and goes on. What can't be done is
parked with its reason (links.py), and done when the case system takes it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from exfilwatch.detection.detection import LEVELS, RuleInfo
from exfilwatch.errors import CaseError, CaseRefused, CaseUnreachable
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.incident import Incident, rank
from exfilwatch.findings.store import Pending, Store
from exfilwatch.polling.worker import our_clock
from exfilwatch_playbooks.cases.attachments import attachments
from exfilwatch_playbooks.cases.body import draft, duplicate, followed, level_of, news
from exfilwatch_playbooks.cases.case import Attachment, Case, Draft, mark_of
from exfilwatch_playbooks.cases.fields import filled
from exfilwatch_playbooks.cases.links import LEASE, Busy, Link, Links
from exfilwatch_playbooks.cases.standing import changed
from exfilwatch_playbooks.cases.system import Ambiguous, CaseSystem, Created
from exfilwatch_playbooks.enrichment.keeping import Kept
from exfilwatch_playbooks.enrichment.model import Enrichment
from exfilwatch_playbooks.report.attachment import attachment as report

_AHEAD = 2  # incidents whose cases are written while those before them are opened
_TRIES = 10
_LATE = 600_000_000  # µs in which a create whose answer was lost may yet be done
_AGAIN = (0.0, 0.5, 2.0)  # seconds before each look for what was asked for, and may be done by now
_PATIENCE = 60.0  # seconds to wait for another worker
_SECOND = 1_000_000


@dataclass(frozen=True)
class Outcome:
    """What was done about an incident: `known` when the case system had it all already, `failed` with its `error`.

    `case` is the case to go on in: for a duplicate the one that it points to; None when there is none. `findings`
    counts those that the case was told of by this call. `remarks`: what the system did not do as it was asked.
    """

    incident: str
    did: Literal["opened", "extended", "duplicate", "known", "failed"]
    case: Case | None = None
    findings: int = 0
    error: CaseError | None = None
    remarks: tuple[str, ...] = ()


async def open_cases(
    store: Store,
    case_system: CaseSystem,
    *,
    rules: Mapping[str, RuleInfo] | None = None,
    lowest: str = LEVELS[0],
    only: Collection[str] | None = None,
    ready: Callable[[Incident], Awaitable[bool]] | None = None,
) -> list[Outcome]:
    """Tell `case_system` all that it has not been told, oldest incident first.

    An incident waits until one of its findings is of the level `lowest` or above; then its case has them all.
    `rules` by id bring guides and false positives into the cases. `only`: these incidents, and no others. `ready`: what
    is still to be waited for before the system is told of an incident, while others are told, and whether it is then.
    What the case system refuses stays pending, and costs the other incidents nothing.
    """
    with store.database.held():
        opening = _Opening(store, case_system, rules or {}, ready)
        waiting = [each for each in store.pending(case_system.name, lowest) if only is None or each.incident.id in only]
        return await opening.all(waiting)


@dataclass(frozen=True)
class _Prepared:
    """What is written of an incident that no case tells of yet, before its turn comes."""

    incident: Incident
    findings: list[Finding]
    enrichment: Enrichment | None
    files: list[Attachment]
    remarks: list[str]
    draft: Draft


class _Opening:
    def __init__(
        self,
        store: Store,
        system: CaseSystem,
        rules: Mapping[str, RuleInfo],
        ready: Callable[[Incident], Awaitable[bool]] | None,
    ) -> None:
        self._store = store
        self._system = system
        self._rules = rules
        self._ready = ready
        self._links = Links(store.database, system.name)
        self._enriched = Kept(store)
        self._held: set[str] = set()
        self._probing = asyncio.Lock()
        self._preparing = asyncio.Lock()
        self._proven = False
        self._down: CaseError | None = None

    async def all(self, waiting: list[Pending]) -> list[Outcome]:
        """The outcome of each; several are worked at together."""
        late = [link for link in self._links.to_look_at() if link.case_id]
        if not waiting and not late:
            return []
        if soon := self._asked_to_wait(waiting):
            return soon
        most = max(1, getattr(self._system.settings, "at_once", 1))
        at_once, near = asyncio.Semaphore(most), asyncio.Semaphore(most + _AHEAD)

        async def one(pending: Pending) -> Outcome | None:
            if self._ready is not None and not await self._ready(pending.incident):
                return None
            async with near:
                return await self._outcome(pending.incident.id, at_once)

        renewing = asyncio.create_task(self._renew())
        try:
            outcomes = await asyncio.gather(*map(one, waiting))
            if self._down is None:
                await self._look_again(late)
        finally:
            renewing.cancel()
        return [each for each in outcomes if each is not None]

    def _asked_to_wait(self, waiting: list[Pending]) -> list[Outcome]:
        """The outcomes, where the system has said how long to leave it alone, and that is not over."""
        now = our_clock()
        known = self._links.all()
        asked = [link for each in waiting if (link := known.get(each.incident.id)) and link.not_before > now]
        if not asked:
            return []
        left = (max(link.not_before for link in asked) - now) / _SECOND
        error = CaseUnreachable(f"{asked[0].problem} (left alone for {left:.0f} s more, as it asked)", left, sent=False)
        return [Outcome(each.incident.id, "failed", error=error) for each in waiting]

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE / _SECOND / 4)
            self._links.renew(self._held)

    async def _outcome(self, name: str, at_once: asyncio.Semaphore) -> Outcome:
        try:
            await self._prove()
            prepared = await self._prepared(name)
            async with at_once:
                await self._prove()  # it may have gone meanwhile
                async with self._hold(name) as link:
                    return await self._done(name, link, prepared)
        except CaseError as error:
            if self._down is error:  # nobody holds it
                self._links.park([name], error)
            return Outcome(name, "failed", error=error)

    async def _prepared(self, name: str) -> _Prepared | None:
        """What can be written before the case system is asked, while it works at others: one at a time, so that it is
        never without work for long. None where nothing can, or somebody has been at the incident.
        """
        async with self._preparing:
            incident = self._store.incident(name)
            if incident.id != name or self._links.of(name) is not None:
                return None
            enrichment = self._enriched.get(name)
            ids = set(incident.findings)
            findings = [finding for finding in self._store.find(incident=name) if finding.id in ids]
            if not findings:
                return None
            files, remarks = await self._files(findings, incident, findings, enrichment)
            try:
                made = await asyncio.to_thread(self._draft, incident, findings, files, enrichment)
            except CaseError:  # said when its turn comes
                return None
            return _Prepared(incident, findings, enrichment, files, remarks, made)

    async def _done(self, name: str, link: Link, prepared: _Prepared | None) -> Outcome:
        # It may have been merged since it was read.
        current = self._store.incident(name)
        if current.id != name:
            return await self._merge(name, current.id, link)
        done = await self._tell(current, link, prepared)
        # Or while its case was being opened: whoever merged it saw no case to mark.
        current = self._store.incident(name)
        return done if current.id == name else await self._merge(name, current.id, link)

    async def _prove(self) -> None:
        """That the system answers, and that it knows us, before anything is looked for. Raises CaseError."""
        async with self._probing:
            if self._down is not None:
                raise self._down
            if not self._proven:
                try:
                    await self._system.probe()
                except CaseError as error:
                    self._down = error
                    raise
                self._proven = True

    @asynccontextmanager
    async def _hold(self, name: str) -> AsyncIterator[Link]:
        """The link of an incident, which nobody else works at meanwhile. Raises Busy, after some time."""
        waited, pause = 0.0, 0.02
        while (link := self._links.claim(name)) is None:
            if waited > _PATIENCE:
                raise Busy(f"{self._system.name}: another worker is at incident {name}: run again")
            await asyncio.sleep(pause)
            waited, pause = waited + pause, min(1.0, pause * 1.5)
        self._held.add(name)
        try:
            yield link
        except BaseException as error:
            if isinstance(error, CaseUnreachable) and not isinstance(error, Busy):
                self._proven = False  # the next one asks again whether the system is there
            if isinstance(error, CaseError):
                self._links.park([name], error)
            self._links.release(name)
            raise
        else:
            self._links.finish(name)
        finally:
            self._held.discard(name)

    async def _tell(self, incident: Incident, link: Link, prepared: _Prepared | None = None) -> Outcome:
        """Bring the case of an incident up to date: it is opened, or gets a note, or has everything. What was
        `prepared` holds if nothing has become of the incident since.
        """
        name = incident.id
        # What came since belongs to the next run, as the incident's level does.
        ids = set(incident.findings)
        heard = self._links.heard(name)
        if prepared is not None and (heard or prepared.incident != incident):
            prepared = None
        if prepared is not None:
            findings, enrichment = prepared.findings, prepared.enrichment
        else:
            findings = [finding for finding in self._store.find(incident=name) if finding.id in ids]
            enrichment = self._enriched.get(name)
        untold = [finding for finding in findings if finding.id not in heard]
        case, opened = await self._case(link), False
        if prepared is not None:
            files, remarks = prepared.files, prepared.remarks
        else:
            files, remarks = await self._files(untold, incident, findings, enrichment)
        if case is not None and link.step == "open" and changed(link, case):
            self._links.put(name, stands=case, who="")  # somebody has closed it there, or merged it
        earlier = await self._before(link.key, incident) if case is None or link.step == "creating" else None
        if case is None:
            if not findings:  # they were superseded since, and nothing took their place
                return Outcome(name, "known")
            if prepared is not None and earlier is None:
                wanted = prepared.draft
            else:
                wanted = self._draft(incident, findings, files, enrichment, earlier)
            case, opened, more = await self._open(link, wanted)
            remarks += more
        else:
            case = await self._noted(link, case)
        if earlier is not None:
            remarks += await self._point(earlier, case)
        known = heard | set(case.findings)
        if opened or mark_of(ids) in case.marks:
            known |= ids
        if link.mark in case.marks:
            known |= set(link.telling)
        told = len(findings) if opened else 0
        if any(finding.id not in known for finding in findings) and case.status != "open":
            follow = partial(self._draft, incident, findings, files, enrichment, case)
            case, added, more = await self._closed(link, case, incident, follow)
            opened, told, remarks = added, len(findings) if added else told, [*remarks, *more]
            known |= ids if added else set()
        for _ in range(_TRIES):
            new = [finding for finding in findings if finding.id not in known]
            if not new:
                break
            before = [finding for finding in findings if finding.id in known]
            grave = level_of(incident, enrichment)
            level = grave if rank(grave) > rank(case.level or link.level or LEVELS[0]) else None
            note = news(incident, before, new, self._rules, level, self._system.renderer, enrichment, files)
            self._links.put(name, mark=note.key, telling=note.findings)
            if await self._system.add_note(case.id, note):
                told += len(new)
            case = await self._system.get(case.id)
            there = note.key in case.marks or not self._system.capabilities.reads_notes
            known |= set(note.findings) if there else set(case.findings)
            if level:
                self._links.put(name, level=level)
                remarks += _level_kept(case, level)
        else:
            message = f"case {case.id} of {self._system.name} does not take the findings of incident {name}: run again"
            raise CaseRefused(message)
        remarks += await self._attach(case.id, files)
        with self._store.database.write() as connection:
            self._links.put_in(connection, name, stands=case, step="open")
            self._store.tell_in(connection, self._system.name, name, [finding.id for finding in findings])
        did: Literal["opened", "extended", "known"] = "opened" if opened else "extended" if told else "known"
        return Outcome(name, did, case, told, remarks=tuple(remarks))

    def _draft(
        self,
        incident: Incident,
        findings: list[Finding],
        files: Sequence[Attachment],
        enrichment: Enrichment | None,
        follows: Case | None = None,
    ) -> Draft:
        values = {
            "host": incident.host or "",
            "user": incident.user or "",
            "attack": ", ".join(incident.attack),
            "kinds": ", ".join(incident.kinds),
            "time": incident.time.isoformat() if incident.time else "",
            "end": incident.end.isoformat() if incident.end else "",
            "findings": str(len(findings)),
        }
        made = draft(incident, findings, self._rules, self._system.renderer, enrichment, follows, files)
        return filled(self._system, made.model_copy(update={"values": values}))

    async def _case(self, link: Link) -> Case | None:
        """The case of an incident as it is there, whoever opened it; where it was merged, the one that goes on."""
        case: Case | None = None
        if link.case_id is not None:
            try:
                case = await self._system.get(link.case_id)
            except CaseRefused:  # it is not there any more
                case = None
        if case is None:
            case = await self._system.find(link.key)
        if case is None and link.step == "creating" and link.left:
            case = await self._late(link.key)
        if case is not None and link.step == "creating":
            case = await self._system.converge(link.key, link.case_id)
        seen: set[str] = set()
        while case is not None and case.duplicate_of is not None and case.id not in seen:
            seen.add(case.id)
            case = await self._system.get(case.duplicate_of)
        return case

    async def _open(self, link: Link, wanted: Draft) -> tuple[Case, bool, list[str]]:
        """The case of a draft; whether it was made by this call; what is not as it was asked for."""
        wanted = wanted.model_copy(update={"key": link.key if wanted.key == wanted.incident else wanted.key})
        lag = self._system.capabilities.lag
        again = our_clock() + _LATE if lag or link.step == "creating" else link.look_again
        # Without the id of another case: of one that vanished, or was closed and is followed by this one.
        meant: dict[str, Any] = {"case_id": None, "status": "", "mark": wanted.mark, "telling": wanted.findings}
        self._links.put(link.incident, step="creating", key=wanted.key, look_again=again, **meant)
        made = await self._system.create(wanted)
        own: str | None = None
        if isinstance(made, Created):
            own = made.case_id
            self._links.put(link.incident, case_id=own, level=wanted.level)
        elif isinstance(made, Ambiguous):
            self._links.put(link.incident, look_again=our_clock() + _LATE)
            await self._appeared(wanted.key, made)
        case = await self._system.converge(wanted.key, own)
        remarks = _level_kept(case, wanted.level) if case.id == own else []
        # An uncertain creation is ours: no other worker holds the incident.
        mine = case.id == own if own is not None else isinstance(made, Ambiguous) and wanted.mark in case.marks
        return case, mine, remarks

    async def _appeared(self, key: str, made: Ambiguous) -> None:
        """Wait a little for a case whose creation was not answered. Raises why it was not, when there is none."""
        if await self._late(key) is None:
            raise made.why

    async def _late(self, key: str) -> Case | None:
        """A case that may be in the making."""
        for pause in (*_AGAIN, self._system.capabilities.lag):
            await asyncio.sleep(pause)
            if (case := await self._system.find(key)) is not None:
                return case
        return None

    async def _noted(self, link: Link, case: Case) -> Case:
        """The case, when the note that was begun last is in it or is not coming any more."""
        if link.left and link.mark and self._system.capabilities.reads_notes:
            for pause in _AGAIN:
                if link.mark in case.marks:
                    break
                await asyncio.sleep(pause)
                case = await self._system.get(case.id)
        return case

    async def _closed(
        self, link: Link, case: Case, incident: Incident, wanted: Callable[[], Draft]
    ) -> tuple[Case, bool, list[str]]:
        """What becomes of a closed case for which there is something new: the case to go on in, and whether it is
        another one, which tells everything (`wanted`).
        """
        policy = self._system.settings.closed
        if policy == "reopen" and self._system.capabilities.reopens:
            return await self._system.set_status(case.id, "open"), False, []
        if policy == "note":
            return case, False, []
        key = _key(incident, _number(link.key, incident) + 1)
        following = await self._system.find(key)
        if following is not None:
            self._links.put(link.incident, key=key, case_id=following.id, status="")
            return following, False, await self._point(case, following)
        keyed = wanted().model_copy(update={"key": key})
        following, mine, remarks = await self._open(replace(link, key=key, step="new", case_id=None), keyed)
        return following, mine, [*remarks, *await self._point(case, following)]

    async def _before(self, key: str, incident: Incident) -> Case | None:
        """The closed case that the one with this key goes on from."""
        number = _number(key, incident)
        found = await self._system.find(_key(incident, number - 1)) if number > 1 else None
        return found if found is not None and found.status == "closed" else None

    async def _point(self, closed: Case, case: Case) -> list[str]:
        """Say in a closed case where it goes on; what was not taken."""
        if closed.id == case.id:
            return []
        try:
            await self._system.add_note(closed.id, followed(case, self._system.renderer))
        except CaseRefused as error:
            return [f"case {closed.id} does not say that it goes on in case {case.id}: {error}"]
        return []

    async def _files(
        self, untold: list[Finding], incident: Incident, findings: list[Finding], enrichment: Enrichment | None
    ) -> tuple[list[Attachment], list[str]]:
        """The files about findings that the case was not told of, and the report anew; what is too large for one."""
        if not self._system.capabilities.attachments or not untold:
            return [], []
        limit = self._system.capabilities.attachment_limit
        files = attachments(self._system.settings.attach, untold, limit)
        if "report" not in self._system.settings.attach:
            return files, []
        page = await asyncio.to_thread(report, incident, findings, self._rules, enrichment, limit)
        if page is None:
            return files, [f"the report is not in the case of incident {incident.id}: larger than {limit:,} bytes"]
        return [*files, page], []

    async def _attach(self, case_id: str, files: Sequence[Attachment]) -> list[str]:
        """Add files; what was not taken."""
        remarks: list[str] = []
        for file in files:
            try:
                await self._system.attach(case_id, file)
            except CaseRefused as error:
                remarks.append(f"{file.name} is not in case {case_id}: {error}")
        return remarks

    async def _merge(self, name: str, survivor: str, link: Link) -> Outcome:
        """Mark the case of an incident that went into `survivor`, if it has one."""
        case = await self._system.get(link.case_id) if link.case_id else await self._system.find(name)
        goes_on, marked = None, False
        if case is not None:
            goes_on = await self._system.find(survivor)
            if goes_on is None:
                async with self._hold(survivor) as other:
                    goes_on = (await self._tell(self._store.incident(survivor), other)).case
            if goes_on is None:
                raise CaseUnreachable(f"incident {survivor} went into another while its case was opened: run again")
            if case.id != goes_on.id:
                marked = await self._system.add_note(case.id, duplicate(goes_on, self._system.renderer))
        self._store.tell(self._system.name, name, merged_into=survivor)
        return Outcome(name, "duplicate" if marked else "known", goes_on)

    async def _look_again(self, late: list[Link]) -> None:
        """Doubles of these may have turned up: a create that was given up may be done late, and a search may lag."""
        for link in late:
            try:
                async with self._hold(link.incident):
                    self._links.put(link.incident, stands=await self._system.converge(link.key, link.case_id))
                    if link.look_again < our_clock():
                        self._links.put(link.incident, look_again=0)
            except CaseError as error:
                self._links.park([link.incident], error)


def _key(incident: Incident, number: int) -> str:
    """Of an incident's first case its id, of the others the id with -2, -3 and so on."""
    return incident.id if number == 1 else f"{incident.id}-{number}"


def _number(key: str, incident: Incident) -> int:
    return int(key.removeprefix(incident.id).removeprefix("-") or "1")


def _level_kept(case: Case, level: str) -> list[str]:
    """What to say where the system has another severity than was asked for, without having said so."""
    if not case.level or case.level == level:
        return []
    return [f"case {case.id} has the severity {case.level}, though {level} was asked for: check `severity`"]
