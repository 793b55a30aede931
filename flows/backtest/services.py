"""Start a backtest, play it part by part, stop it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from flows.backtest.book import Budget, make_budget
from flows.backtest.models import Backtest, BacktestRun, BacktestState
from flows.backtest.playing import Replay, play_all
from flows.backtest.recording import read_recordings
from flows.backtest.summary import add_replays, make_empty_summary
from flows.engine.errors import EngineError
from flows.expressions import ExpressionError
from flows.graph.codec import parse, to_mapping
from flows.graph.model import Document
from flows.graph.problems import DocumentError
from flows.models import Flow
from flows.runtime.program import Program, load_program
from flows.services.errors import FlowInvalid, ServiceError
from flows.steps.pins import find_pins
from flows.steps.registry import UnknownStepType
from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.audit.services import record
from workbench.dispatch.outbox import enqueue
from workbench.live import nudge_on_commit

Json = Any
JOB = "flows.backtest_part"
MOST_RUNS = 2_000
MOST_CALLS = 10_000
# A part is stored after about this long, so that progress shows and a cancel takes effect.
PART_SECONDS = 2.0
PART_RUNS = 100


class NoRuns(ServiceError):
    """No recorded run matches the filter."""


class BacktestEnded(ServiceError):
    """The backtest has ended: there is nothing to stop."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The runs to play, and how models answer. ``chosen`` says in words which runs they are.

    Models are called ``calls_allowed`` times at most, and not once ``cost_allowed`` is spent; 0 is
    no limit of the cost.
    """

    run_ids: Sequence[int]
    chosen: str
    ask_again: bool = False
    calls_allowed: int = 0
    cost_allowed: float = 0.0


@transaction.atomic
def start_backtest(
    *, flow: Flow, choice: Choice, author: User | None, now: datetime, queued: bool = True,
    document: Json = None, actor: Actor | None = None,
) -> Backtest:  # fmt: skip
    """Store what is to be played (the present draft, or ``document``), and ring a worker.

    Without ``queued`` the caller plays the parts itself. It is recorded as ``actor``'s, or else as
    the author's on a page. Raises: NoRuns, FlowInvalid.
    """
    if not choice.run_ids:
        raise NoRuns(
            "No recorded run matches.", "Widen the filter, or run the flow a few times first."
        )
    checked = _check_document(document if document is not None else flow.draft)
    made = Backtest.objects.create(
        flow=flow,
        document=to_mapping(checked),
        pins=find_pins(checked),
        draft_revision=flow.draft_revision,
        baseline_id=flow.released_id,
        run_ids=list(choice.run_ids)[:MOST_RUNS],
        chosen=choice.chosen[:200],
        ask_again=choice.ask_again,
        calls_allowed=min(choice.calls_allowed, MOST_CALLS),
        cost_allowed=choice.cost_allowed,
        summary=make_empty_summary(),
        created_by=author,
        created_at=now,
    )
    who = actor or (Actor.user(author) if author else Actor.system("backtest"))
    _record("backtest.started", made, who, now)
    if queued:
        enqueue(JOB, {"backtest": made.pk}, now=now)
    return made


def _record(action: str, backtest: Backtest, actor: Actor, now: datetime) -> None:
    payload: dict[str, Json] = {
        "backtest": backtest.pk,
        "runs": len(backtest.run_ids),
        "ask_again": backtest.ask_again,
    }
    if backtest.calls_allowed:
        payload |= {"calls": backtest.calls_allowed, "cost": backtest.cost_allowed}
    subject = ("flow", backtest.flow.name)
    record(action=action, subject=subject, actor=actor, payload=payload, now=now)


def _check_document(document: Json) -> Document:
    """Return the document, if it can be played; it may have other problems."""
    try:
        parsed = parse(document)
        Program(0, 0, 0, parsed)
    except DocumentError as error:
        raise FlowInvalid(error.problems) from error
    except (UnknownStepType, ExpressionError, EngineError) as error:
        raise FlowInvalid([str(error)]) from error
    except KeyError as error:
        raise FlowInvalid([f"An edge names the step {error}, which is not there."]) from error
    return parsed


def play_part(*, backtest_id: int, now: datetime, queued: bool = True) -> bool:
    """Play the next runs and store the results. Return True if more are left.

    Playing holds no lock. A conditional UPDATE stores the results only if nobody else played the
    same part in the meantime and the backtest was not stopped.
    """
    backtest = Backtest.objects.select_related("flow").get(pk=backtest_id)
    if backtest.state != BacktestState.RUNNING:
        return False
    wanted = backtest.run_ids[backtest.done : backtest.done + PART_RUNS]
    replays, count = _play_runs(backtest, wanted, make_budget(backtest))
    with transaction.atomic():
        return _store_part(backtest, replays, count, now, queued)


def _play_runs(
    backtest: Backtest, wanted: Sequence[int], budget: Budget
) -> tuple[list[Replay], int]:
    """Play for PART_SECONDS. Return the replays, and how many of ``wanted`` are done.

    The latter are more if runs are gone.
    """
    recordings = read_recordings(wanted)
    ends = time.monotonic() + PART_SECONDS
    replays: list[Replay] = []
    draft = Program(0, backtest.flow_id, 0, parse(backtest.document), backtest.pins)
    baseline = load_program(backtest.baseline_id) if backtest.baseline_id else None
    for replay in play_all(recordings, draft=draft, baseline=baseline, budget=budget):
        replays.append(replay)
        if time.monotonic() > ends:
            break
    if len(replays) == len(recordings):
        return replays, len(wanted)
    return replays, wanted.index(replays[-1].run_id) + 1


def _store_part(
    backtest: Backtest, replays: Sequence[Replay], count: int, now: datetime, queued: bool
) -> bool:
    done = backtest.done + count
    is_over = done >= backtest.total
    changed = Backtest.objects.filter(
        pk=backtest.pk, state=BacktestState.RUNNING, done=backtest.done
    ).update(
        done=done,
        summary=add_replays(backtest.summary, replays),
        state=BacktestState.COMPLETED if is_over else BacktestState.RUNNING,
        finished_at=now if is_over else None,
    )
    if changed != 1:
        # Another worker played the same part, or somebody stopped it.
        return False
    BacktestRun.objects.bulk_create([_to_row(backtest, replay) for replay in replays])
    if not is_over and queued:
        enqueue(JOB, {"backtest": backtest.pk}, now=now)
    nudge_on_commit([get_group(backtest)], {"done": done})
    return not is_over


def _to_row(backtest: Backtest, replay: Replay) -> BacktestRun:
    lanes = {"baseline": replay.baseline, "draft": replay.draft, "recorded": replay.recorded}
    return BacktestRun(
        backtest=backtest,
        run_id=replay.run_id,
        kind=replay.kind,
        noisy=replay.is_noisy,
        first_step=replay.first_step,
        lanes={name: lane.as_json() for name, lane in lanes.items()},
    )


def choose_again(backtest: Backtest, *, calls: int, cost: float = 0.0) -> Choice:
    """Return the choice of the same runs, for which models are asked what is missing."""
    return Choice(backtest.run_ids, backtest.chosen, False, calls, cost)


def cancel_backtest(*, backtest_id: int, actor: Actor, now: datetime) -> None:
    """Stop a backtest; its results so far are kept. Raises: BacktestEnded."""
    with transaction.atomic():
        stopped = Backtest.objects.filter(pk=backtest_id, state=BacktestState.RUNNING).update(
            state=BacktestState.CANCELLED, finished_at=now
        )
        if stopped != 1:
            raise BacktestEnded(
                f"Backtest {backtest_id} has ended.", "Its results are kept. Start another one."
            )
        backtest = Backtest.objects.select_related("flow").get(pk=backtest_id)
        _record("backtest.stopped", backtest, actor, now)
        nudge_on_commit([f"backtest.{backtest_id}"], {"state": "cancelled"})


def get_group(backtest: Backtest) -> str:
    """Return the live group that is nudged about its progress."""
    return f"backtest.{backtest.pk}"
