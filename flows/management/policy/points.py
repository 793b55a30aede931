"""List what decides at which point, attach a policy to one, and detach it."""

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from flows.assets.models import PolicyAttachment
from flows.assets.policies.attaching import attach_policy, detach_policy
from flows.management.subcommands import Options, Subcommand
from flows.policies.points import POINTS
from flows.services.errors import ServiceError
from workbench.accounts.actors import Actor


def _make_actor() -> Actor:
    return Actor.system("manage.py policy", channel="command")


class ListPoints(Subcommand):
    name = "points"
    help = "List the points and what is attached to each, with its number."

    def handle(self, options: Options) -> None:
        rows = PolicyAttachment.objects.select_related("policy").order_by("pk")
        for point in POINTS.values():
            self.stdout.write(f"{point.name}\t{point.summary}")
            for row in rows:
                if row.point == point.name:
                    where = " ".join(each for each in (row.flow, row.queue) if each)
                    self.stdout.write(f"  {row.pk}\t{row.policy.name}\t{where or 'everywhere'}")


class AttachPolicy(Subcommand):
    name = "attach"
    help = "Let a policy's released version decide at a point."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("policy")
        parser.add_argument("point", choices=list(POINTS))
        parser.add_argument("--flow", default="", help="For this flow alone.")
        parser.add_argument("--queue", default="", help="For this queue alone.")

    def handle(self, options: Options) -> None:
        try:
            made = attach_policy(
                policy=options["policy"], point=options["point"], flow=options["flow"],
                queue=options["queue"], actor=_make_actor(), now=timezone.now(),
            )  # fmt: skip
        except ServiceError as error:
            raise CommandError(f"{error} {error.remedy}") from error
        self.stdout.write(f"Attached as {made.pk}.")


class DetachPolicy(Subcommand):
    name = "detach"
    help = "Let a policy no longer decide at a point: the way out of a lock-out."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("attachment", type=int, help="Its number in `policy points`.")

    def handle(self, options: Options) -> None:
        try:
            detach_policy(
                attachment_id=options["attachment"], actor=_make_actor(), now=timezone.now()
            )
        except ServiceError as error:
            raise CommandError(f"{error} {error.remedy}") from error
        self.stdout.write("Detached.")
