"""Find incidents by when something of them was first kept.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("findings_by_first_seen", "findings", ["first_seen", "incident"])
