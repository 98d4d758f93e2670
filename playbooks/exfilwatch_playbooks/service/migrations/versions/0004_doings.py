"""What is being done about incidents, for each of several services on one database to tell."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "service_doings",
        sa.Column("incident", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(160), nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("began", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )
