"""manage.py bench: measure the engine, and its peers beside it. Needs what tests need."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Measure the engine; see docs/performance.md. Arguments go to `python -m bench`."
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        # Its arguments are not ours to parse: the benchmark has a parser of its own.
        self.execute_bench(argv[2:])

    def handle(self, *arguments: str, **options: Any) -> None:
        self.execute_bench(list(arguments))

    def execute_bench(self, arguments: list[str]) -> None:
        os.chdir(settings.BASE_DIR)
        os.execv(sys.executable, [sys.executable, "-m", "bench", *arguments])  # noqa: S606 - no shell is wanted
