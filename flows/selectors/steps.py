"""What happened in a run: its journal, and the step runs that are read from it and from its tokens.

Finished step runs are journal rows, live ones are tokens; nothing is stored twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, F, JSONField, Max, Q, Value, When
from django.db.models.fields.json import KT

from flows.engine import events
from flows.expressions import ExpressionError
from flows.models import Journal, Run, RunStatus, Timer, Token, Wait, WaitState
from flows.runtime.program import load_program, run_bindings
from flows.selectors.runs import PERSON_WAITS

Json = Any
StepKey = tuple[int, int]

# The timeline shows this many journal rows, the newest; the journal tab pages through all.
TIMELINE_ROWS = 2_000
JOURNAL_PAGE = 200
_TELLING = [events.STEP_FAILED, events.STEP_RETRYING, events.STEP_WAITING]
_STATE_OF_EVENT = {
    events.STEP_FINISHED: "done",
    events.JOIN_FIRED: "done",
    events.STEP_FAILED: "failed",
    events.LIMIT_REACHED: "failed",
    events.STEP_CANCELLED: "cancelled",
    events.STEP_RETRYING: "retrying",
    events.STEP_WAITING: "waiting",
}
# Of the live tokens on one step, the one that most needs to be seen gives the step its state.
_URGENCY = (
    "failed",
    "running",
    "waiting_for_person",
    "retrying",
    "waiting",
    "ready",
    "paused",
    "arrived",
)
_ENDED = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED})


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
    """One activation of a step. ``activation`` is 0 for a join, which the engine itself plays."""

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


# --- Journal ----------------------------------------------------------------------


def get_journal(run_id: int, *, after: int = 0, limit: int = JOURNAL_PAGE) -> list[Journal]:
    """Return journal rows with ``seq`` above ``after``, oldest first: one query."""
    return list(Journal.objects.filter(run_id=run_id, seq__gt=after).order_by("seq")[:limit])


def step_outputs(run_id: int, *, before_seq: int | None = None) -> dict[str, Json]:
    """Return ``{step: output}`` of the newest finish of each step: one query."""
    return {step: found["output"] for step, found in _outputs(run_id, before_seq).items()}


def _outputs(
    run_id: int, before_seq: int | None, steps: Iterable[str] | None = None
) -> dict[str, dict[str, Json]]:
    rows = Journal.objects.filter(
        run_id=run_id, kind__in=[events.STEP_FINISHED, events.JOIN_FIRED]
    ).order_by("seq")
    if before_seq is not None:
        rows = rows.filter(seq__lt=before_seq)
    if steps is not None:
        rows = rows.filter(step__in=list(steps))
    found = rows.values_list("step", "port", "data")
    return {step: {"output": data, "port": port} for step, port, data in found}


# --- Timeline ---------------------------------------------------------------------


def run_timeline(run: Run) -> list[StepRun]:
    """Return the step runs of a run in the order they began: four queries.

    Of a run with more than TIMELINE_ROWS journal rows, the newest. Outputs are left out; one step
    run's is read by ``get_step_run``.
    """
    told = Case(
        When(kind__in=_TELLING, then=F("data")), default=Value(None), output_field=JSONField()
    )
    rows = list(
        Journal.objects.filter(run_id=run.pk)
        .exclude(step="")
        .defer("data", "provenance")
        .annotate(told=told, reused=KT("provenance__reused_from"))
        .order_by("-seq")[:TIMELINE_ROWS]
    )
    runs = _from_journal(reversed(rows))
    _overlay_live(run, runs)
    steps: Mapping[str, Any] = run.version.document.get("steps", {})
    named = [
        replace(
            each,
            title=steps.get(each.step, {}).get("title", "") or each.step,
            type=steps.get(each.step, {}).get("type", ""),
        )
        for each in runs.values()
    ]
    return sorted(named, key=lambda each: (each.began_at, each.last_seq))


def _from_journal(rows: Iterable[Any]) -> dict[StepKey, StepRun]:
    runs: dict[StepKey, StepRun] = {}
    for row in rows:
        if row.kind == events.JOIN_ABSORBED or row.token_id is None:
            continue
        key = (row.token_id, row.activation or 0)
        if row.kind == events.LIMIT_REACHED or (
            row.activation is None and row.kind != events.JOIN_FIRED
        ):
            # The planner's notes do not name the activation: the token's newest is meant.
            known = [each for each in runs if each[0] == row.token_id]
            key = max(known, default=key)
        if row.kind == events.JOIN_FIRED:
            key = (row.token_id, -row.seq)
        runs[key] = _advance(runs.get(key), row, key)
    return runs


def _advance(known: StepRun | None, row: Any, key: StepKey) -> StepRun:
    began = row.began_at or row.at
    step_run = known or StepRun(row.step, key[0], key[1], "running", began)
    step_run = replace(step_run, last_seq=row.seq)
    match row.kind:
        case events.STEP_TAKEN_OVER:
            return replace(step_run, taken_over=step_run.taken_over + 1)
        case events.STEP_RETRYING:
            told = row.told or {}
            attempt = Attempt(
                row.attempt or 1, row.began_at, row.at, told, told.get("due_at"), row.worker
            )
            return replace(step_run, state="retrying", attempts=(*step_run.attempts, attempt))
        case events.STEP_WAITING:
            return replace(step_run, state=_waiting_state((row.told or {}).get("kind", "")))
    state = _STATE_OF_EVENT.get(row.kind, "done")
    error = row.told if row.kind == events.STEP_FAILED else None
    if row.reused:
        step_run = replace(step_run, reused_from=row.reused)
    last = Attempt(row.attempt or 1, row.began_at or began, row.at, error, None, row.worker)
    return replace(
        step_run,
        state=state,
        ended_at=row.at,
        port=row.port,
        error=error,
        attempts=(*step_run.attempts, last),
    )


def _overlay_live(run: Run, runs: dict[StepKey, StepRun]) -> None:
    """Add what is under way: three queries, or none once the run has ended and left nothing."""
    waits, timers = _open_waits(run), _timers(run)
    for token in Token.objects.filter(run=run).order_by("pk"):
        if token.via.startswith("#"):
            continue
        key = (token.pk, token.activation)
        known = runs.get(key)
        if token.state == "failed" and known is not None:
            continue
        step_run = known or StepRun(token.step, *key, "ready", token.since)
        wait = waits.get(token.pk)
        runs[key] = replace(
            step_run,
            state=_token_state(token, wait, timers.get(token.pk)),
            wait=wait,
            due_at=timers[token.pk].due_at if token.pk in timers else None,
            last_seq=step_run.last_seq or run.seq + 1,
        )


def _open_waits(run: Run) -> dict[int, Wait]:
    if run.status in _ENDED:
        return {}
    return {wait.token_id: wait for wait in Wait.objects.filter(run=run, state=WaitState.OPEN)}


def _timers(run: Run) -> dict[int, Timer]:
    if run.status in _ENDED:
        return {}
    return {timer.token_id: timer for timer in Timer.objects.filter(run=run).order_by("-due_at")}


def _waiting_state(kind: str) -> str:
    return "waiting_for_person" if kind in PERSON_WAITS else "waiting"


def _token_state(token: Token, wait: Wait | None, timer: Timer | None) -> str:
    if token.state == "held":
        return "paused"
    if token.state != "waiting":
        return token.state
    if wait is not None:
        return _waiting_state(wait.kind)
    return "retrying" if timer is not None and timer.purpose == "retry" else "waiting"


# --- One step run -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StepRunDetail:
    """A step run with its payloads. ``input`` is its config as it was rendered for it.

    ``input_problem`` says why that cannot be shown, such as an expression that fails.
    """

    step_run: StepRun
    rows: Sequence[Journal]
    input: Json = None
    input_problem: str = ""
    output: Json = None
    provenance: Json = None
    config: Json = field(default_factory=dict)


def get_step_run(run: Run, token_id: int, activation: int) -> StepRunDetail:
    """Return one step run with what it got and gave: seven queries at most.

    Raises: LookupError if the run has no such step run.
    """
    step_run = next(
        (r for r in run_timeline(run) if (r.token_id, r.activation) == (token_id, activation)), None
    )
    if step_run is None:
        raise LookupError(f"Run {run.pk} has no step run {token_id}/{activation}.")
    rows = _rows_of(run, step_run)
    finished = next(
        (row for row in reversed(rows) if row.kind in {events.STEP_FINISHED, events.JOIN_FIRED}),
        None,
    )
    first_seq = rows[0].seq if rows else None
    given, problem = _rendered_input(run, step_run.step, first_seq)
    return StepRunDetail(
        step_run,
        rows,
        input=given,
        input_problem=problem,
        output=finished.data if finished else None,
        provenance=next((row.provenance for row in reversed(rows) if row.provenance), None),
        config=run.version.document.get("steps", {}).get(step_run.step, {}).get("with", {}),
    )


def _rows_of(run: Run, step_run: StepRun) -> list[Journal]:
    rows = Journal.objects.filter(run_id=run.pk, step=step_run.step, token_id=step_run.token_id)
    if step_run.activation < 0:
        return list(rows.filter(seq=-step_run.activation))
    named = Q(activation=step_run.activation) | Q(activation=None, seq=step_run.last_seq)
    return list(rows.filter(named).order_by("seq"))


def _rendered_input(run: Run, step: str, before_seq: int | None) -> tuple[Json, str]:
    """Render the step's config as the worker did: with the outputs of the steps before it."""
    program = load_program(run.version_id)
    bound = program.steps.get(step)
    if bound is None:
        return None, "This version has no such step."
    bindings = {
        "input": run.input,
        "run": run_bindings(run.pk, program, run.started_at),
        "steps": _outputs(run.pk, before_seq, bound.references),
    }
    try:
        return bound.template.render(bindings), ""
    except ExpressionError as error:
        return None, str(error)


# --- Status for the canvas --------------------------------------------------------


def run_status(run: Run, now: datetime) -> dict[str, Json]:
    """Return ``{seq, status, steps: {id: {state, since, visits, ms}}, edges}``: five queries.

    Steps that were not reached are left out. ``ms`` is how long the newest finished visit took;
    ``visits`` counts those that ended. Bounded by the size of the graph, however long the journal.
    """
    steps, exits = _ended_visits(run)
    waits, timers = _open_waits(run), _timers(run)
    live: dict[str, list[tuple[str, Token]]] = {}
    for token in Token.objects.filter(run=run):
        if not token.via.startswith("#"):
            state = _token_state(token, waits.get(token.pk), timers.get(token.pk))
            live.setdefault(token.step, []).append((state, token))
    for step, found in live.items():
        state, token = min(found, key=lambda each: _URGENCY.index(each[0]))
        before = steps.get(step, {"visits": 0, "ms": None})
        steps[step] = before | {"state": state, "since": token.since.isoformat()}
        if token.pk in waits:
            steps[step]["note"] = _wait_note(waits[token.pk])
    return {
        "seq": run.seq,
        "status": run.status,
        "outcome": run.outcome,
        "at": now.isoformat(),
        "steps": steps,
        "edges": _taken_edges(run, exits),
    }


def _ended_visits(run: Run) -> tuple[dict[str, dict[str, Json]], dict[tuple[str, str], int]]:
    """Return the state of each step that was left, and how often it was left by which port."""
    ending = [k for k, state in _STATE_OF_EVENT.items() if state in {"done", "failed", "cancelled"}]
    groups = (
        Journal.objects.filter(run_id=run.pk, kind__in=ending)
        .exclude(step="")
        .values("step", "port")
        .annotate(last=Max("seq"), visits=Count("seq"))
        .order_by()
    )
    exits: dict[tuple[str, str], int] = {}
    visits: dict[str, int] = {}
    newest: dict[str, int] = {}
    for group in groups:
        step = group["step"]
        visits[step] = visits.get(step, 0) + group["visits"]
        newest[step] = max(newest.get(step, 0), group["last"])
        for port in group["port"].split(","):
            exits[step, port] = exits.get((step, port), 0) + group["visits"]
    rows = Journal.objects.filter(run_id=run.pk, seq__in=list(newest.values()))
    return {
        row.step: {
            "state": _STATE_OF_EVENT[row.kind],
            "since": row.at.isoformat(),
            "visits": visits[row.step],
            "ms": _milliseconds(row.began_at, row.at),
        }
        for row in rows.defer("data", "provenance")
    }, exits


def _milliseconds(began: datetime | None, ended: datetime) -> float | None:
    return None if began is None else round((ended - began) / timedelta(milliseconds=1), 1)


def _wait_note(wait: Wait) -> str:
    queue = wait.detail.get("queue") if isinstance(wait.detail, Mapping) else None
    since = f"since {wait.opened_at:%H:%M} UTC"
    return f"{queue}, {since}" if queue else since


def _taken_edges(run: Run, exits: Mapping[tuple[str, str], int]) -> dict[str, Json]:
    taken = {}
    for edge in run.version.document.get("edges", ()):
        source, _, port = edge.partition(" -> ")[0].rpartition(".")
        if count := exits.get((source, port)):
            taken[edge] = {"state": "taken", "count": count}
    return taken
