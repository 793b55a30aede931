"""Flows, runs and artifacts over HTTP."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from pydantic import Field

from flows import selectors, services
from flows.api.finding import (
    BIGGEST_ID,
    Id,
    flow_named,
    listed_faults,
    reach_of,
    run_in_reach,
    searchable,
    version_numbered,
)
from flows.engine.errors import RunNotActive
from flows.engine.lanes import PRIORITY, Lane, lane_of
from flows.models import Run
from flows.runtime.artifacts import ArtifactTooLarge
from flows.runtime.payloads import fetch
from flows.selectors.runs import RunFilters
from flows.services.editing import DraftTooLarge
from workbench.accounts.gate import requires
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

Json = Any
router = Router(tags=["flows"])

LONGEST_KEY = 200

map_error(
    services.FlowNotReleased,
    status=409,
    code="flow-not-released",
    remedy="Publish the draft, or release a version.",
)
map_error(services.FlowPaused, status=409, code="flow-paused", remedy="Resume the flow first.")
map_error(services.NothingChanged, status=409, code="nothing-changed", remedy="Change the draft.")
map_error(
    services.FlowTestsFailed,
    status=409,
    code="flow-tests-failed",
    remedy="Mend the draft or the test.",
)
map_error(
    services.SecondPersonNeeded,
    status=409,
    code="second-person-needed",
    remedy="POST to the flow's publish-requests; somebody else then agrees.",
)
map_error(services.DraftChanged, status=409, code="draft-changed", remedy="Publish again.")
map_error(services.FlowExists, status=409, code="flow-exists", remedy="Choose another name.")
map_error(
    services.RunNotFailed, status=409, code="run-not-failed", remedy="Only a failed run is retried."
)
map_error(RunNotActive, status=409, code="run-not-active", remedy="Read the run to see its state.")
map_error(
    services.InputTooLarge,
    status=413,
    code="input-too-large",
    remedy="Upload large parts to /artifacts and pass their references.",
)
map_error(
    ArtifactTooLarge,
    status=413,
    code="artifact-too-large",
    remedy="Split it, or store it elsewhere.",
)
map_error(DraftTooLarge, status=413, code="draft-too-large", remedy="Use subflows.")


# --- Flows ------------------------------------------------------------------------


# --- Versions and releases --------------------------------------------------------


# --- Runs -------------------------------------------------------------------------


class RunOut(Schema):
    id: int
    flow: str
    version: int
    status: str = Field(description="running, paused, completed, failed or cancelled.")
    outcome: str
    idempotency_key: str | None
    trigger: str
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    lane: Lane
    rerun_of: int | None = Field(description="The run that it repeats in part.")
    seq: int = Field(description="The number of its last journal row.")


class WaitOut(Schema):
    step: str
    kind: str
    detail: dict[str, Any]
    opened_at: datetime


class RunDetailOut(RunOut):
    input: Any
    output: Any = None
    error: Any = None
    steps: dict[str, Any] = Field(description="State of each step that was reached, by id.")
    waits: list[WaitOut]


class StartIn(Strict):
    input: Any
    lane: Lane | None = Field(
        None, strict=False, description="`interactive`, `standard` or `bulk`; sets the priority."
    )
    priority: int | None = Field(
        None, ge=0, le=1000, description="Lower runs first. A lane replaces it; else the flow's."
    )
    version: int | None = Field(
        None, ge=1, le=2**31 - 1, description="Another version than the released one."
    )


class RunQuery(Schema):
    flow: str = ""
    version: int | None = Field(None, ge=1, le=2**31 - 1)
    state: Literal["", "running", "waiting", "paused", "completed", "failed", "cancelled"] = Field(
        "", description="`waiting` is a running one that waits for a person; `running`, the others."
    )
    outcome: str = ""
    started_from: datetime | None = Field(None, description="Inclusive.")
    started_to: datetime | None = Field(None, description="Exclusive.")
    text: str = Field("", description="An id, an idempotency key, or text of the input.")
    error: str = Field("", description="The kind of the error it failed by, such as `http`.")


class CancelIn(Strict):
    reason: str = Field("", max_length=500)


@router.post("/flows/{name}/runs", response={201: RunOut, 200: RunOut}, operation_id="start_run")
@requires("runs.start", flow="name")
def start_run(request: HttpRequest, name: str, body: StartIn) -> Status[Any]:
    """Start a run. With an `Idempotency-Key` that started one before, that run is returned."""
    flow = flow_named(name)
    key = request.headers.get("Idempotency-Key") or None
    version = version_numbered(flow, body.version).pk if body.version else None
    before = Run.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    with listed_faults():
        run = services.start_run(
            flow=flow,
            input=body.input,
            actor=actor_of(request),
            now=timezone.now(),
            idempotency_key=key,
            priority=PRIORITY[body.lane] if body.lane else body.priority,
            version_id=version,
        )
    if fetch(run.input) != body.input:
        raise ApiProblem(
            422,
            "idempotency-key-reused",
            f"This Idempotency-Key started run {run.pk} with another input.",
            "Use a new key for each run.",
        )
    return Status(200 if run.pk <= before else 201, run_out(selectors.get_run(run.pk)))


@router.get("/flows/{name}/runs", response=Page[RunOut], operation_id="list_runs_of_flow")
@requires("runs.view", flow="name")
def list_runs_of_flow(
    request: HttpRequest, name: str, wanted: Query[RunQuery], cursor: str = "", limit: int = 50
) -> dict[str, Any]:
    """List the runs of a flow, newest first."""
    filters = RunFilters(**{**wanted.dict(), "flow": flow_named(name).name})
    return runs_page(request, filters, cursor, limit)


@router.get("/runs", response=Page[RunOut], operation_id="list_runs")
@requires("runs.view")
def list_runs(
    request: HttpRequest, wanted: Query[RunQuery], cursor: str = "", limit: int = 50
) -> dict[str, Any]:
    """List runs, newest first. A search may answer an empty page with a `next` to go on from."""
    return runs_page(request, RunFilters(**wanted.dict()), cursor, limit)


@router.get("/runs/{run_id}", response=RunDetailOut, operation_id="get_run")
@requires("runs.view")
def get_run(request: HttpRequest, run_id: Id) -> dict[str, Any]:
    """Return a run with what it waits for and the state of its steps."""
    return run_detail_out(run_in_reach(request, run_id))


@router.post("/runs/{run_id}/cancel", response=RunDetailOut, operation_id="cancel_run")
@requires("runs.operate")
def cancel_run(request: HttpRequest, run_id: Id, body: CancelIn) -> dict[str, Any]:
    """End a run; its waits and open cases go away."""
    run = run_in_reach(request, run_id, "runs.operate")
    services.cancel_run(
        run_id=run.pk, reason=body.reason, actor=actor_of(request), now=timezone.now()
    )
    return run_detail_out(selectors.get_run(run.pk))


@router.post("/runs/{run_id}/retry", response=RunDetailOut, operation_id="retry_run")
@requires("runs.operate")
def retry_run(request: HttpRequest, run_id: Id) -> dict[str, Any]:
    """Let a failed run go on from where it failed."""
    run = run_in_reach(request, run_id, "runs.operate")
    services.retry_run(run_id=run.pk, actor=actor_of(request), now=timezone.now())
    return run_detail_out(selectors.get_run(run.pk))


def runs_page(request: HttpRequest, filters: RunFilters, cursor: str, limit: int) -> dict[str, Any]:
    if not 1 <= limit <= MOST_ROWS:
        remedy = f"Ask for 1 to {MOST_ROWS} rows."
        raise ApiProblem(422, "limit-out-of-range", f"limit is {limit}.", remedy)
    before = decode_cursor(cursor) if cursor else None
    if before is not None and (type(before) is not int or not 0 < before <= BIGGEST_ID):
        remedy = "Start again without a cursor, and pass `next` of each page unchanged."
        raise ApiProblem(422, "cursor-invalid", "The cursor is not one of this list.", remedy)
    texts = {
        name: searchable(value) for name, value in asdict(filters).items() if isinstance(value, str)
    }
    page = selectors.list_runs(
        RunFilters(**{**asdict(filters), **texts}),
        within=reach_of(request, "runs.view"),
        before=before,
        page_size=limit,
    )
    next_cursor = encode_cursor(page.next_before) if page.next_before else None
    return {"items": [run_out(row.run) for row in page.rows], "next": next_cursor}


def run_out(run: Run) -> dict[str, Any]:
    return {
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
        "input": run.input,
        "output": run.output,
        "error": run.error,
        "steps": selectors.run_status(run, timezone.now())["steps"],
        "waits": [
            {"step": w.step, "kind": w.kind, "detail": w.detail, "opened_at": w.opened_at}
            for w in waits
        ],
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
@requires("runs.view")
def list_journal(request: HttpRequest, run_id: Id, wanted: Query[JournalQuery]) -> dict[str, Any]:
    """List what happened, oldest first: rows with a `seq` above `after`, or after the cursor."""
    run = run_in_reach(request, run_id)
    after = wanted.after
    if wanted.cursor:
        after = decode_cursor(wanted.cursor)
        if type(after) is not int or not 0 <= after < 2**31:
            remedy = "Start again without a cursor, and pass `next` of each page unchanged."
            raise ApiProblem(422, "cursor-invalid", "The cursor is not one of this list.", remedy)
    rows = selectors.get_journal(run.pk, after=after, limit=wanted.limit + 1)
    return page_of(rows, wanted.limit, lambda row: row, lambda row: row.seq)


# --- Artifacts --------------------------------------------------------------------


# --- Finding ----------------------------------------------------------------------
