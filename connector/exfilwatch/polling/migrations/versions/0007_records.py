"""The events of waiting hits, each once: those of hits that wait already stay with them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "poll_records",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("packed", sa.LargeBinary, nullable=False),
    )
    op.add_column("poll_hits", sa.Column("record", sa.String(32)))
