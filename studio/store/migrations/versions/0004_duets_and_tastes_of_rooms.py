"""Duets in rooms, and ratings that may teach a room."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "room_duets",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("room_id", sa.Integer, sa.ForeignKey("rooms.id"), nullable=False),
        sa.Column("medium", sa.String(64), nullable=False),
        sa.Column("first_id", sa.Integer, sa.ForeignKey("room_members.number")),
        sa.Column("first_work_id", sa.String(32), sa.ForeignKey("artworks.id"), nullable=False),
        sa.Column("second_id", sa.Integer, sa.ForeignKey("room_members.number")),
        sa.Column("second_work_id", sa.String(32), sa.ForeignKey("artworks.id")),
        sa.Column("position", sa.Double, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("begun", sa.DateTime, nullable=False),
        sa.Column("ended", sa.DateTime),
    )
    op.create_index("room_duets_of_room", "room_duets", ["room_id"])
    op.create_table(
        "room_ratings",
        sa.Column("rating_id", sa.Integer, sa.ForeignKey("ratings.number"), primary_key=True),
        sa.Column("room_id", sa.Integer, sa.ForeignKey("rooms.id"), nullable=False),
    )
    op.create_index("room_ratings_of_room", "room_ratings", ["room_id"])
    op.add_column(
        "room_members",
        sa.Column("teaches", sa.Boolean, nullable=False, server_default=sa.false()),
    )
