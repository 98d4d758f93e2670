"""The tables of polling, in the findings' database, so that what was read and what was found are committed together.

Times are µs since 1970 UTC. Texts that come from records are hashed or packed: hostile ones fit no index.
"""

import hashlib

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

PART, PACKAGE = "polling", "exfilwatch.polling"
metadata = MetaData()
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

sources = Table(
    "poll_sources",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("clock", String(16), nullable=False),
    Column("frontier", BigInteger, nullable=False),
    Column("rules", String(32), nullable=False),
    Column("position", LargeBinary),
    Column("ahead", BigInteger, nullable=False, server_default="0"),
)
slices = Table(
    "poll_slices",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("source", String(200), nullable=False),
    Column("low", BigInteger, nullable=False),
    Column("high", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("problem", Text, nullable=False, default=""),
    Column("owner", String(100), nullable=False, default=""),
    Column("token", Integer, nullable=False, default=0),
    Column("until", BigInteger, nullable=False, default=0),
    Index("poll_slices_source", "source", "low"),
)
seen = Table(
    "poll_seen",
    metadata,
    Column("source", String(200), primary_key=True),
    Column("event", String(64), primary_key=True),
    Column("until", BigInteger, nullable=False),
    Index("poll_seen_until", "source", "until"),
)
hits = Table(
    "poll_hits",
    metadata,
    Column("member", String(32), primary_key=True),
    Column("event", String(64), primary_key=True),
    Column("correlation", String(32), nullable=False),
    Column("grp", String(32), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("hit", LargeBinary, nullable=False),
    Column("host", String(32), nullable=False, server_default="unknown"),
    Column("record", String(32)),
    Index("poll_hits_group", "correlation", "grp", "time"),
    Index("poll_hits_host", "correlation", "host"),
)
# The events of hits, packed, each once however many hits it has. Older versions put them into the hits.
records = Table(
    "poll_records",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("packed", LargeBinary, nullable=False),
)
starts = Table(
    "poll_starts",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("source", String(200), nullable=False),
    Column("host", String(32), nullable=False),
    Column("low", BigInteger, nullable=False),
    Column("high", BigInteger, nullable=False),
    Column("packed", LargeBinary, nullable=False),
    Index("poll_starts_host", "source", "host", "low"),
    Index("poll_starts_high", "source", "high"),
)
blocks = Table(
    "poll_blocks",
    metadata,
    Column("source", String(200), primary_key=True),
    Column("block", String(32), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("judged", Boolean, nullable=False),
    Column("parts", LargeBinary),
    Index("poll_blocks_at", "source", "at"),
)
# Log sources of rules, as CATEGORY/PRODUCT/SERVICE.
kinds = Table(
    "poll_kinds",
    metadata,
    Column("source", String(200), primary_key=True),
    Column("kind", String(200), primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("looked", BigInteger, nullable=False),
    Column("looks", Integer, nullable=False),
)
decoders = Table(
    "poll_decoders",
    metadata,
    Column("source", String(200), primary_key=True),
    Column("log", String(32), primary_key=True),
    Column("state", LargeBinary, nullable=False),
)
runs = Table(
    "poll_runs",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("source", String(200), nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("record", Text, nullable=False),
    Index("poll_runs_source", "source", "id"),
)


def hashed(*texts: str) -> str:
    """A short name for texts of any length and content."""
    joined = "\n".join(texts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(joined, digest_size=16).hexdigest()
