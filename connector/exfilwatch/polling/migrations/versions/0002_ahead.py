"""How much a source's clock was before ours."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("poll_sources", sa.Column("ahead", sa.BigInteger, nullable=False, server_default="0"))
