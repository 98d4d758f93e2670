"""Answers that are kept for a while, how often services were asked, and the enrichments made."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "enrichment_answers",
        sa.Column("enricher", sa.String(200), primary_key=True),
        sa.Column("question", sa.String(64), primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("asked", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("enrichment_answers_expire", "enrichment_answers", ["expires"])
    op.create_table(
        "enrichment_asked",
        sa.Column("enricher", sa.String(200), primary_key=True),
        sa.Column("minute", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("times", sa.Integer, nullable=False),
    )
    op.create_table(
        "enrichments",
        sa.Column("of_id", sa.String(64), primary_key=True),
        sa.Column("made", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
