"""Acts on runs: ``manage.py run cancel``, ``pause`` and the others, on ids or by filter."""

import time
from typing import ClassVar

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from flows import services
from flows.engine.errors import EngineError
from flows.engine.lanes import Lane
from flows.management.run.acts import ACTOR, act_on_run, find_version_id
from flows.management.run.finding import add_filter_arguments, find_run, read_filters
from flows.management.subcommands import Options, Subcommand
from flows.models import BulkAct, Run
from flows.services import Act
from workbench.accounts.permissions import EVERYWHERE
from workbench.values.refusals import ValueRefused

POLL_SECONDS = 0.5


class ActOnRuns(Subcommand):
    """An act on the runs that are named by id, or else on all that match the filters."""

    act: ClassVar[Act]

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("ids", nargs="*", type=int, metavar="ID")
        add_filter_arguments(parser)
        cls.add_own_arguments(parser)
        parser.add_argument("--plan", action="store_true", help="Say what it would do.")
        parser.add_argument("--yes", action="store_true", help="Do it to all that match.")
        parser.add_argument("--wait", action="store_true", help="Until all are done.")
        parser.add_argument("--timeout", type=float, default=600, metavar="SECONDS")

    @classmethod
    def add_own_arguments(cls, parser: CommandParser) -> None:
        """Declare the arguments that only this act has."""

    def handle(self, options: Options) -> None:
        if options["ids"]:
            self._act_on_each(options)
        else:
            self._act_on_all(options)

    # --- Runs by id ---

    def _act_on_each(self, options: Options) -> None:
        refused = 0
        for run_id in options["ids"]:
            run = find_run(run_id)
            if options["plan"]:
                self.print_plan(run, options)
                continue
            try:
                self.stdout.write(f"Run {run_id}: {act_on_run(self.act, run, options)}")
            except (services.ServiceError, EngineError, ValueRefused) as error:
                refused += 1
                self.stderr.write(f"Run {run_id}: {error} {getattr(error, 'remedy', '')}".rstrip())
        if refused:
            raise SystemExit(1)

    def print_plan(self, run: Run, options: Options) -> None:
        """Print what the act would do to the run."""
        self.stdout.write(f"Run {run.pk} is {run.status}; nothing was done.")

    # --- Runs by filter ---

    def _act_on_all(self, options: Options) -> None:
        filters = read_filters(options)
        plan = services.plan_bulk_act(act=self.act, filters=filters, within=EVERYWHERE)
        more = "" if plan.is_exact else " or more"
        self.stdout.write(f"{plan.matched:,}{more} runs match.")
        if options["plan"] or not options["yes"]:
            self.stdout.write("Nothing was done. Add --yes to do it.")
            return
        bulk = services.start_bulk_act(
            act=self.act, filters=filters, within=EVERYWHERE, actor=ACTOR, now=timezone.now(),
            options=_read_bulk_options(options), up_to=plan.up_to,
        )  # fmt: skip
        self.stdout.write(f"Act {bulk.pk} has begun; workers do it. See /runs/many/{bulk.pk}/.")
        if options["wait"]:
            self._wait_for(bulk, options["timeout"])

    def _wait_for(self, bulk: BulkAct, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while bulk.finished_at is None:
            if time.monotonic() > deadline:
                raise CommandError(f"Act {bulk.pk} has not ended: {bulk.done:,} are done.")
            time.sleep(POLL_SECONDS)
            bulk.refresh_from_db()
        self.stdout.write(f"{bulk.done:,} done, {bulk.refused:,} refused")
        for run_id, why in bulk.refusals[:10]:
            self.stdout.write(f"  {run_id}: {why}")


def _read_bulk_options(options: Options) -> services.BulkOptions:
    return services.BulkOptions(
        reason=options.get("reason", ""),
        step=options.get("step", ""),
        version=options.get("version_number"),
        lane=options.get("lane", ""),
    )


class Cancel(ActOnRuns):
    name = act = Act.CANCEL
    help = "End runs; their waits and cases go away."

    @classmethod
    def add_own_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("--reason", default="")


class Pause(ActOnRuns):
    name = act = Act.PAUSE
    help = "Hold runs: steps under way finish, nothing new begins."


class Resume(ActOnRuns):
    name = act = Act.RESUME
    help = "Let paused runs go on."


class Retry(ActOnRuns):
    name = act = Act.RETRY
    help = "Let failed runs go on from where they failed."


class Rerun(ActOnRuns):
    name = act = Act.RERUN
    help = "Start new runs from a step of old ones, or from their start."

    @classmethod
    def add_own_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("--version-number", type=int, metavar="N")
        parser.add_argument("--step", default="", help="Where to begin; else at the start.")
        parser.add_argument("--input", metavar="JSON", help="Another input; for single runs.")

    def print_plan(self, run: Run, options: Options) -> None:
        plan = services.plan_rerun(
            run_id=run.pk, step=options["step"] or None, version_id=find_version_id(run, options)
        )
        for words, steps in (
            ("kept", plan.kept),
            ("may run again", plan.repeated),
            ("of which act outside", plan.effects),
            ("of which wait", plan.asks),
        ):
            self.stdout.write(f"{words:>22}: {', '.join(steps) or 'none'}")
        for step, missing in plan.missing.items():
            self.stdout.write(f"{step} reads what is not there: {', '.join(missing)}")


class Migrate(ActOnRuns):
    name = act = Act.MIGRATE
    help = "Let waiting runs go on with another version."

    @classmethod
    def add_own_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("--version-number", type=int, required=True, metavar="N")


class MoveToLane(ActOnRuns):
    name = act = Act.LANE
    help = "Move runs to another lane."

    @classmethod
    def add_own_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("--lane", choices=[lane.value for lane in Lane], required=True)
