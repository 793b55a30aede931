"""``manage.py flow import``."""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from flows import services
from flows.graph.codec import to_mapping
from flows.graph.model import Document
from flows.graph.operations import OperationRefused, normal_form
from flows.management.flow.documents import ACTOR, read_document
from flows.management.flow.publish import publish_draft
from flows.management.subcommands import Options, Subcommand
from flows.models import Flow
from flows.selectors.editables import DRAFT


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
        parser.add_argument(
            "--over", action="store_true", help="Replace what people edited and nobody published."
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
            flow = _save_draft(flow, document, now, over=options["over"])
            self.stdout.write(f"Saved the draft of {name}, revision {flow.draft_revision}.")
        if options["publish"]:
            self.stdout.write(publish_draft(flow, options["publish"], self.stdout, release=True))


def _save_draft(flow: Flow, document: Document, now: datetime, *, over: bool) -> Flow:
    """Raises: CommandError."""
    mapping = {**to_mapping(document), "name": flow.name}
    try:
        with DRAFT.hold(flow.name) as kept:
            if kept is not None and not over:
                _refuse_unpublished_edits(kept, mapping)
            return services.save_draft(flow_id=flow.pk, document=mapping, author=None, now=now)
    except OperationRefused as refusal:
        raise CommandError(f"{refusal.message} {refusal.remedy}") from refusal


def _refuse_unpublished_edits(flow: Flow, mapping: dict[str, Any]) -> None:
    """Raises: CommandError, where people edited the draft and neither file nor version has that."""
    last = flow.operations.order_by("-revision").select_related("author").first()
    if last is None or last.author is None:
        return
    newest = flow.versions.order_by("-number").first()
    draft = normal_form(flow.draft)
    if draft in [normal_form(mapping), newest and normal_form(newest.document)]:
        return
    raise CommandError(
        f"{last.author.label} edited the draft of {flow.name} at {last.at:%Y-%m-%d %H:%M} UTC"
        f" (revision {last.revision}), and no version has that. Publish it, or bring it into the"
        f" file (flow export {flow.name}); --over replaces it."
    )
