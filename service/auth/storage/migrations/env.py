"""Runs the migrations in the transaction that `auth.storage.schema` holds open."""

from alembic import context

from auth.storage.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite's data definition is as transactional as its data
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
