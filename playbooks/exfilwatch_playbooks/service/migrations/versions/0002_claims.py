"""Who of several services does what one is to do, and the events of webhooks that are under way."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "service_claims",
        sa.Column("name", sa.String(160), primary_key=True),
        sa.Column("owner", sa.String(160), nullable=False),
        sa.Column("token", sa.Integer, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "service_events",
        sa.Column("hook", sa.String(160), primary_key=True),
        sa.Column("incident", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("findings", sa.Text, nullable=False),
        sa.Column("merged_into", sa.String(64)),
        sa.Column("made", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
    )
