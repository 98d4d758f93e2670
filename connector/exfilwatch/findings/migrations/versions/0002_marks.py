"""What people say of findings: false positive, true positive, benign, duplicate."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "finding_marks",
        sa.Column("finding", sa.String(64), primary_key=True),
        sa.Column("disposition", sa.String(32), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=False),
    )
