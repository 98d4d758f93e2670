"""Which cases are known to be closed.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("case_links", sa.Column("closed", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index("links_of_incident", "case_links", ["incident"])
