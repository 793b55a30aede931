"""``manage.py flow export``."""

from django.core.management.base import CommandParser

from flows.graph.codec import parse, to_json
from flows.management.flow.documents import add_flow_argument, find_stored_document
from flows.management.subcommands import Options, Subcommand
from flows.selectors.changes import to_text


class Export(Subcommand):
    name = "export"
    help = "Print a draft or a version as YAML."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        add_flow_argument(parser)
        parser.add_argument("--json", action="store_true")

    def handle(self, options: Options) -> None:
        mapping = find_stored_document(options["flow"])
        if options["json"]:
            self.stdout.write(to_json(parse(mapping)))
        else:
            self.stdout.write(to_text(mapping), ending="")
