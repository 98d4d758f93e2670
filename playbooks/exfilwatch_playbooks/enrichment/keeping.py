"""What is kept beside the findings: answers until they expire, how often services were asked, the enrichments made."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, Text, delete, func, insert, select

from exfilwatch.findings.filing import rows_in
from exfilwatch.findings.node import short
from exfilwatch.findings.schema import UtcTime
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.enrichment.model import Enrichment

_NAME = 200
metadata = MetaData()
answers = Table(
    "enrichment_answers",
    metadata,
    Column("enricher", String(_NAME), primary_key=True),
    Column("question", String(64), primary_key=True),
    Column("body", Text, nullable=False),
    Column("asked", UtcTime, nullable=False),
    Column("expires", UtcTime, nullable=False),
)
asked = Table(
    "enrichment_asked",
    metadata,
    Column("enricher", String(_NAME), primary_key=True),
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    Column("times", Integer, nullable=False),
)
enrichments = Table(
    "enrichments",
    metadata,
    Column("of_id", String(64), primary_key=True),
    Column("made", UtcTime, nullable=False),
    Column("body", Text, nullable=False),
)


class Question(NamedTuple):
    """What an enricher is asked, as a name: the same words are the same question."""

    enricher: str
    words: str

    @property
    def key(self) -> str:
        return hashlib.sha256(self.words.encode("utf-8", "surrogatepass")).hexdigest()


class Answered(NamedTuple):
    """JSON of what was answered, and when it was asked."""

    body: str
    asked: datetime


class Kept:
    """The tables of enrichment in the store's own database."""

    def __init__(self, store: Store) -> None:
        self._database = store.database
        self._database.ensure("enrichment", "exfilwatch_playbooks.enrichment")

    def answers(self, questions: Sequence[Question], now: datetime) -> dict[Question, Answered]:
        """Those that are answered and not expired."""
        if not questions:
            return {}
        wanted = {(short(each.enricher, _NAME), each.key): each for each in questions}
        query = select(answers).where(answers.c.expires > now)
        with self._database.read() as connection:
            rows = rows_in(connection, query, answers.c.question, {key for _, key in wanted})
        found = {(row.enricher, row.question): row for row in rows}
        return {wanted[name]: Answered(row.body, row.asked) for name, row in found.items() if name in wanted}

    def keep(self, new: Mapping[Question, tuple[str, timedelta]], times: Mapping[str, int], now: datetime) -> None:
        """Keep answers, each with its lifetime, and count how often enrichers were asked; forget what expired."""
        rows = [
            {
                "enricher": short(question.enricher, _NAME),
                "question": question.key,
                "body": body,
                "asked": now,
                "expires": now + lifetime,
            }
            for question, (body, lifetime) in new.items()
            if lifetime
        ]
        if not rows and not times:
            return
        minute = _minute(now)
        with self._database.write() as connection:
            connection.execute(delete(answers).where(answers.c.expires <= now))
            connection.execute(delete(asked).where(asked.c.minute < minute - 2 * 24 * 60))
            for row in rows:
                same = (answers.c.enricher == row["enricher"], answers.c.question == row["question"])
                connection.execute(delete(answers).where(*same))
            if rows:
                connection.execute(insert(answers), rows)
            for enricher, count in times.items():
                name = short(enricher, _NAME)
                here = (asked.c.enricher == name, asked.c.minute == minute)
                before = connection.scalar(select(asked.c.times).where(*here)) or 0
                connection.execute(delete(asked).where(*here))
                connection.execute(insert(asked).values(enricher=name, minute=minute, times=before + count))

    def used(self, enricher: str, now: datetime) -> tuple[int, int]:
        """How often it was asked in the last minute (at least), and since midnight UTC, when quotas begin anew."""
        minute = _minute(now)
        midnight = minute - minute % (24 * 60)
        name = short(enricher, _NAME)
        total = select(func.coalesce(func.sum(asked.c.times), 0)).where(asked.c.enricher == name)
        with self._database.read() as connection:
            lately = connection.scalar(total.where(asked.c.minute >= minute - 1))
            today = connection.scalar(total.where(asked.c.minute >= midnight))
        return int(lately or 0), int(today or 0)

    def put(self, made: Iterable[Enrichment]) -> None:
        """Keep enrichments, each in the place of the one before."""
        rows = [
            {"of_id": each.of, "made": each.time, "body": json.dumps(each.model_dump(mode="json"))} for each in made
        ]
        if rows:
            with self._database.write() as connection:
                connection.execute(delete(enrichments).where(enrichments.c.of_id.in_([row["of_id"] for row in rows])))
                connection.execute(insert(enrichments), rows)

    def get(self, of: str) -> Enrichment | None:
        """The last enrichment of an incident or a finding; None when there is none."""
        with self._database.read() as connection:
            body = connection.scalar(select(enrichments.c.body).where(enrichments.c.of_id == of))
        return None if body is None else Enrichment.model_validate(json.loads(body))


def _minute(now: datetime) -> int:
    return int(now.timestamp()) // 60
