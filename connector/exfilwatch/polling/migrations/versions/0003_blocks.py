"""Script blocks whose parts come in several slices."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "poll_blocks",
        sa.Column("source", sa.String(200), primary_key=True),
        sa.Column("block", sa.String(32), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("judged", sa.Boolean, nullable=False),
        sa.Column("parts", sa.LargeBinary),
    )
    op.create_index("poll_blocks_at", "poll_blocks", ["source", "at"])
