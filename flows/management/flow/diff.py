"""``manage.py flow diff``."""

from django.core.management.base import CommandParser

from flows.graph.diff import diff
from flows.management.flow.documents import describe_draft, find_document
from flows.management.subcommands import Options, Subcommand


class Diff(Subcommand):
    name = "diff"
    help = "Say what differs; exit 1 if anything does."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("old", metavar="OLD", help="FILE, NAME (its draft) or NAME@VERSION")
        parser.add_argument("new", metavar="NEW")

    def handle(self, options: Options) -> None:
        # Before the documents: what is published by the revision is then never newer than shown.
        drafts = [line for side in ("old", "new") if (line := describe_draft(options[side]))]
        found = diff(find_document(options["old"]), find_document(options["new"]))
        self.stdout.write(found.as_text() or "They say the same.")
        for line in drafts:
            self.stdout.write(line)
        if found:
            raise SystemExit(1)
