"""``manage.py flow publish``."""

from pathlib import Path

from django.core.management.base import CommandError, CommandParser, OutputWrapper
from django.utils import timezone

from flows import services
from flows.graph.codec import parse, to_mapping
from flows.graph.diff import diff
from flows.graph.operations import normal_form
from flows.management.flow.documents import ACTOR, find_flow, read_document
from flows.management.subcommands import Options, Subcommand
from flows.models import Flow
from flows.services.ledger_check import compute_document_digest


class Publish(Subcommand):
    name = "publish"
    help = "Make a version of the draft and release it."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--note", required=True, help="What changed and why.")
        parser.add_argument(
            "--revision", type=int, help="Publish only if the draft is at it; flow diff names it."
        )
        parser.add_argument(
            "--file", type=Path, metavar="FILE", help="Publish only if the draft says what it says."
        )
        parser.add_argument("--no-release", action="store_true")

    def handle(self, options: Options) -> None:
        flow = find_flow(options["name"])
        if options["file"] is not None:
            _refuse_other_draft(flow, options["file"])
        if options["revision"] is not None:
            flow.draft_revision = options["revision"]
        elif options["file"] is None:
            _refuse_unseen_edit(flow)
        release = not options["no_release"]
        self.stdout.write(publish_draft(flow, options["note"], self.stdout, release=release))


def _refuse_other_draft(flow: Flow, path: Path) -> None:
    """Raises: CommandError, where the file says something else than the draft."""
    mapping = {**to_mapping(read_document(path)), "name": flow.name}
    if normal_form(mapping) != normal_form(flow.draft):
        raise CommandError(
            f"{path} is not what the draft of {flow.name} says. Look at what differs: "
            f"manage.py flow diff {path} {flow.name}"
        )


def _refuse_unseen_edit(flow: Flow) -> None:
    """Raises: CommandError, where a person edited the draft last. This command acts for none."""
    last = flow.operations.order_by("-revision").select_related("author").first()
    if last is None or last.author is None:
        return
    released = f"{flow.name}@{flow.released.number} " if flow.released else ""
    look = f"diff {released}{flow.name}" if released else f"export {flow.name}"
    raise CommandError(
        f"{last.author.label} edited the draft of {flow.name} last, at {last.at:%Y-%m-%d %H:%M}"
        f" UTC. Look at it: manage.py flow {look}. Then publish what you saw: "
        f"manage.py flow publish {flow.name} --revision {flow.draft_revision} --note …"
    )


def publish_draft(flow: Flow, note: str, stdout: OutputWrapper, *, release: bool) -> str:
    """Make a version of the draft at the revision of ``flow``, and return what was done.

    What it publishes and what that changes is printed first.

    Raises: CommandError.
    """
    try:
        stdout.write(_describe(flow))
        version = services.publish_version(
            flow_id=flow.pk, note=note, author=None, actor=ACTOR, now=timezone.now(),
            revision=flow.draft_revision, release=release,
        )  # fmt: skip
    except services.NothingChanged as error:
        return f"Nothing to publish. {error}"
    except services.DraftChanged as error:
        raise CommandError(f"{error} {error.remedy}") from error
    except services.FlowInvalid as error:
        raise CommandError("\n".join([str(error), *map(str, error.problems)])) from error
    done = "Published and released" if release else "Published"
    return f"{done} version {version.number} of {flow.name}."


def _describe(flow: Flow) -> str:
    """Return what would be published, and what it changes against the released version."""
    draft = parse(flow.draft)
    digest = compute_document_digest(to_mapping(draft))
    lines = [f"Revision {flow.draft_revision} of {flow.name}, digest {digest}."]
    if flow.released is not None:
        found = diff(parse(flow.released.document), draft)
        changes = found.as_text().rstrip() if found else "Nothing."
        lines += [f"Changes against version {flow.released.number}, which is released:", changes]
    return "\n".join(lines)
