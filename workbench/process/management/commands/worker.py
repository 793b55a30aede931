"""manage.py worker: drive runs and deliver jobs, in processes of Dramatiq's command."""

import logging
import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from workbench.process.children import Children
from workbench.process.database import refuse_if_behind, refuse_without_keys
from workbench.process.packages import refuse_if_broken

SHUTDOWN_MS = 30_000


class Command(BaseCommand):
    help = "Drive runs and deliver jobs. Start any number, on any number of machines."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
        parser.add_argument("--threads", type=int, default=4, help="Job threads in each process.")

    def handle(self, *, processes: int, threads: int, **options: Any) -> None:
        if not settings.REDIS_URL:
            raise CommandError(
                "Workers are rung through Redis: set REDIS_URL. Without it, `manage.py serve` "
                "does their work itself."
            )
        if processes < 1:
            raise CommandError("A worker has one process at least.")
        refuse_if_broken()
        refuse_if_behind()
        logging.basicConfig(
            level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
        )
        refuse_without_keys()
        # A busy process must not hold messages that another could deliver: one for each thread.
        os.environ.setdefault("dramatiq_queue_prefetch", str(threads))
        # One to a command of Dramatiq, which ends all its processes with the first that dies.
        command = [
            sys.executable, "-m", "dramatiq", "workbench.worker",
            "--processes", "1", "--threads", str(threads),
            "--path", str(settings.BASE_DIR),
            "--worker-shutdown-timeout", str(SHUTDOWN_MS),
        ]  # fmt: skip
        if status := Children(command, processes).run():
            raise SystemExit(status)
