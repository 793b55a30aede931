"""Runs and their journals over HTTP."""

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from pydantic import Field

from flows import selectors, services
from flows.agents.schemas import TalkOut, talk_out
from flows.api.finding import (
    BIGGEST_ID,
    Id,
    find_flow,
    find_run,
    find_version,
    get_reach,
)
from flows.engine.errors import RunNotActive
from flows.engine.lanes import PRIORITY, Lane, lane_of
from flows.models import Run
from flows.runtime.payloads import reveal
from flows.selectors.run_filters import RunFilters
from workbench.accounts.gate import requires
from workbench.http.instants import Instant
from workbench.http.problems import ApiProblem, map_error
from workbench.http.schemas import (
    MOST_ROWS,
    Page,
    Strict,
    decode_cursor,
    encode_cursor,
    page_of,
)
from workbench.http.sign_in import actor_of

router = Router(tags=["flows"])

map_error(
    services.FlowNotReleased,
    status=409,
    code="flow-not-released",
    remedy="Publish the draft, or release a version.",
)
map_error(
    services.StartLimit,
    status=429,
    code="started-too-often",
    remedy="Wait a minute, or raise MAX_STARTS_A_MINUTE.",
)
map_error(
    services.PolicyRefused,
    status=403,
    code="policy-refused",
    remedy="Change what the policy objects to, or ask an administrator about it.",
)
map_error(services.FlowPaused, status=409, code="flow-paused", remedy="Resume the flow first.")
map_error(
    services.InputTooLarge,
    status=413,
    code="input-too-large",
    remedy="Upload large parts to /artifacts and pass their references.",
)
map_error(
    services.IdempotencyKeyReused,
    status=422,
    code="idempotency-key-reused",
    remedy="Use a new key for each run.",
)
map_error(
    services.KeyReserved,
    status=422,
    code="idempotency-key-reserved",
    remedy="Use another key, such as one with a prefix of your own.",
)
map_error(
    services.VersionNotReleased,
    status=403,
    code="version-not-released",
    remedy="Choose the released version.",
)
map_error(
    services.RunNotFailed, status=409, code="run-not-failed", remedy="Only a failed run is retried."
)
map_error(RunNotActive, status=409, code="run-not-active", remedy="Read the run to see its state.")


# --- Runs -------------------------------------------------------------------------


class RunOut(Schema):
    id: int
    flow: str
    version: int
    status: str = Field(description="running, paused, completed, failed or cancelled.")
    state: str = Field(description="As the filter `state`: `waiting` where a person is awaited.")
    outcome: str
    idempotency_key: str | None
    trigger: str
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    lane: Lane
    rerun_of: int | None = Field(description="The run that it repeats, in part or in whole.")
    seq: int = Field(description="The number of its last journal row.")


class WaitOut(Schema):
    step: str
    kind: str
    detail: dict[str, Any]
    opened_at: datetime


class ConnectionCostOut(Schema):
    connection: str
    cost: float
    own: float = Field(description="Paid by the run itself.")
    calls: int
    tokens: int


class RunCostOut(Schema):
    """In the currency of the installation."""

    cost: float = Field(description="Of the run and what it led to.")
    own: float = Field(description="Of the run itself.")
    calls: int
    tokens: int
    connections: list[ConnectionCostOut]


class RunDetailOut(RunOut):
    input: Any
    output: Any = None
    error: Any = None
    steps: dict[str, Any] = Field(description="State of each step that was reached, by id.")
    waits: list[WaitOut]
    cost: RunCostOut
    part: str = Field(description="The step whose agent it is the run of; empty for other runs.")
    conversation: TalkOut | None = Field(description="What was said in an agent's run, by turns.")


class StartIn(Strict):
    input: Any
    lane: Lane | None = Field(
        None, strict=False, description="`interactive`, `standard` or `bulk`; sets the priority."
    )
    priority: int | None = Field(
        None,
        ge=0,
        le=1000,
        description="Lower runs first. `lane` replaces it.",
    )
    version: int | None = Field(
        None,
        ge=1,
        le=2**31 - 1,
        description="A version other than the released one; that needs `flows.publish`.",
    )


class FlowRunQuery(Schema):
    version: int | None = Field(None, ge=1, le=2**31 - 1)
    state: Literal["", "running", "waiting", "paused", "completed", "failed", "cancelled"] = Field(
        "", description="`waiting` runs wait for a person; `running` are the other running ones."
    )
    outcome: str = ""
    started_from: Instant | None = Field(None, description="Inclusive.")
    started_to: Instant | None = Field(None, description="Exclusive.")
    text: str = Field("", description="An id, an idempotency key, or text of the input.")
    error: str = Field("", description="The kind of the error it failed with, such as `http`.")


class RunQuery(FlowRunQuery):
    flow: str = ""


class CancelIn(Strict):
    reason: str = Field("", max_length=500)


@router.post("/flows/{name}/runs", response={201: RunOut, 200: RunOut}, operation_id="start_run")
@requires("runs.start", scope="flow:name")
def start_run(request: HttpRequest, name: str, body: StartIn) -> Status[Any]:
    """Start a run. An `Idempotency-Key` that has started one before returns that run."""
    flow = find_flow(name)
    key = request.headers.get("Idempotency-Key") or None
    version = find_version(flow, body.version).pk if body.version else None
    started = services.start_run(
        flow=flow,
        input=body.input,
        actor=actor_of(request),
        now=timezone.now(),
        idempotency_key=key,
        priority=PRIORITY[body.lane] if body.lane else body.priority,
        version_id=version,
    )
    run = selectors.get_run(started.run.pk)
    return Status(201 if started.is_new else 200, run_out(run))


@router.get("/flows/{name}/runs", response=Page[RunOut], operation_id="list_runs_of_flow")
@requires("runs.view", scope="flow:name")
def list_runs_of_flow(
    request: HttpRequest, name: str, wanted: Query[FlowRunQuery], cursor: str = "", limit: int = 50
) -> dict[str, Any]:
    """List the runs of a flow, newest first."""
    filters = RunFilters(**{**wanted.dict(), "flow": find_flow(name).name})
    return _list_page(request, filters, cursor, limit)


@router.get("/runs", response=Page[RunOut], operation_id="list_runs")
@requires("runs.view", scope="rows")
def list_runs(
    request: HttpRequest, wanted: Query[RunQuery], cursor: str = "", limit: int = 50
) -> dict[str, Any]:
    """List runs, newest first. A search may return an empty page with a `next` to go on from."""
    return _list_page(request, RunFilters(**wanted.dict()), cursor, limit)


@router.get("/runs/{run_id}", response=RunDetailOut, operation_id="get_run")
@requires("runs.view", scope="rows")
def get_run(request: HttpRequest, run_id: Id) -> dict[str, Any]:
    """Return a run with what it waits for and the state of its steps."""
    return run_detail_out(find_run(request, run_id))


@router.post("/runs/{run_id}/cancel", response=RunDetailOut, operation_id="cancel_run")
@requires("runs.operate", scope="rows")
def cancel_run(request: HttpRequest, run_id: Id, body: CancelIn) -> dict[str, Any]:
    """End a run; its waits and open cases are removed."""
    run = find_run(request, run_id, "runs.operate")
    services.cancel_run(
        run_id=run.pk, reason=body.reason, actor=actor_of(request), now=timezone.now()
    )
    return run_detail_out(selectors.get_run(run.pk))


@router.post("/runs/{run_id}/retry", response=RunDetailOut, operation_id="retry_run")
@requires("runs.operate", scope="rows")
def retry_run(request: HttpRequest, run_id: Id) -> dict[str, Any]:
    """Let a failed run go on from where it failed."""
    run = find_run(request, run_id, "runs.operate")
    services.retry_run(run_id=run.pk, actor=actor_of(request), now=timezone.now())
    return run_detail_out(selectors.get_run(run.pk))


def _list_page(
    request: HttpRequest, filters: RunFilters, cursor: str, limit: int
) -> dict[str, Any]:
    if not 1 <= limit <= MOST_ROWS:
        remedy = f"Ask for 1 to {MOST_ROWS} rows."
        raise ApiProblem(422, "limit-out-of-range", f"limit is {limit}.", remedy)
    before = _read_cursor(cursor, range(1, BIGGEST_ID + 1)) if cursor else None
    page = selectors.list_runs(
        filters,
        within=get_reach(request, "runs.view"),
        before=before,
        page_size=limit,
    )
    next_cursor = encode_cursor(page.next_before) if page.next_before else None
    return {"items": [_row_out(row) for row in page.rows], "next": next_cursor}


def _read_cursor(cursor: str, positions: range) -> int:
    position = decode_cursor(cursor)
    if type(position) is not int or position not in positions:
        remedy = "Start again without a cursor, and pass `next` of each page unchanged."
        raise ApiProblem(422, "cursor-invalid", "The cursor is not one of this list.", remedy)
    return position


def run_out(run: Run) -> dict[str, Any]:
    return _row_out(selectors.get_run_row(run))


def _row_out(row: selectors.RunRow) -> dict[str, Any]:
    run = row.run
    return {
        "state": row.filter_state,
        "id": run.pk,
        "flow": run.flow.name,
        "version": run.version.number,
        "lane": lane_of(run.priority),
        "rerun_of": run.rerun_of_id,
        **{
            name: getattr(run, name)
            for name in (
                "status", "outcome", "idempotency_key", "trigger", "started_by", "started_at",
                "finished_at", "seq",
            )
        },
    }  # fmt: skip


def run_detail_out(run: Run) -> dict[str, Any]:
    waits = run.waits.filter(state="open").order_by("pk")
    return {
        **run_out(run),
        "input": reveal(run.input),
        "output": run.output,
        "error": run.error,
        "steps": selectors.get_run_status(run, timezone.now())["steps"],
        "waits": [
            {"step": w.step, "kind": w.kind, "detail": w.detail, "opened_at": w.opened_at}
            for w in waits
        ],
        "cost": selectors.get_run_cost(run),
        "part": run.version.part,
        "conversation": talk_out(run),
    }


# --- Journal ----------------------------------------------------------------------


class JournalOut(Schema):
    seq: int
    kind: str
    at: datetime
    step: str
    port: str
    attempt: int | None
    data: Any = None
    provenance: Any = None
    began_at: datetime | None


class JournalQuery(Schema):
    after: int = Field(0, ge=0, le=2**31 - 1, description="The last `seq` that you have.")
    cursor: str = ""
    limit: int = Field(100, ge=1, le=MOST_ROWS)


@router.get("/runs/{run_id}/journal", response=Page[JournalOut], operation_id="list_journal")
@requires("runs.view", scope="rows")
def list_journal(request: HttpRequest, run_id: Id, wanted: Query[JournalQuery]) -> dict[str, Any]:
    """List what happened, oldest first: rows with a `seq` above `after`, or after the cursor."""
    run = find_run(request, run_id)
    after = wanted.after
    if wanted.cursor:
        after = _read_cursor(wanted.cursor, range(2**31))
    rows = selectors.get_journal(run.pk, after=after, limit=wanted.limit + 1)
    return page_of(rows, wanted.limit, lambda row: row, lambda row: row.seq)
