"""Rooms, in which several people create together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "rooms",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("token", sa.String(32), nullable=False, unique=True),
        sa.Column("title", sa.String(80), nullable=False),
        sa.Column("founder_id", sa.Integer, sa.ForeignKey("sessions.id"), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("closed", sa.DateTime),
    )
    op.create_table(
        "room_members",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("room_id", sa.Integer, sa.ForeignKey("rooms.id"), nullable=False),
        sa.Column("session_id", sa.Integer, sa.ForeignKey("sessions.id"), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("colour", sa.String(16), nullable=False),
        sa.Column("doing", sa.JSON, nullable=False),
        sa.Column("joined", sa.DateTime, nullable=False),
        sa.Column("left", sa.DateTime),
        sa.Column("seen", sa.DateTime, nullable=False),
        sa.UniqueConstraint("room_id", "session_id", name="room_members_once"),
    )
    op.create_index("room_members_of_session", "room_members", ["session_id"])
    op.create_table(
        "room_works",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("room_id", sa.Integer, sa.ForeignKey("rooms.id"), nullable=False),
        sa.Column("artwork_id", sa.String(32), sa.ForeignKey("artworks.id"), nullable=False),
        sa.Column("member_id", sa.Integer, sa.ForeignKey("room_members.number"), nullable=False),
        sa.Column("shared", sa.DateTime, nullable=False),
        sa.Column("taken_back", sa.DateTime),
        sa.UniqueConstraint("room_id", "artwork_id", name="room_works_once"),
    )
    op.create_table(
        "room_reactions",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("work_id", sa.Integer, sa.ForeignKey("room_works.number"), nullable=False),
        sa.Column("member_id", sa.Integer, sa.ForeignKey("room_members.number"), nullable=False),
        sa.Column("sign", sa.String(16), nullable=False),
        sa.UniqueConstraint("work_id", "member_id", name="room_reactions_once"),
    )
