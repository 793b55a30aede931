"""``manage.py connection remove``."""

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from flows.connections import services
from flows.management.connection.finding import ACTOR, add_name_argument, find_connection
from flows.management.subcommands import Options, Subcommand


class Remove(Subcommand):
    name = "remove"
    help = "Remove a connection that no released version asks. Its secret stays."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        add_name_argument(parser)

    def handle(self, options: Options) -> None:
        row = find_connection(options["name"])
        try:
            services.remove_connection(name=row.name, actor=ACTOR, now=timezone.now())
        except services.ConnectionInUse as error:
            raise CommandError(f"{error.message} {error.remedy}") from error
        self.stdout.write(f"Removed the connection {row.name}.")
