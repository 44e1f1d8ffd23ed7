"""Who of a room compares their ratings of its works with the others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column(
        "room_members",
        sa.Column("compares", sa.Boolean, nullable=False, server_default=sa.false()),
    )
