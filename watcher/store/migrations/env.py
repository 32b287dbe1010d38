"""Run by Alembic: migrates over the connection, and in the transaction, that `migrate` opened."""

from alembic import context

from watcher.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
