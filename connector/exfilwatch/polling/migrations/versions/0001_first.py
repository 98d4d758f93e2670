"""Sources, the slices that are to be read, events seen, hits that wait, decoders' memories, and runs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "poll_sources",
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("clock", sa.String(16), nullable=False),
        sa.Column("frontier", sa.BigInteger, nullable=False),
        sa.Column("rules", sa.String(32), nullable=False),
        sa.Column("position", sa.LargeBinary),
    )
    op.create_table(
        "poll_slices",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("low", sa.BigInteger, nullable=False),
        sa.Column("high", sa.BigInteger, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("token", sa.Integer, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_index("poll_slices_source", "poll_slices", ["source", "low"])
    op.create_table(
        "poll_seen",
        sa.Column("source", sa.String(200), primary_key=True),
        sa.Column("event", sa.String(64), primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_index("poll_seen_until", "poll_seen", ["source", "until"])
    op.create_table(
        "poll_hits",
        sa.Column("member", sa.String(32), primary_key=True),
        sa.Column("event", sa.String(64), primary_key=True),
        sa.Column("correlation", sa.String(32), nullable=False),
        sa.Column("grp", sa.String(32), nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("hit", sa.LargeBinary, nullable=False),
    )
    op.create_index("poll_hits_group", "poll_hits", ["correlation", "grp", "time"])
    op.create_table(
        "poll_decoders",
        sa.Column("source", sa.String(200), primary_key=True),
        sa.Column("log", sa.String(32), primary_key=True),
        sa.Column("state", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "poll_runs",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
    )
    op.create_index("poll_runs_source", "poll_runs", ["source", "id"])
