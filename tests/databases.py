"""A database of its own for each test, on the PostgreSQL server that STUDIO_TEST_DATABASE_URL
names."""

from __future__ import annotations

import os
import uuid

from sqlalchemy import Engine, create_engine, text


def server() -> Engine | None:
    """None where no server is named."""
    url = os.environ.get("STUDIO_TEST_DATABASE_URL")
    return create_engine(url, isolation_level="AUTOCOMMIT") if url else None


def create(engine: Engine) -> str:
    """The URL of a new, empty database."""
    name = f"studio_{uuid.uuid4().hex}"
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    return engine.url.set(database=name).render_as_string(hide_password=False)


def drop(engine: Engine, url: str) -> None:
    """With whatever is still connected to it."""
    name = url.partition("?")[0].rpartition("/")[2]
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
