"""When each session was last seen, and who deleted everything."""

from __future__ import annotations

import datetime

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # Nobody knows when people were here before; nothing of theirs is old from one day to the next.
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None).isoformat(" ")
    seen = sa.Column("seen", sa.DateTime, nullable=False, server_default=now)
    op.add_column("sessions", seen)
    op.add_column("sessions", sa.Column("deleted", sa.DateTime))
