"""manage.py bench: measure the engine beside its peers. Needs the development environment."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Measure the engine; see docs/performance.md. Takes the arguments of `python -m bench`."
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        # Not parsed here: the benchmark has a parser of its own.
        self.execute_bench(argv[2:])

    def handle(self, *arguments: str, **options: Any) -> None:
        self.execute_bench(list(arguments))

    def execute_bench(self, arguments: list[str]) -> None:
        os.chdir(settings.BASE_DIR)
        os.execv(sys.executable, [sys.executable, "-m", "bench", *arguments])  # noqa: S606 - no shell is wanted
