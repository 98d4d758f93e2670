"""The tables of the service, in the findings' database. A change needs a migration."""

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, String, Table, Text

from exfilwatch.findings.schema import UtcTime

PART, PACKAGE = "service", "exfilwatch_playbooks.service"
metadata = MetaData()
tokens = Table(
    "service_tokens",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("scopes", String(64), nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("expires", UtcTime),
    Column("revoked", UtcTime),
)
# Who is logged in. `name`: the digest of the cookie; `token`: an id; `said`: what the next page tells, JSON.
sessions = Table(
    "service_sessions",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("token", String(16), nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("said", Text, nullable=False),
)
# Answers to changing requests, by their Idempotency-Key. `status` is 0 while it is being done, by `owner`.
keys = Table(
    "service_keys",
    metadata,
    Column("token", String(16), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("request", String(64), nullable=False),
    Column("owner", String(160), nullable=False),
    Column("began", UtcTime, nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index("service_keys_began", "began"),
)
jobs = Table(
    "service_jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("action", String(64), nullable=False),
    Column("token", String(16), nullable=False),
    Column("who", String(200), nullable=False),
    Column("input", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("progress", Text, nullable=False),
    Column("step", Integer, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("started", UtcTime),
    Column("ended", UtcTime),
    Column("owner", String(160), nullable=False),
    Column("beat", UtcTime, nullable=False),
    Column("cancel", Boolean, nullable=False),
    Column("answer", Text),
    Column("problem", Text),
    Index("service_jobs_created", "created", "id"),
    Index("service_jobs_state", "state"),
)
# What only one of several services is to do, and who holds it until when; free since then.
claims = Table(
    "service_claims",
    metadata,
    Column("name", String(160), primary_key=True),
    Column("owner", String(160), nullable=False),
    Column("token", Integer, nullable=False),
    Column("until", UtcTime, nullable=False),
)
# What somebody does about an incident by a form of the triage page, as long as it lasts; renewed until it is over.
doings = Table(
    "service_doings",
    metadata,
    Column("incident", String(64), primary_key=True),
    Column("owner", String(160), nullable=False),
    Column("who", String(200), nullable=False),
    Column("said", Text, nullable=False),
    Column("began", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
)
# Incidents that were handed to a platform and are not handed to it again before `until`.
holds = Table(
    "service_holds",
    metadata,
    Column("platform", String(64), primary_key=True),
    Column("incident", String(64), primary_key=True),
    Column("until", UtcTime, nullable=False),
)
# Events of webhooks that are under way, as they were first sent: an incident has one at a time.
events = Table(
    "service_events",
    metadata,
    Column("hook", String(160), primary_key=True),
    Column("incident", String(64), primary_key=True),
    Column("id", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("data", Text, nullable=False),
    Column("findings", Text, nullable=False),
    Column("merged_into", String(64)),
    Column("made", UtcTime, nullable=False),
    Column("tries", Integer, nullable=False),
)
