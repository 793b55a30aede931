"""``manage.py flow publish``."""

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from flows import services
from flows.management.flow.documents import ACTOR, find_flow
from flows.management.subcommands import Options, Subcommand
from flows.models import Flow


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
        parser.add_argument("--no-release", action="store_true")

    def handle(self, options: Options) -> None:
        flow = find_flow(options["name"])
        if options["revision"] is not None:
            flow.draft_revision = options["revision"]
        self.stdout.write(publish_draft(flow, options["note"], release=not options["no_release"]))


def publish_draft(flow: Flow, note: str, *, release: bool) -> str:
    """Make a version of the draft at the revision of ``flow``, and return what was done.

    Raises: CommandError.
    """
    try:
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
