"""Start a backtest, play it part by part, stop it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from flows.backtest.answers import Budget
from flows.backtest.models import Backtest, BacktestRun, BacktestState
from flows.backtest.playing import Replay, play_all
from flows.backtest.recording import read_recordings
from flows.backtest.summary import add_replays, empty_summary
from flows.engine.errors import EngineError
from flows.expressions import ExpressionError
from flows.graph.codec import parse, to_mapping
from flows.graph.problems import DocumentError
from flows.models import Flow
from flows.runtime.program import Program, load_program
from flows.services.errors import FlowInvalid, ServiceError
from flows.steps.registry import UnknownStepType
from workbench.accounts.models import User
from workbench.dispatch.outbox import enqueue
from workbench.live import nudge_on_commit

Json = Any
JOB = "flows.backtest_part"
MOST_RUNS = 2_000
MOST_CALLS = 10_000
# A part is kept after about this long, so that progress is seen and a cancel is heard.
PART_SECONDS = 2.0
PART_RUNS = 100


class NoRuns(ServiceError):
    """No recorded run fits what was asked for."""


class BacktestEnded(ServiceError):
    """The backtest is over: there is nothing to stop."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which runs are played, and how models are answered. ``chosen`` says which, in words."""

    run_ids: Sequence[int]
    chosen: str
    ask_again: bool = False
    calls_allowed: int = 0


@transaction.atomic
def start_backtest(
    *, flow: Flow, choice: Choice, author: User | None, now: datetime, queued: bool = True,
    document: Json = None,
) -> Backtest:  # fmt: skip
    """Keep what is to be played (the draft as it is now, or ``document``) and ring a worker.

    Without ``queued`` the caller plays the parts. Raises: NoRuns, FlowInvalid.
    """
    if not choice.run_ids:
        raise NoRuns(
            "No recorded run fits.", "Widen the filter, or run the flow a few times first."
        )
    made = Backtest.objects.create(
        flow=flow,
        document=_playable(document if document is not None else flow.draft),
        draft_revision=flow.draft_revision,
        baseline_id=flow.released_id,
        run_ids=list(choice.run_ids)[:MOST_RUNS],
        chosen=choice.chosen[:200],
        ask_again=choice.ask_again,
        calls_allowed=min(choice.calls_allowed, MOST_CALLS),
        summary=empty_summary(),
        created_by=author,
        created_at=now,
    )
    if queued:
        enqueue(JOB, {"backtest": made.pk}, now=now)
    return made


def _playable(document: Json) -> dict[str, Json]:
    """Return the document if a run could be begun with it; warnings and gaps may be there."""
    try:
        parsed = parse(document)
        Program(0, 0, 0, parsed)
    except DocumentError as error:
        raise FlowInvalid(error.problems) from error
    except (UnknownStepType, ExpressionError, EngineError) as error:
        raise FlowInvalid([str(error)]) from error
    except KeyError as error:
        raise FlowInvalid([f"An edge names the step {error}, which is not there."]) from error
    return to_mapping(parsed)


def play_part(*, backtest_id: int, now: datetime, queued: bool = True) -> bool:
    """Play the next runs and keep what came of them; say whether more are left.

    Playing holds no lock. What was played counts only if nobody else played it meanwhile and the
    backtest was not stopped: one conditional UPDATE says so.
    """
    backtest = Backtest.objects.select_related("flow").get(pk=backtest_id)
    if backtest.state != BacktestState.RUNNING:
        return False
    budget = Budget(backtest.ask_again, backtest.calls_allowed, backtest.calls_made, backtest.cost)
    wanted = backtest.run_ids[backtest.done : backtest.done + PART_RUNS]
    replays, passed = _play_for_a_while(backtest, wanted, budget)
    with transaction.atomic():
        return _keep_part(backtest, replays, passed, budget, now, queued)


def _play_for_a_while(
    backtest: Backtest, wanted: Sequence[int], budget: Budget
) -> tuple[list[Replay], int]:
    """Return what was played, and how many of ``wanted`` are dealt with: runs may be gone."""
    recordings = read_recordings(wanted)
    ends = time.monotonic() + PART_SECONDS
    replays: list[Replay] = []
    draft = Program(0, backtest.flow_id, 0, parse(backtest.document))
    baseline = load_program(backtest.baseline_id) if backtest.baseline_id else None
    for replay in play_all(recordings, draft=draft, baseline=baseline, budget=budget):
        replays.append(replay)
        if time.monotonic() > ends:
            break
    if len(replays) == len(recordings):
        return replays, len(wanted)
    return replays, wanted.index(replays[-1].run_id) + 1


def _keep_part(
    backtest: Backtest, replays: Sequence[Replay], passed: int, budget: Budget, now: datetime,
    queued: bool,
) -> bool:  # fmt: skip
    done = backtest.done + passed
    is_over = done >= backtest.total
    changed = Backtest.objects.filter(
        pk=backtest.pk, state=BacktestState.RUNNING, done=backtest.done
    ).update(
        done=done,
        calls_made=budget.made,
        cost=budget.cost,
        summary=add_replays(backtest.summary, replays),
        state=BacktestState.COMPLETED if is_over else BacktestState.RUNNING,
        finished_at=now if is_over else None,
    )
    if changed != 1:
        # Another worker played the same part, or somebody stopped it: this one does not count.
        return False
    BacktestRun.objects.bulk_create([_row(backtest, replay) for replay in replays])
    if not is_over and queued:
        enqueue(JOB, {"backtest": backtest.pk}, now=now)
    nudge_on_commit([group_of(backtest)], {"done": done})
    return not is_over


def _row(backtest: Backtest, replay: Replay) -> BacktestRun:
    lanes = {"baseline": replay.baseline, "draft": replay.draft, "recorded": replay.recorded}
    return BacktestRun(
        backtest=backtest,
        run_id=replay.run_id,
        kind=replay.kind,
        noisy=replay.is_noisy,
        first_step=replay.first_step,
        lanes={name: lane.as_json() for name, lane in lanes.items()},
    )


def cancel_backtest(*, backtest_id: int, now: datetime) -> None:
    """Stop it; what was played so far is kept. Raises: BacktestEnded."""
    with transaction.atomic():
        stopped = Backtest.objects.filter(pk=backtest_id, state=BacktestState.RUNNING).update(
            state=BacktestState.CANCELLED, finished_at=now
        )
        if stopped != 1:
            raise BacktestEnded(
                f"Backtest {backtest_id} is over.", "Its result is kept. Start another one."
            )
        nudge_on_commit([f"backtest.{backtest_id}"], {"state": "cancelled"})


def group_of(backtest: Backtest) -> str:
    """Return the live group that hears of its progress."""
    return f"backtest.{backtest.pk}"
