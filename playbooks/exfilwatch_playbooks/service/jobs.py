"""Jobs: actions that go on after their request was answered, kept in the store.

A job belongs to the process that runs it, which gives a sign of life every few seconds. One whose process was killed is
told as `interrupted`; one that a service parked when it ended is taken up by the next. When it begins, who asked for it
must still be allowed to: else it is `refused`.
"""

import asyncio
import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, Field
from sqlalchemy import Row, insert, or_, select, update
from starlette.concurrency import run_in_threadpool

from exfilwatch.errors import ExfilwatchError
from exfilwatch.findings.node import storable
from exfilwatch.polling.logs import log
from exfilwatch.polling.worker import is_dead
from exfilwatch_playbooks.service import problems
from exfilwatch_playbooks.service.permitted import NotPermitted, log_refused, permitted
from exfilwatch_playbooks.service.problems import Problem, Refused
from exfilwatch_playbooks.service.tables import jobs

if TYPE_CHECKING:
    from exfilwatch_playbooks.service.service import Service
    from exfilwatch_playbooks.service.tokens import Token

State: TypeAlias = Literal["waiting", "running", "done", "failed", "refused", "cancelled", "interrupted"]
ENDED = frozenset({"done", "failed", "refused", "cancelled", "interrupted"})
_BEAT, _SILENT = 3.0, timedelta(seconds=60)
_MOST_WAITING = 200


class Job(BaseModel):
    """A job. `refused`: its token was revoked, has ended or lost its scope before it began; `interrupted`: its process
    ended; run it again. `progress`: how far it is, in words; `answer`: what the action answers, when it is done;
    `problem`: why it failed or was refused.
    """

    id: str
    action: str
    state: State
    who: str
    progress: str = ""
    cancelling: Annotated[bool, Field(description="Somebody wants it to end.")] = False
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None
    answer: dict[str, Any] | None = None
    problem: Problem | None = None
    step: Annotated[int, Field(exclude=True)] = 0


class Jobs:
    """The jobs in the store, and those that this process runs."""

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._mine: dict[str, asyncio.Task[None]] = {}
        self._parking = False

    async def start(self, action: str, given: Mapping[str, object], token: "Token") -> Job:
        """A job that runs as soon as there is a thread for it. Raises Refused when too many wait."""
        if len(self._mine) >= _MOST_WAITING:
            raise Refused("busy", "too many jobs wait", headers={"Retry-After": "30"})
        now = self._service.clock()
        row = {
            "id": secrets.token_hex(16),
            "action": action,
            "token": token.id,
            "who": token.name,
            "input": json.dumps(given, default=str),
            "state": "waiting",
            "progress": "",
            "step": 0,
            "created": now,
            "owner": self._service.me,
            "beat": now,
            "cancel": False,
        }
        await run_in_threadpool(self._insert, row)
        self._run(str(row["id"]), action, given, token.id, token.name)
        return await run_in_threadpool(self.get, str(row["id"]))

    def get(self, identity: str) -> Job:
        """The job with this id. Raises Refused."""
        with self._service.store.database.read() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == identity)).one_or_none()
        if row is None:
            raise Refused("not-found", "there is no job with this id")
        return _job(row)

    def page(self, after: tuple[datetime, str] | None, limit: int, state: str = "") -> list[Job]:
        """Jobs, newest first."""
        table = jobs.c
        query = select(jobs).order_by(table.created.desc(), table.id).limit(limit)
        if after is not None:
            created, identity = after
            query = query.where(or_(table.created < created, (table.created == created) & (table.id > identity)))
        if state:
            query = query.where(table.state == state)
        with self._service.store.database.read() as connection:
            return [_job(row) for row in connection.execute(query)]

    async def cancel(self, identity: str) -> Job:
        """Ask a job to end. Raises Refused when it has ended already."""
        await run_in_threadpool(self._ask_to_end, identity)
        task = self._mine.get(identity)
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=2)
        return await run_in_threadpool(self.get, identity)

    async def watch(self) -> None:
        """Give signs of life, cancel what another process was asked to, take up what was parked, and tell what was
        interrupted: until this is cancelled.
        """
        while True:
            try:
                wanted, parked = await run_in_threadpool(self._look)
                for identity in wanted:
                    if identity in self._mine:
                        self._mine[identity].cancel()
                for row in parked:
                    self._run(row.id, row.action, json.loads(row.input), row.token, row.who)
            except ExfilwatchError as error:
                log.error("jobs can't be looked after", error=str(error))
            await asyncio.sleep(_BEAT)

    async def drain(self, seconds: float) -> None:
        """Let jobs end for so long, then park the others for the next service."""
        if self._mine:
            await asyncio.wait(self._mine.values(), timeout=seconds)
        self._parking = True
        left = list(self._mine.values())
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=5)

    def _run(self, identity: str, action: str, given: Mapping[str, object], token: str, who: str) -> None:
        task = asyncio.create_task(self._done(identity, action, given, token, who))
        self._mine[identity] = task
        task.add_done_callback(lambda _task: self._mine.pop(identity, None))

    async def _done(self, identity: str, action: str, given: Mapping[str, object], token: str, who: str) -> None:
        began = False

        def progress(said: str) -> None:
            nonlocal began
            if not began:
                permitted(self._service, token, action)
                began = True
                self._put(identity, state="running", started=self._service.clock())
            if said:
                self._put(identity, progress=storable(said)[:1000])

        try:
            answer = await self._service.do(action, given, who, progress)
            values: dict[str, Any] = {"state": "done", "answer": json.dumps(answer.model_dump(mode="json"))}
        except asyncio.CancelledError:
            await asyncio.shield(run_in_threadpool(self._end_or_park, identity))
            raise
        except NotPermitted as refused:
            await run_in_threadpool(log_refused, self._service, identity, action, given, who, refused)
            values = {"state": "refused", "problem": problems.said(refused).model_dump_json()}
        except ExfilwatchError as error:
            values = {"state": "failed", "problem": problems.said(problems.of(error)).model_dump_json()}
        except Exception as error:  # noqa: BLE001 the edge of the job
            values = {"state": "failed", "problem": problems.said(problems.fault(error, action)).model_dump_json()}
        self._service.ended(str(values["state"]))
        await run_in_threadpool(self._put, identity, ended=self._service.clock(), input="{}", **values)

    def _insert(self, row: Mapping[str, object]) -> None:
        with self._service.store.database.write() as connection:
            connection.execute(insert(jobs).values(row))

    def _put(self, identity: str, **values: object) -> None:
        with self._service.store.database.write() as connection:
            mine = (jobs.c.id == identity, jobs.c.owner == self._service.me)
            connection.execute(update(jobs).where(*mine).values(values | {"step": jobs.c.step + 1}))

    def _end_or_park(self, identity: str) -> None:
        if self._parking and not self.get(identity).cancelling:
            self._put(identity, state="waiting", owner="", started=None, progress="parked when the service ended")
        else:
            self._service.ended("cancelled")
            self._put(identity, state="cancelled", ended=self._service.clock(), input="{}")

    def _ask_to_end(self, identity: str) -> None:
        with self._service.store.database.write() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == identity)).one_or_none()
            if row is None:
                raise Refused("not-found", "there is no job with this id")
            if row.state in ENDED:
                raise Refused("job-ended", f"it is {row.state}")
            values: dict[str, object] = {"cancel": True, "step": jobs.c.step + 1}
            if not row.owner:
                values |= {"state": "cancelled", "ended": self._service.clock()}
            connection.execute(update(jobs).where(jobs.c.id == identity).values(values))

    def _look(self) -> "tuple[list[str], list[Row[Any]]]":
        """Which of ours are to be cancelled, and which were parked and are ours now."""
        now, me = self._service.clock(), self._service.me
        open_ = jobs.c.state.in_(("waiting", "running"))
        with self._service.store.database.read() as connection:
            rows = connection.execute(select(jobs).where(open_)).all()
        if not rows:
            return [], []
        mine = [row for row in rows if row.owner == me]
        gone = [row for row in rows if row.owner not in ("", me) and self._is_gone(row)]
        with self._service.store.database.write() as connection:
            if mine:
                connection.execute(update(jobs).where(open_, jobs.c.owner == me).values(beat=now))
            for row in gone:
                values = {"state": "interrupted", "ended": now, "step": jobs.c.step + 1, "owner": ""}
                theirs = (open_, jobs.c.id == row.id, jobs.c.owner == row.owner)  # it may have ended since
                connection.execute(update(jobs).where(*theirs).values(values))
            parked = [] if self._parking else [row for row in rows if row.owner == ""]
            taken = [
                row
                for row in parked
                if connection.execute(
                    update(jobs).where(open_, jobs.c.id == row.id, jobs.c.owner == "").values(owner=me, beat=now)
                ).rowcount
            ]
        for row in gone:
            log.warning("job was interrupted", job=row.id, action=row.action)
        return [row.id for row in mine if row.cancel], taken

    def _is_gone(self, row: "Row[Any]") -> bool:
        return is_dead(row.owner, self._service.me) or row.beat < self._service.clock() - _SILENT


def _job(row: "Row[Any]") -> Job:
    return Job(
        id=row.id,
        action=row.action,
        state=row.state,
        who=row.who,
        progress=row.progress,
        cancelling=row.cancel and row.state not in ENDED,
        created=row.created,
        started=row.started,
        ended=row.ended,
        answer=json.loads(row.answer) if row.answer else None,
        problem=Problem.model_validate_json(row.problem) if row.problem else None,
        step=row.step,
    )
