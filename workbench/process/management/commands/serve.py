"""manage.py serve: the web pages, and with the embedded default everything else too."""

import logging
import os
from argparse import ArgumentParser
from typing import IO, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections
from django.utils import timezone

from workbench.dispatch.outbox import release_claims
from workbench.process.database import is_behind, refuse_if_behind, refuse_without_keys
from workbench.process.packages import refuse_if_broken
from workbench.process.parts import Embedded
from workbench.process.server import (
    AlreadyServed,
    PortTaken,
    check_port,
    exit_after_delay,
    lock_folder,
    run_daphne,
)

DEMO_ACCOUNTS_FILE = "demo-accounts.txt"


class Command(BaseCommand):
    help = (
        "Serve the pages. On SQLite, or without Redis, runs, jobs and the clock are done in the "
        "same process; with PostgreSQL and Redis they are left to `worker` and `clock`."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
        parser.add_argument(
            "--all", action="store_true", help="Do everything here, even with PostgreSQL and Redis."
        )

    def handle(self, *, host: str, port: int, **options: Any) -> None:
        logging.basicConfig(
            level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s"
        )
        refuse_if_broken()
        lock = _claim_place(host, port)
        if "SITE_URL" not in os.environ:
            settings.SITE_URL = f"http://127.0.0.1:{port}"
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # a warning tells if it is missing
        alone = _is_only_process() or not settings.REDIS_URL
        _prepare_database(may_migrate=alone)
        parts = Embedded() if alone or options["all"] else None
        if parts:
            parts.start()
        try:
            run_daphne(host, port, on_ready=lambda: self._greet(host, port))
        finally:
            exit_after_delay()
            self.stdout.write("Stopping.")
            if parts:
                parts.stop()
            connections.close_all()
            if lock:
                lock.close()

    def _greet(self, host: str, port: int) -> None:
        shown = f"[{host}]" if ":" in host else host
        self.stdout.write(f"Countersign is at http://{shown}:{port}/  (Ctrl-C stops it)")
        accounts = settings.VAR_DIR / DEMO_ACCOUNTS_FILE
        if accounts.exists():
            self.stdout.write(accounts.read_text().rstrip())
        self.stdout.flush()


def _is_only_process() -> bool:
    """Return whether no other process works on the database: SQLite is for one alone.

    It locks its folder, and at its start releases what a dead one held.
    """
    return connection.vendor == "sqlite"


def _claim_place(host: str, port: int) -> IO[str] | None:
    """Check the address, and lock the folder of a database that is for one process alone."""
    try:
        check_port(host, port)
        return lock_folder(settings.VAR_DIR) if _is_only_process() else None
    except PortTaken as error:
        raise CommandError(f"{error} Stop what uses it, or choose another with --port.") from None
    except AlreadyServed as error:
        raise CommandError(f"{error} Stop it, or set COUNTERSIGN_VAR to another folder.") from None


def _prepare_database(*, may_migrate: bool) -> None:
    if not may_migrate:
        refuse_if_behind()
    elif is_behind():
        call_command("migrate", interactive=False, verbosity=0)
    refuse_without_keys()
    if _is_only_process():
        release_claims(timezone.now())
