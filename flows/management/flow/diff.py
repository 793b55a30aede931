"""``manage.py flow diff``."""

from django.core.management.base import CommandParser

from flows.graph.diff import diff
from flows.management.flow.documents import find_document
from flows.management.subcommands import Options, Subcommand


class Diff(Subcommand):
    name = "diff"
    help = "Say what differs; exit 1 if anything does."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("old", metavar="OLD", help="FILE, NAME (its draft) or NAME@VERSION")
        parser.add_argument("new", metavar="NEW")

    def handle(self, options: Options) -> None:
        found = diff(find_document(options["old"]), find_document(options["new"]))
        self.stdout.write(found.as_text() or "They say the same.")
        if found:
            raise SystemExit(1)
