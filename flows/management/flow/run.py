"""``manage.py flow run``."""

import time
from collections import Counter

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from flows import services
from flows.engine.lanes import Lane
from flows.management.flow.documents import ACTOR, find_flow
from flows.management.flow.lines import BATCH, Line, read_batches, read_new_run
from flows.management.subcommands import Options, Subcommand
from flows.models import Flow, Run, RunStatus
from flows.services.starting import NewRun, Started

POLL_SECONDS = 0.5
# What can be wrong with a single line, which is then named by its number.
LINE_FAULTS = (services.InputInvalid, services.InputTooLarge, services.IdempotencyKeyReused)


class StartRuns(Subcommand):
    name = "run"
    help = "Start a run for each line of a file."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("name")
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--input", metavar="JSON", help="One input.")
        source.add_argument("--input-file", metavar="FILE.jsonl", help="One a line; - is stdin.")
        parser.add_argument(
            "--key",
            metavar="FIELD",
            help="Field of the input that names a line, such as number. Without it, a digest of "
            "the line. A line that was started before is not started again.",
        )
        parser.add_argument("--again", action="store_true", help="Start it again all the same.")
        parser.add_argument("--lane", choices=[lane.value for lane in Lane])
        parser.add_argument(
            "--wait", action="store_true", help="Until each has ended or waits; 1 if one failed."
        )
        parser.add_argument("--timeout", type=float, default=600, metavar="SECONDS")

    def handle(self, options: Options) -> None:
        flow = find_flow(options["name"])
        began, ids, fresh, refused = time.monotonic(), [], 0, 0
        for batch in read_batches(options):
            started, faults = start_batch(flow, batch, options)
            ids += [each.run.pk for each in started]
            fresh += sum(each.is_new for each in started)
            refused += len(faults)
            for fault in faults:
                self.stderr.write(fault)
        self.stdout.write(
            f"{fresh} started, {len(ids) - fresh} started before, {refused} refused, "
            f"in {time.monotonic() - began:.1f} s"
        )
        failed = self._wait_for(ids, options["timeout"]) if options["wait"] else 0
        if refused or failed:
            raise SystemExit(1)

    def _wait_for(self, ids: list[int], timeout: float) -> int:
        """Wait until no run moves: each has ended, or waits for a person or a time.

        Return how many have failed.
        """
        deadline = time.monotonic() + timeout
        while (counts := count_states(ids)).get("running") and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        self.stdout.write(", ".join(f"{n} {state}" for state, n in sorted(counts.items())))
        if counts.get("running"):
            raise CommandError(
                f"{counts['running']} still move after {timeout:g} s. "
                "Is a worker alive? See /health/."
            )
        return counts["failed"]


# --- Starting -----------------------------------------------------------------------------------


def start_batch(flow: Flow, lines: list[Line], options: Options) -> tuple[list[Started], list[str]]:
    """Start a batch; return what was started, and what is wrong with the lines refused."""
    news: list[tuple[int, NewRun]] = []
    faults: list[str] = []
    for number, line in lines:
        try:
            news.append((number, read_new_run(line, options)))
        except ValueError as error:
            faults.append(f"line {number}: {error}")
    try:
        return _start_all(flow, [new for _, new in news]), faults
    except LINE_FAULTS:
        # One bad line refuses the batch: start them one by one to say which.
        return _start_each(flow, news, faults), faults
    except services.ServiceError as error:
        raise CommandError(f"{error} {error.remedy}") from error


def _start_all(flow: Flow, news: list[NewRun]) -> list[Started]:
    return services.start_runs(
        flow=flow, runs=news, actor=ACTOR, now=timezone.now(), trigger="command"
    )


def _start_each(flow: Flow, news: list[tuple[int, NewRun]], faults: list[str]) -> list[Started]:
    """Start the runs one by one, and add what is wrong to ``faults``."""
    started = []
    for number, new in news:
        try:
            started += _start_all(flow, [new])
        except LINE_FAULTS as error:
            faults.append(f"line {number}: {error} {error.remedy}")
    return started


# --- Waiting ------------------------------------------------------------------------------------


def count_states(ids: list[int]) -> Counter[str]:
    """Return how many runs are in each state; a run whose every token waits is ``waiting``."""
    counts: Counter[str] = Counter()
    for start in range(0, len(ids), BATCH):
        runs = Run.objects.filter(pk__in=ids[start : start + BATCH])
        waiting = set(
            runs.filter(status=RunStatus.RUNNING, waits__state="open")
            .exclude(tokens__state__in=["ready", "running"])
            .values_list("pk", flat=True)
        )
        for pk, status in runs.values_list("pk", "status"):
            counts["waiting" if pk in waiting else status] += 1
    return counts
