"""Which process does a job, and whether that process lives."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "runners",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("seen", sa.DateTime, nullable=False),
    )
    op.add_column("jobs", sa.Column("runner", sa.String(32)))
    op.add_column(
        "jobs", sa.Column("is_unwanted", sa.Boolean, nullable=False, server_default=sa.false())
    )
