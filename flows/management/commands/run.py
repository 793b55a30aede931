"""``manage.py run``: look at runs and operate them, one or many by filter."""

import json
import time
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from flows import selectors, services
from flows.engine.errors import EngineError
from flows.engine.lanes import Lane, lane_of
from flows.models import BulkAct, FlowVersion, Run
from flows.selectors.run_filters import WAITING, RunFilters
from flows.services import Act
from workbench.accounts.actors import Actor
from workbench.accounts.permissions import EVERYWHERE

Json = Any
ACTOR = Actor.system("manage.py run", channel="command")
STATES = ("running", WAITING, "paused", "completed", "failed", "cancelled")
HELP: Mapping[Act, str] = {
    Act.CANCEL: "End runs; their waits and cases go away.",
    Act.PAUSE: "Hold runs: steps under way finish, nothing new begins.",
    Act.RESUME: "Let paused runs go on.",
    Act.RETRY: "Let failed runs go on from where they failed.",
    Act.RERUN: "Start new runs from a step of old ones, or from their start.",
    Act.MIGRATE: "Let waiting runs go on with another version.",
    Act.LANE: "Move runs to another lane.",
}
POLL_SECONDS = 0.5


class Command(BaseCommand):
    help = "List, show and operate runs."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True, metavar="COMMAND")
        listing = commands.add_parser("list", help="Print runs, newest first.")
        _add_filters(listing)
        listing.add_argument("--limit", type=int, default=20)
        show = commands.add_parser("show", help="Print a run with its journal.")
        show.add_argument("id", type=int)
        for act, text in HELP.items():
            command = commands.add_parser(act.value, help=text)
            command.add_argument("ids", nargs="*", type=int, metavar="ID")
            _add_filters(command)
            _add_options(command, act)
            command.add_argument("--plan", action="store_true", help="Say what it would do.")
            command.add_argument("--yes", action="store_true", help="Do it to all that match.")
            command.add_argument("--wait", action="store_true", help="Until all are done.")
            command.add_argument("--timeout", type=float, default=600, metavar="SECONDS")

    def handle(self, *args: Any, **options: Any) -> None:
        what = options["what"]
        try:
            if what == "list":
                self._list(options)
            elif what == "show":
                self._show(options["id"])
            elif options["ids"]:
                self._each(Act(what), options)
            else:
                self._many(Act(what), options)
        except services.ServiceError as error:
            raise CommandError(f"{error} {error.remedy}") from error

    # --- Looks ---

    def _list(self, options: dict[str, Any]) -> None:
        page = selectors.list_runs(_filters(options), within=EVERYWHERE, page_size=options["limit"])
        for row in page.rows:
            run = row.run
            parts = [f"{run.pk:>8}  {row.state:<18} {run.flow.name} v{run.version.number}"]
            parts += [part for part in (run.outcome, _message(run.error)[:80]) if part]
            self.stdout.write("  ".join(parts))
        if page.next_before:
            self.stdout.write("There are more: raise --limit, or narrow the list.")

    def _show(self, run_id: int) -> None:
        run = _run(run_id)
        self.stdout.write(
            f"Run {run.pk} of {run.flow.name} v{run.version.number}: {run.status}"
            f"{', ' + run.outcome if run.outcome else ''}; lane {lane_of(run.priority)}"
        )
        for row in selectors.get_journal(run.pk, limit=1_000):
            words = [f"{row.seq:>5}  {row.at:%Y-%m-%d %H:%M:%S}  {row.kind:<18}", row.step]
            words += [f"→ {row.port}"] if row.port else []
            words += [_message(row.data)]
            self.stdout.write(" ".join(word for word in words if word))

    # --- Acts ---

    def _each(self, act: Act, options: dict[str, Any]) -> None:
        refused = 0
        for run_id in options["ids"]:
            run = _run(run_id)
            if options["plan"] and act is Act.RERUN:
                self._print_plan(run, options)
                continue
            if options["plan"]:
                self.stdout.write(f"Run {run_id} is {run.status}; nothing was done.")
                continue
            try:
                self.stdout.write(f"Run {run_id}: {_do(act, run, options)}")
            except (services.ServiceError, EngineError) as error:
                refused += 1
                self.stderr.write(f"Run {run_id}: {error} {getattr(error, 'remedy', '')}".rstrip())
        if refused:
            raise SystemExit(1)

    def _print_plan(self, run: Run, options: dict[str, Any]) -> None:
        plan = services.plan_rerun(
            run_id=run.pk, step=options["step"] or None, version_id=_version_id(run, options)
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

    def _many(self, act: Act, options: dict[str, Any]) -> None:
        filters = _filters(options)
        plan = services.plan_bulk_act(act=act, filters=filters, within=EVERYWHERE)
        more = "" if plan.is_exact else " or more"
        self.stdout.write(f"{plan.matched:,}{more} runs match.")
        if options["plan"] or not options["yes"]:
            self.stdout.write("Nothing was done. Add --yes to do it.")
            return
        bulk = services.start_bulk_act(
            act=act, filters=filters, within=EVERYWHERE, actor=ACTOR, now=timezone.now(),
            options=_bulk_options(options), up_to=plan.up_to,
        )  # fmt: skip
        self.stdout.write(f"Act {bulk.pk} has begun; workers do it. See /runs/many/{bulk.pk}/.")
        if options["wait"]:
            self._wait(bulk, options["timeout"])

    def _wait(self, bulk: BulkAct, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while bulk.finished_at is None:
            if time.monotonic() > deadline:
                raise CommandError(f"Act {bulk.pk} has not ended: {bulk.done:,} are done.")
            time.sleep(POLL_SECONDS)
            bulk.refresh_from_db()
        self.stdout.write(f"{bulk.done:,} done, {bulk.refused:,} refused")
        for run_id, why in bulk.refusals[:10]:
            self.stdout.write(f"  {run_id}: {why}")


# --- Arguments ----------------------------------------------------------------------------


def _add_filters(parser: Any) -> None:
    parser.add_argument("--flow", default="")
    parser.add_argument("--state", choices=STATES, default="")
    parser.add_argument("--outcome", default="")
    parser.add_argument("--error", default="", metavar="KIND", help="That it failed by: timeout …")
    parser.add_argument("--text", default="", help="A key, or a value in the input.")
    parser.add_argument("--on-version", type=int, metavar="N")
    parser.add_argument("--since", type=_instant, metavar="TIME", help="2026-01-31T08:00Z")
    parser.add_argument("--until", type=_instant, metavar="TIME")


def _add_options(parser: Any, act: Act) -> None:
    if act is Act.CANCEL:
        parser.add_argument("--reason", default="")
    if act is Act.LANE:
        parser.add_argument("--lane", choices=[lane.value for lane in Lane], required=True)
    if act in {Act.MIGRATE, Act.RERUN}:
        parser.add_argument("--version-number", type=int, required=act is Act.MIGRATE, metavar="N")
    if act is Act.RERUN:
        parser.add_argument("--step", default="", help="Where to begin; else at the start.")
        parser.add_argument("--input", metavar="JSON", help="Another input; for single runs.")


def _instant(text: str) -> datetime:
    at = parse_datetime(text)
    if at is None or at.tzinfo is None:
        raise ArgumentTypeError(f"{text} is no time with a zone: write 2026-01-31T08:00Z")
    return at


def _filters(options: dict[str, Any]) -> RunFilters:
    return RunFilters(
        flow=options["flow"],
        version=options["on_version"],
        state=options["state"],
        outcome=options["outcome"],
        started_from=options["since"],
        started_to=options["until"],
        text=options["text"],
        error=options["error"],
    )


def _bulk_options(options: dict[str, Any]) -> services.BulkOptions:
    return services.BulkOptions(
        reason=options.get("reason", ""),
        step=options.get("step", ""),
        version=options.get("version_number"),
        lane=options.get("lane", ""),
    )


# --- One run ------------------------------------------------------------------------------


def _do(act: Act, run: Run, options: dict[str, Any]) -> str:
    """Do it and say in a few words what was done."""
    who: dict[str, Any] = {"run_id": run.pk, "actor": ACTOR, "now": timezone.now()}
    if act is Act.RERUN:
        given = json.loads(options["input"]) if options["input"] else None
        step, version_id = options["step"] or None, _version_id(run, options)
        started = services.rerun(**who, step=step, input=given, version_id=version_id)
        return f"run {started.run.pk} goes on from it"
    acts: dict[Act, Callable[[], object]] = {
        Act.CANCEL: partial(services.cancel_run, **who, reason=options.get("reason", "")),
        Act.PAUSE: partial(services.pause_run, **who),
        Act.RESUME: partial(services.resume_run, **who),
        Act.RETRY: partial(services.retry_run, **who),
        Act.LANE: lambda: services.move_to_lane(**who, lane=Lane(options["lane"])),
        Act.MIGRATE: lambda: services.migrate_run(**who, version_id=_version_id(run, options)),
    }
    acts[act]()
    run.refresh_from_db()
    return run.status


def _version_id(run: Run, options: dict[str, Any]) -> int:
    number = options.get("version_number")
    if number is None:
        return run.version_id
    try:
        return selectors.get_version(run.flow, number).pk
    except FlowVersion.DoesNotExist:
        raise CommandError(f"Flow {run.flow.name} has no version {number}.") from None


def _run(run_id: int) -> Run:
    try:
        return selectors.get_run(run_id)
    except Run.DoesNotExist:
        raise CommandError(f"There is no run {run_id}.") from None


def _message(data: Json) -> str:
    """Return what an error says, or "" for what is no error."""
    return str(data.get("message") or "") if isinstance(data, dict) else ""
