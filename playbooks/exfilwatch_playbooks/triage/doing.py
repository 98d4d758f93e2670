"""Doing what a form asks for: by whom, and what comes of it, also where that takes long or somebody was faster."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from exfilwatch.errors import ExfilwatchError
from exfilwatch.findings.incident import Incident
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.actions.audit import Audit, Entry
from exfilwatch_playbooks.report.wording import counted
from exfilwatch_playbooks.service.access import service
from exfilwatch_playbooks.service.problems import Refused
from exfilwatch_playbooks.triage.incidents import cases_of
from exfilwatch_playbooks.triage.under_way import BEAT, Doings
from exfilwatch_playbooks.triage.visits import Visit, from_here, is_ours, sent, sessions, visit

_PATIENT = 2.0
"""Seconds after which the page does not wait for what is under way, but says so."""
_LINES = 10


class Interrupted(Exception):
    """Whoever sent a form is not logged in any more. `fields`: what the form had."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("log in")
        self.fields = fields


class Overtaken(Exception):
    """An incident is another than its page was when the form was filled in. `since`: what was done about it."""

    def __init__(self, who: Visit, fields: Mapping[str, str], seen: str, incident: str, since: Sequence[Entry]) -> None:
        super().__init__("it has changed")
        self.who, self.fields, self.seen, self.incident, self.since = who, fields, seen, incident, since


async def asking(request: Request) -> tuple[Visit, Mapping[str, str]]:
    """Who sent a form that changes something, and its fields. Raises Refused, and Interrupted."""
    from_here(request)
    fields = await sent(request)
    try:
        found = await run_in_threadpool(visit, request, "act")
    except Refused as error:
        if error.name == "token-missing":
            raise Interrupted(fields) from None
        raise
    is_ours(found, fields)
    return found, fields


async def say(who: Visit, kind: Literal["good", "bad"], text: str) -> None:
    """Tell something on the next page."""
    await run_in_threadpool(who.session.say, kind, text)


async def do(request: Request, who: Visit, name: str, given: Mapping[str, object], *, quiet: bool = False) -> Any:
    """What an action answers, which is told on the next page; None where it failed. `quiet`: only tell what failed."""
    try:
        answer = await service(request).do(name, given, who.token.name)
    except ExfilwatchError as error:
        await say(who, "bad", str(error))
        return None
    if not quiet:
        await say(who, "good", str(getattr(answer, "summary", "done")))
    for problem in getattr(answer, "problems", ()):
        await say(who, "bad", str(problem))
    return answer


async def judge(request: Request, who: Visit, findings: Sequence[str], fields: Mapping[str, str]) -> None:
    """Give these findings the disposition of a form."""
    judged = {name: fields.get(name, "") for name in ("disposition", "why")}
    done = 0
    for finding in findings:
        if await do(request, who, "set_disposition", {"finding": finding, **judged}, quiet=True) is None:
            break
        done += 1
    if done:
        said = f"{counted(done, 'finding')} {'is' if done == 1 else 'are'}"
        await say(who, "good", f"{said} marked: {judged['disposition']}")


async def soon(
    request: Request, who: Visit, incident: str, said: str, work: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Do it, and wait a little: what takes longer goes on, and the incident's page says so."""
    known = doings(request)
    if (other := await run_in_threadpool(known.begin, incident, said, who.token.name)) is not None:
        await say(who, "bad", f"{other.who} is at it already: {other.said}. Nothing was done twice")
        return
    task, tasks = asyncio.ensure_future(_told(who, incident, known, work)), sessions(request).tasks
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    await asyncio.wait({task}, timeout=_PATIENT)


def doings(request: Request) -> Doings:
    """What is being done, by any service on the database."""
    shared = service(request)
    return Doings(shared.store.database, shared.me, shared.clock)


async def _told(who: Visit, incident: str, known: Doings, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    beats = asyncio.ensure_future(_kept(known, incident))
    try:
        await work()
    except Exception as error:  # noqa: BLE001 nobody waits for it any more: the next page tells
        await say(who, "bad", f"it broke, please report it: {type(error).__name__}")
    finally:
        beats.cancel()
        await run_in_threadpool(known.end, incident)


async def _kept(known: Doings, incident: str) -> None:
    while True:
        await asyncio.sleep(BEAT)
        await run_in_threadpool(known.keep, incident)


def seen(store: Store, incident: Incident) -> str:
    """What an incident is like: another when a finding is new or judged, or a case has changed."""
    with store.database.read() as connection:
        cases = cases_of(connection, [incident.id]).get(incident.id, [])
    marks = store.marks(incident.findings)
    told = (
        sorted((name, mark.disposition, mark.why) for name, mark in marks.items()),
        sorted(incident.findings),
        sorted((case.system, case.id, case.closed) for case in cases),
    )
    return hashlib.sha256(json.dumps(told).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def check(request: Request, who: Visit, incident: Incident, fields: Mapping[str, str]) -> None:
    """Raises Overtaken where the incident has changed since its page was made. A form that does not say is taken."""
    then, _, at = fields.get("seen", "").partition(" ")
    store = service(request).store
    if not then or then == (now := seen(store, incident)):
        return
    try:
        since = datetime.fromisoformat(at)
    except ValueError:
        since = service(request).clock()
    lines = Audit(store.database).entries(since=since, limit=200)
    theirs = [each for each in lines if each.changed and _is_about(each, incident)]
    raise Overtaken(who, fields, now, incident.id, theirs[:_LINES])


def _is_about(line: Entry, incident: Incident) -> bool:
    named, finding = str(line.input.get("incident", "")).strip(), str(line.input.get("finding", "")).strip()
    if named:
        return incident.id.startswith(named)
    return bool(finding) and any(each.startswith(finding) for each in incident.findings)
