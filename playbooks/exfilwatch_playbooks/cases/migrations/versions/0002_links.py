"""What is known here of each incident's case, who is at it, and files of local cases."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "case_links",
        sa.Column("case_system", sa.String(64), primary_key=True),
        sa.Column("incident", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("case_id", sa.String(200)),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("level", sa.String(32), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("step", sa.String(16), nullable=False),
        sa.Column("mark", sa.String(128), nullable=False),
        sa.Column("telling", sa.Text, nullable=False),
        sa.Column("owner", sa.String(160), nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("look_again", sa.BigInteger, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("reading", sa.String(16), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("not_before", sa.BigInteger, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "case_files",
        sa.Column("case_id", sa.Integer, sa.ForeignKey("cases.id"), primary_key=True),
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("media", sa.String(100), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
