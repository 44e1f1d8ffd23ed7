"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("created", sa.DateTime, nullable=False),
    )
    op.create_table(
        "states",
        sa.Column("session_id", sa.Integer, sa.ForeignKey("sessions.id"), primary_key=True),
        sa.Column("name", sa.String(128), primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
    )
    op.create_table(
        "artworks",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("session_id", sa.Integer, sa.ForeignKey("sessions.id"), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("medium", sa.String(64), nullable=False),
        sa.Column("version", sa.String(128), nullable=False),
        sa.Column("recipe", sa.JSON, nullable=False),
        sa.Column("thumbnail", sa.Text, nullable=False),
        sa.Column("kept", sa.Boolean, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.UniqueConstraint("session_id", "fingerprint", name="artworks_once"),
    )
    op.create_index("artworks_of_session", "artworks", ["session_id", "medium"])
    op.create_table(
        "ratings",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("session_id", sa.Integer, sa.ForeignKey("sessions.id"), nullable=False),
        sa.Column("medium", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("artwork_id", sa.String(32), sa.ForeignKey("artworks.id"), nullable=False),
        sa.Column("other_id", sa.String(32), sa.ForeignKey("artworks.id")),
        sa.Column("stars", sa.Integer),
        sa.Column("aspects", sa.JSON, nullable=False),
        sa.Column("thumb", sa.Boolean),
        sa.Column("tie", sa.Boolean, nullable=False),
        sa.Column("undone", sa.Boolean, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
    )
    op.create_index("ratings_of_session", "ratings", ["session_id", "medium"])
    op.create_index("ratings_of_artwork", "ratings", ["artwork_id"])
    op.create_index("ratings_of_other", "ratings", ["other_id"])
    op.create_table(
        "version_uses",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("session_id", sa.Integer, sa.ForeignKey("sessions.id"), nullable=False),
        sa.Column("medium", sa.String(64), nullable=False),
        sa.Column("version", sa.String(128), nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
    )
    op.create_index("version_uses_of_session", "version_uses", ["session_id", "medium"])
    op.create_table(
        "versions",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("session_id", sa.Integer, sa.ForeignKey("sessions.id"), nullable=False),
        sa.Column("medium", sa.String(64), nullable=False),
        sa.Column("version", sa.String(128), nullable=False),
        sa.Column("parent", sa.String(128)),
        sa.Column("measured", sa.JSON, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.UniqueConstraint("session_id", "medium", "version", name="versions_once"),
    )
    op.create_table(
        "jobs",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("session_id", sa.Integer, sa.ForeignKey("sessions.id"), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("medium", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("progress", sa.Double, nullable=False),
        sa.Column("stage", sa.String(128), nullable=False),
        sa.Column("stage_values", sa.JSON, nullable=False),
        sa.Column("result", sa.JSON, nullable=False),
        sa.Column("error_key", sa.String(128)),
        sa.Column("error_values", sa.JSON, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
    )
    op.create_index("jobs_of_session", "jobs", ["session_id", "kind", "medium"])
    op.create_index("jobs_by_status", "jobs", ["status"])
