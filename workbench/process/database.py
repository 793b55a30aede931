"""Whether the database is ready for this release, and its keys are here."""

import logging

from django.core.checks import run_checks
from django.core.management.base import CommandError
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from workbench.dispatch.outage import AWAY

logger = logging.getLogger(__name__)


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


def refuse_without_keys() -> None:
    """Refuse to work on data whose keys are missing, and log what else is amiss.

    These are checks of `manage.py check --deploy`. Raises: CommandError.
    """
    found = run_checks(tags=["installation"], include_deployment_checks=True)
    connections.close_all()
    for message in found:
        if not message.is_serious():
            logger.warning("%s %s", message.msg, message.hint or "")
    if errors := [message.msg for message in found if message.is_serious()]:
        raise CommandError("\n".join(errors))
