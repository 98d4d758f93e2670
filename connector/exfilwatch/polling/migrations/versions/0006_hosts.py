"""Which host a waiting hit is of, so that what waits can be bounded for each host."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("poll_hits", sa.Column("host", sa.String(32), nullable=False, server_default="unknown"))
    op.create_index("poll_hits_host", "poll_hits", ["correlation", "host"])
