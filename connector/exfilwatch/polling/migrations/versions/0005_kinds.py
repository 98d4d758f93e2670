"""The log sources of rules: when an event of each was seen in a SIEM, and when it was looked for."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "poll_kinds",
        sa.Column("source", sa.String(200), primary_key=True),
        sa.Column("kind", sa.String(200), primary_key=True),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.Column("looked", sa.BigInteger, nullable=False),
        sa.Column("looks", sa.Integer, nullable=False),
    )
