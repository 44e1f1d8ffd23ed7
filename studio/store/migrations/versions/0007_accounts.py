"""Whoever signs in has their session in every browser."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("account_hash", sa.String(64), primary_key=True),
        sa.Column(
            "session_id", sa.Integer, sa.ForeignKey("sessions.id"), nullable=False, unique=True
        ),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
    )
    op.create_table(
        "session_keys",
        sa.Column("key_hash", sa.String(64), primary_key=True),
        sa.Column("session_id", sa.Integer, sa.ForeignKey("sessions.id"), nullable=False),
    )
    op.create_index("session_keys_of_session", "session_keys", ["session_id"])
