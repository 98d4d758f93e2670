"""The tables of the store, for any database that SQLAlchemy speaks to; tried on SQLite and PostgreSQL.

Times are UTC. A finding is kept whole as JSON text (ASCII only, so that NUL and lone surrogates from hostile input
fit any database); the columns beside it are what people filter by. A change here needs a revision in migrations/.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

from exfilwatch.findings.node import EVIDENCE, LEVEL, PROCESS


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime, stored as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()
incidents = Table(
    "incidents",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("host", Text),
    Column("user_name", Text),
    Column("host_key", Text, nullable=False),
    Column("user_key", Text),
    Column("level", String(LEVEL), nullable=False),
    Column("highest", String(LEVEL), nullable=False),
    Column("kinds", Text, nullable=False),
    Column("attack", Text, nullable=False),
    Column("time", UtcTime),
    Column("end_time", UtcTime),
    Column("first_seen", UtcTime, nullable=False),
    Column("merged_into", String(64), index=True),
)
findings = Table(
    "findings",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("incident", ForeignKey(incidents.c.id), nullable=False, index=True),
    Column("rule_id", Text, nullable=False),
    Column("rule_title", Text, nullable=False),
    Column("branch", Text, nullable=False),
    Column("level", String(LEVEL), nullable=False),
    Column("kind", Text, nullable=False),
    Column("attack", Text, nullable=False),
    Column("host", Text),
    Column("user_name", Text),
    Column("host_key", Text, nullable=False),
    Column("user_key", Text),
    Column("time", UtcTime, index=True),
    Column("end_time", UtcTime),
    Column("first_seen", UtcTime, nullable=False),
    Column("body", Text, nullable=False),
    Column("evidence", String(EVIDENCE)),
    Index("findings_of_host", "host_key", "time"),
    Index("findings_by_first_seen", "first_seen", "incident"),
)
# The processes a finding touched: see findings.node.Process.
processes = Table(
    "finding_processes",
    metadata,
    Column("finding", ForeignKey(findings.c.id), primary_key=True),
    Column("process", String(PROCESS), primary_key=True),
    Column("anchor", Boolean, nullable=False),
    Index("processes_by_name", "process"),
)
# What a case system has been told of an incident: ids of findings, and `merged into ID`.
told = Table(
    "told",
    metadata,
    Column("case_system", String(64), primary_key=True),
    Column("incident", ForeignKey(incidents.c.id), primary_key=True),
    Column("what", String(128), primary_key=True),
)
# What people said of findings. No key to them: a mark stays when a finding goes because a longer one takes its place.
marks = Table(
    "finding_marks",
    metadata,
    Column("finding", String(64), primary_key=True),
    Column("disposition", String(32), nullable=False),
    Column("why", Text, nullable=False),
    Column("marked_at", UtcTime, nullable=False),
)
