"""The step runs of a run, in the order they began.

Finished step runs are read from journal rows, live ones from tokens; nothing is stored twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Case, F, JSONField, Value, When
from django.db.models.fields.json import KT

from flows.engine import events
from flows.models import Journal, Run, Wait
from flows.selectors.live_steps import (
    get_open_waits,
    get_timers,
    get_token_state,
    get_waiting_state,
    list_shown_tokens,
)

Json = Any
StepKey = tuple[int, int]

# The timeline shows this many journal rows, the newest; the journal tab pages through all.
MOST_ROWS = 2_000
STATE_OF_EVENT = {
    events.STEP_FINISHED: "done",
    events.JOIN_FIRED: "done",
    events.STEP_FAILED: "failed",
    events.LIMIT_REACHED: "failed",
    events.STEP_CANCELLED: "cancelled",
    events.STEP_RETRYING: "retrying",
    events.STEP_WAITING: "waiting",
}
# What they tell stands in the row of the step itself, too, or in no step run.
_OF_NO_STEP_RUN = frozenset({events.JOIN_ABSORBED, events.CAME_BACK})
# Of these events the data is read too: an error, or what is waited for.
_WITH_DATA = [events.STEP_FAILED, events.STEP_RETRYING, events.STEP_WAITING]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a step run. ``error`` is None for the one that worked, or still works."""

    number: int
    began_at: datetime | None
    ended_at: datetime | None
    error: Json = None
    retry_at: str | None = None
    worker: int | None = None


@dataclass(frozen=True, slots=True)
class StepRun:
    """One activation of a step. A join, which the engine itself plays, has a negative one."""

    step: str
    token_id: int
    activation: int
    state: str
    began_at: datetime
    ended_at: datetime | None = None
    title: str = ""
    type: str = ""
    port: str = ""
    error: Json = None
    attempts: tuple[Attempt, ...] = ()
    wait: Wait | None = None
    due_at: datetime | None = None
    taken_over: int = 0
    reused_from: str = ""
    last_seq: int = 0

    @property
    def key(self) -> str:
        """``token.activation``: its name in addresses."""
        return f"{self.token_id}.{self.activation}"

    @property
    def reused_run(self) -> str:
        """The id of the run whose result it took, or "" if it made its own."""
        return self.reused_from.partition(":")[0]

    @property
    def failed_unhandled(self) -> bool:
        return self.state == "failed" and self.port != "error"

    def seconds(self, now: datetime) -> float:
        return max(0.0, ((self.ended_at or now) - self.began_at).total_seconds())


def list_step_runs(run: Run) -> list[StepRun]:
    """Return the step runs of a run in the order they began: four queries.

    Of a run with more than MOST_ROWS journal rows, those that the newest rows tell of. Outputs are
    left out; ``get_step_run`` reads those of one step run.
    """
    runs = _read_journal(reversed(_list_rows(run)))
    _add_live_tokens(run, runs)
    steps: Mapping[str, Any] = run.version.document.get("steps", {})
    named = [_with_title(each, steps.get(each.step, {})) for each in runs.values()]
    return sorted(named, key=lambda each: (each.began_at, each.last_seq))


def _list_rows(run: Run) -> list[Any]:
    """Return the newest journal rows, newest first; ``brief`` is the data of those that need it."""
    brief = Case(
        When(kind__in=_WITH_DATA, then=F("data")), default=Value(None), output_field=JSONField()
    )
    rows = Journal.objects.filter(run_id=run.pk).exclude(step="").defer("data", "provenance")
    rows = rows.annotate(brief=brief, reused=KT("provenance__reused_from"))
    return list(rows.order_by("-seq")[:MOST_ROWS])


def _with_title(step_run: StepRun, step: Mapping[str, Any]) -> StepRun:
    title = step.get("title", "") or step_run.step
    return replace(step_run, title=title, type=step.get("type", ""))


def _read_journal(rows: Iterable[Any]) -> dict[StepKey, StepRun]:
    runs: dict[StepKey, StepRun] = {}
    for row in rows:
        if row.kind not in _OF_NO_STEP_RUN and row.token_id is not None:
            key = _key_of(row, runs)
            runs[key] = _advance(runs.get(key), row, key)
    return runs


def _key_of(row: Any, runs: Mapping[StepKey, StepRun]) -> StepKey:
    """Return the step run that a row belongs to."""
    if row.kind == events.JOIN_FIRED:
        return (row.token_id, -row.seq)
    key = (row.token_id, row.activation or 0)
    if row.kind == events.LIMIT_REACHED or row.activation is None:
        # The planner's notes do not name the activation: the token's newest is meant.
        return max((each for each in runs if each[0] == row.token_id), default=key)
    return key


def _advance(known: StepRun | None, row: Any, key: StepKey) -> StepRun:
    """Return the step run as it is after one more journal row."""
    step_run = known or StepRun(row.step, *key, "running", row.began_at or row.at)
    step_run = replace(step_run, last_seq=row.seq)
    match row.kind:
        case events.STEP_TAKEN_OVER:
            return replace(step_run, taken_over=step_run.taken_over + 1)
        case events.STEP_RETRYING:
            attempt = _attempt(row, row.began_at, row.brief or {})
            return replace(step_run, state="retrying", attempts=(*step_run.attempts, attempt))
        case events.STEP_WAITING:
            return replace(step_run, state=get_waiting_state((row.brief or {}).get("kind", "")))
    return _end(step_run, row)


def _end(step_run: StepRun, row: Any) -> StepRun:
    error = row.brief if row.kind == events.STEP_FAILED else None
    attempt = _attempt(row, row.began_at or row.at, error)
    return replace(
        step_run,
        state=STATE_OF_EVENT.get(row.kind, "done"),
        ended_at=row.at,
        port=row.port,
        error=error,
        attempts=(*step_run.attempts, attempt),
        reused_from=row.reused or step_run.reused_from,
    )


def _attempt(row: Any, began_at: datetime | None, error: Json) -> Attempt:
    retry_at = error.get("due_at") if row.kind == events.STEP_RETRYING else None
    return Attempt(row.attempt or 1, began_at, row.at, error, retry_at, row.worker)


def _add_live_tokens(run: Run, runs: dict[StepKey, StepRun]) -> None:
    """Add what is under way: three queries, or none once the run has ended and left nothing."""
    waits, timers = get_open_waits(run), get_timers(run)
    for token in list_shown_tokens(run):
        key = (token.pk, token.activation)
        known = runs.get(key)
        if token.state == "failed" and known is not None:
            continue
        step_run = known or StepRun(token.step, *key, "ready", token.since)
        wait = waits.get(token.pk)
        runs[key] = replace(
            step_run,
            state=get_token_state(token, wait, timers.get(token.pk)),
            wait=wait,
            due_at=timers[token.pk].due_at if token.pk in timers else None,
            last_seq=step_run.last_seq or run.seq + 1,
        )
