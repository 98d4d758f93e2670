"""The tables of cases: the local ones, and what is known here of those elsewhere. A change needs a migration."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, Text, text

from exfilwatch.findings.schema import UtcTime

metadata = MetaData()
cases = Table(
    "cases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident", String(64), nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("level", String(32), nullable=False),
    Column("body", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("duplicate_of", ForeignKey("cases.id")),
    Column("opened", UtcTime, nullable=False),
)
notes = Table(
    "case_notes",
    metadata,
    Column("case_id", ForeignKey(cases.c.id), primary_key=True),
    Column("note_key", String(128), primary_key=True),
    Column("text", Text, nullable=False),
    Column("time", UtcTime, nullable=False),
)
known = Table(
    "case_findings",
    metadata,
    Column("case_id", ForeignKey(cases.c.id), primary_key=True),
    Column("finding", String(64), primary_key=True),
)

files = Table(
    "case_files",
    metadata,
    Column("case_id", ForeignKey(cases.c.id), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("media", String(100), nullable=False),
    Column("content", LargeBinary, nullable=False),
)
links = Table(
    "case_links",
    metadata,
    Column("case_system", String(64), primary_key=True),
    Column("incident", String(64), primary_key=True),
    Column("key", String(80), nullable=False),
    Column("case_id", String(200)),
    Column("title", Text, nullable=False),
    Column("level", String(32), nullable=False),
    Column("url", Text, nullable=False),
    Column("step", String(16), nullable=False),
    Column("mark", String(128), nullable=False),
    Column("telling", Text, nullable=False),
    Column("owner", String(160), nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("look_again", BigInteger, nullable=False),
    Column("problem", Text, nullable=False),
    Column("reading", String(16), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("closed", BigInteger, nullable=False, server_default="0"),
    Column("status", String(16), nullable=False, server_default=text("''")),
    Column("asked", BigInteger, nullable=False, server_default="0"),
    Column("looked", BigInteger, nullable=False, server_default="0"),
    Index("links_of_incident", "incident"),
)
# How cases have changed, as it was seen (standing.py).
changes = Table(
    "case_changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("case_system", String(64), nullable=False),
    Column("incident", String(64), nullable=False),
    Column("case_id", String(200), nullable=False),
    Column("change", String(16), nullable=False),
    Column("who", String(200), nullable=False),
    Column("seen", BigInteger, nullable=False),
    Index("case_changes_incident", "incident"),
)
# How each system was asked last (looking.py).
looks = Table(
    "case_looks",
    metadata,
    Column("case_system", String(64), primary_key=True),
    Column("looked", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("problem", Text, nullable=False),
    Column("tried", BigInteger, nullable=False),
)
