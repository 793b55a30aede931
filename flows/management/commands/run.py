"""``manage.py run``: look at runs and operate them, one or many by filter."""

from typing import Any

from django.core.management.base import CommandError

from flows.management.run.acting import Cancel, Migrate, MoveToLane, Pause, Rerun, Resume, Retry
from flows.management.run.looking import List, Show
from flows.management.subcommands import CommandOfSubcommands
from flows.services import ServiceError


class Command(CommandOfSubcommands):
    help = "List, show and operate runs."
    subcommands = (List, Show, Cancel, Pause, Resume, Retry, Rerun, Migrate, MoveToLane)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            super().handle(*args, **options)
        except ServiceError as error:
            raise CommandError(f"{error} {error.remedy}") from error
