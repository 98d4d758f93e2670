"""Findings, incidents, the processes that findings touched, and what case systems were told."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("host", sa.Text),
        sa.Column("user_name", sa.Text),
        sa.Column("host_key", sa.Text, nullable=False),
        sa.Column("user_key", sa.Text),
        sa.Column("level", sa.String(32), nullable=False),
        sa.Column("highest", sa.String(32), nullable=False),
        sa.Column("kinds", sa.Text, nullable=False),
        sa.Column("attack", sa.Text, nullable=False),
        sa.Column("time", sa.DateTime(timezone=True)),
        sa.Column("end_time", sa.DateTime(timezone=True)),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merged_into", sa.String(64)),
    )
    op.create_index("ix_incidents_merged_into", "incidents", ["merged_into"])
    op.create_table(
        "findings",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("incident", sa.String(64), sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("rule_title", sa.Text, nullable=False),
        sa.Column("branch", sa.Text, nullable=False),
        sa.Column("level", sa.String(32), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("attack", sa.Text, nullable=False),
        sa.Column("host", sa.Text),
        sa.Column("user_name", sa.Text),
        sa.Column("host_key", sa.Text, nullable=False),
        sa.Column("user_key", sa.Text),
        sa.Column("time", sa.DateTime(timezone=True)),
        sa.Column("end_time", sa.DateTime(timezone=True)),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("ix_findings_incident", "findings", ["incident"])
    op.create_index("ix_findings_time", "findings", ["time"])
    op.create_index("findings_of_host", "findings", ["host_key", "time"])
    op.create_table(
        "finding_processes",
        sa.Column("finding", sa.String(64), sa.ForeignKey("findings.id"), primary_key=True),
        sa.Column("process", sa.String(128), primary_key=True),
        sa.Column("anchor", sa.Boolean, nullable=False),
    )
    op.create_index("processes_by_name", "finding_processes", ["process"])
    op.create_table(
        "told",
        sa.Column("case_system", sa.String(64), primary_key=True),
        sa.Column("incident", sa.String(64), sa.ForeignKey("incidents.id"), primary_key=True),
        sa.Column("what", sa.String(128), primary_key=True),
    )
