"""How cases stand in their systems, when that was seen, and what has changed.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("case_links", sa.Column("status", sa.String(16), nullable=False, server_default=""))
    op.add_column("case_links", sa.Column("asked", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("case_links", sa.Column("looked", sa.BigInteger, nullable=False, server_default="0"))
    links = sa.table("case_links", sa.column("status"), sa.column("closed"), sa.column("case_id"))
    stands = sa.case((links.c.closed > 0, "closed"), else_="open")
    op.execute(links.update().where(links.c.case_id.is_not(None)).values(status=stands))
    op.create_table(
        "case_changes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("case_system", sa.String(64), nullable=False),
        sa.Column("incident", sa.String(64), nullable=False),
        sa.Column("case_id", sa.String(200), nullable=False),
        sa.Column("change", sa.String(16), nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("seen", sa.BigInteger, nullable=False),
    )
    op.create_index("case_changes_incident", "case_changes", ["incident"])
    op.create_table(
        "case_looks",
        sa.Column("case_system", sa.String(64), primary_key=True),
        sa.Column("looked", sa.BigInteger, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("not_before", sa.BigInteger, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("tried", sa.BigInteger, nullable=False),
    )
