"""``manage.py connection list`` and ``connection show``."""

from django.core.management.base import CommandParser
from django.utils import timezone

from flows.connections.selectors import list_rows
from flows.connections.settings import settings_of
from flows.graph.yaml_text import write_yaml
from flows.management.connection.finding import add_name_argument, find_connection
from flows.management.subcommands import Options, Subcommand


class List(Subcommand):
    name = "list"
    help = "List the connections: name, kind, state, flows, p50 of the last hour, address."

    def handle(self, options: Options) -> None:
        rows = list_rows(timezone.now())
        for row in rows:
            p50 = "-" if row.health.p50_ms is None else f"{row.health.p50_ms:.0f} ms"
            kept = row.connection
            cells = (kept.name, kept.kind, row.tone, row.flows, p50, kept.address)
            self.stdout.write("\t".join(cells))
        if not rows:
            self.stdout.write("There are no connections. `connection set FILE` adds one.")


class Show(Subcommand):
    name = "show"
    help = "Print a connection as the YAML that `connection set` takes. Secrets are named only."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        add_name_argument(parser)

    def handle(self, options: Options) -> None:
        row = find_connection(options["name"])
        settings = {"name": row.name, **settings_of(row)}
        self.stdout.write(write_yaml(settings, inline=lambda path: False), ending="")
