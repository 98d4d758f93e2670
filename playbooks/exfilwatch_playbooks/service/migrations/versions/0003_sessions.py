"""Who is logged in, for each of several services on one database."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "service_sessions",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("token", sa.String(16), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said", sa.Text, nullable=False),
    )
