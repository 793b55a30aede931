"""``manage.py flow import``."""

from datetime import datetime
from pathlib import Path

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from flows import services
from flows.graph.codec import to_mapping
from flows.graph.model import Document
from flows.graph.operations import OperationRefused
from flows.management.flow.documents import ACTOR, read_document
from flows.management.flow.publish import publish_draft
from flows.management.subcommands import Options, Subcommand
from flows.models import Flow


class ImportDraft(Subcommand):
    name = "import"
    help = "Make a file the draft of its flow."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--name", help="Another name than the file's.")
        parser.add_argument(
            "--publish", metavar="NOTE", help="Publish and release it with this note."
        )

    def handle(self, options: Options) -> None:
        document, now = read_document(options["file"]), timezone.now()
        name = options["name"] or document.name
        flow = Flow.objects.filter(name=name).first()
        if flow is None:
            flow = services.create_flow(
                name=name, title=document.title, document=document, author=None, actor=ACTOR,
                now=now,
            )  # fmt: skip
            self.stdout.write(f"Made the flow {name}.")
        else:
            flow = _save_draft(flow, document, now)
            self.stdout.write(f"Saved the draft of {name}, revision {flow.draft_revision}.")
        if options["publish"]:
            self.stdout.write(publish_draft(flow, options["publish"], release=True))


def _save_draft(flow: Flow, document: Document, now: datetime) -> Flow:
    mapping = {**to_mapping(document), "name": flow.name}
    try:
        return services.save_draft(flow_id=flow.pk, document=mapping, author=None, now=now)
    except OperationRefused as refusal:
        raise CommandError(f"{refusal.message} {refusal.remedy}") from refusal
