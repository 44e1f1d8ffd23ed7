"""How Alembic runs the migrations; the store calls it at every start with its own connection.

To change the schema: change `tables.py`, add `versions/000N_what.py` with the next number.
"""

from alembic import context

from studio.store.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
