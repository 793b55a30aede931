"""Whether the database is ready for this release."""

from django.core.management.base import CommandError
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from workbench.dispatch.outage import AWAY


def is_behind() -> bool:
    """Return True if this release has migrations that the database has not."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def refuse_if_behind() -> None:
    """Refuse to work on a database that was not migrated. Raises: CommandError.

    One that is away may be waited for: whoever works on it does.
    """
    try:
        behind = is_behind()
    except AWAY:
        return
    finally:
        connections.close_all()
    if behind:
        raise CommandError("The database is behind this release: run `manage.py migrate`.")
