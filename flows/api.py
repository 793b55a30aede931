"""Flows, runs and artifacts over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router, Schema, Status
from pydantic import Field

from flows import selectors, services
from flows.engine.errors import RunNotActive
from flows.engine.lanes import PRIORITY, Lane, lane_of
from flows.graph.codec import parse, to_mapping
from flows.graph.operations import OperationRefused, normal_form
from flows.graph.problems import DocumentError
from flows.models import Artifact, Flow, FlowVersion, Run
from flows.runtime.artifacts import MOST_BYTES, ArtifactTooLarge, store_artifact
from flows.runtime.payloads import fetch
from flows.selectors.faces import list_problems
from flows.selectors.flows import within_reach
from flows.selectors.runs import RunFilters
from flows.services.editing import DraftTooLarge
from workbench.accounts.permissions import Reach, can, principal_of, reach, requires
from workbench.http.gateway import accepts
from workbench.http.problems import ApiProblem, map_error
from workbench.http.schemas import (
    MOST_ROWS,
    Page,
    Strict,
    decode_cursor,
    encode_cursor,
    page_by_id,
    page_of,
)
from workbench.http.sign_in import actor_of, person_of

Json = Any
router = Router(tags=["flows"])

LONGEST_KEY = 200
BIGGEST_ID = 2**63 - 1
# Ids beyond what the database can hold name nothing, and must not fail there.
Id = Annotated[int, Path(ge=1, le=BIGGEST_ID)]
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]

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


@contextmanager
def listed_faults() -> Iterator[None]:
    """Answer an error that has a list of faults with that list."""
    try:
        yield
    except services.InputInvalid as error:
        errors = [{"at": each["path"], "message": each["message"]} for each in error.errors]
        raise ApiProblem(422, "input-invalid", error.message, error.remedy, errors) from error
    except services.FlowInvalid as error:
        raise _flow_invalid(error.message, error.remedy, error.problems) from error
    except DocumentError as error:
        remedy = "Correct each of the errors; /flows/schema has the document's schema."
        raise _flow_invalid("This is not a flow document.", remedy, error.problems) from error
    except OperationRefused as error:
        raise ApiProblem(409, error.code, error.message, error.remedy) from error


def _flow_invalid(detail: str, remedy: str, problems: Any) -> ApiProblem:
    errors = [
        {
            "at": "/".join(part for part in (each.step, each.field) if part),
            "message": f"{each.message} {each.remedy}",
            "code": each.code,
            "line": each.line,
        }
        for each in problems
    ]
    return ApiProblem(422, "flow-invalid", detail, remedy, errors)


# --- Flows ------------------------------------------------------------------------


class FlowOut(Schema):
    name: str
    title: str
    released_version: int | None = Field(None, description="Null before the first release.")
    draft_revision: int
    paused_at: datetime | None
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime


class ProblemOut(Schema):
    severity: str
    code: str
    step: str
    field: str
    message: str
    remedy: str


class FlowDetailOut(FlowOut):
    draft: dict[str, Any]
    problems: list[ProblemOut] = Field(description="What is wrong with the draft.")


class FlowIn(Strict):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,79}$")
    title: str = Field("", max_length=200)
    document: dict[str, Any] | None = Field(None, description="The draft to begin with.")


class DraftIn(Strict):
    document: dict[str, Any]
    revision: int | None = Field(
        None, ge=0, description="The draft_revision it was made from; another one answers 409."
    )


@router.get("/flows", response=Page[FlowOut], operation_id="list_flows")
@requires("flows.view")
def list_flows(
    request: HttpRequest, text: str = "", cursor: str = "", limit: int = 50
) -> dict[str, Any]:
    """List flows, newest first."""
    flows = Flow.objects.filter(within_reach(_reach(request, "flows.view")))
    flows = flows.select_related("released").defer("draft", "released__document")
    if text:
        flows = flows.filter(title__icontains=searchable(text))
    return page_by_id(flows, cursor=cursor, limit=limit, to_item=flow_out)


@router.post("/flows", response={201: FlowDetailOut}, operation_id="create_flow")
@requires("flows.edit")
def create_flow(request: HttpRequest, body: FlowIn) -> Status[Any]:
    """Create a flow. Publish it before it can run."""
    _check_may(request, "flows.edit", body.name)
    with listed_faults():
        document = parse(body.document) if body.document is not None else None
        flow = services.create_flow(
            name=body.name,
            title=body.title,
            document=document,
            author=person_of(request),
            actor=actor_of(request),
            now=timezone.now(),
        )
    return Status(201, _flow_detail(flow))


@router.get("/flows/{name}", response=FlowDetailOut, operation_id="get_flow")
@requires("flows.view", flow="name")
def get_flow(request: HttpRequest, name: str) -> dict[str, Any]:
    """Return a flow with its draft and what is wrong with it."""
    return _flow_detail(flow_named(name))


@router.put("/flows/{name}/draft", response=FlowDetailOut, operation_id="save_draft")
@requires("flows.edit", flow="name")
def save_draft(request: HttpRequest, name: str, body: DraftIn) -> dict[str, Any]:
    """Replace the draft. It may have problems; publishing is what they keep from happening."""
    flow = flow_named(name)
    if body.revision is not None and body.revision != flow.draft_revision:
        raise ApiProblem(
            409,
            "draft-changed",
            f"The draft is at revision {flow.draft_revision}, not {body.revision}.",
            "Read the draft, bring your change into it, and send its revision.",
        )
    with listed_faults():
        document = {**to_mapping(parse(body.document)), "name": flow.name}
        saved = services.save_draft(
            flow_id=flow.pk, document=document, author=person_of(request), now=timezone.now()
        )
    return _flow_detail(saved)


def flow_out(flow: Flow) -> dict[str, Any]:
    return {
        "name": flow.name,
        "title": flow.title,
        "released_version": flow.released.number if flow.released else None,
        "draft_revision": flow.draft_revision,
        "paused_at": flow.paused_at,
        "archived_at": flow.archived_at,
        "created_at": flow.created_at,
        "updated_at": flow.updated_at,
    }


def _flow_detail(flow: Flow) -> dict[str, Any]:
    return {
        **flow_out(flow),
        "draft": normal_form(flow.draft),
        "problems": list_problems(flow.draft),
    }


# --- Versions and releases --------------------------------------------------------


class VersionOut(Schema):
    number: int
    note: str
    digest: str
    published_by: str | None
    published_at: datetime


class VersionDetailOut(VersionOut):
    document: dict[str, Any]


class PublishIn(Strict):
    note: str = Field(min_length=1, max_length=2000)
    release: bool = True


class ReleaseIn(Strict):
    version: int = Field(ge=1, le=2**31 - 1)


@router.get("/flows/{name}/versions", response=Page[VersionOut], operation_id="list_versions")
@requires("flows.view", flow="name")
def list_versions(
    request: HttpRequest, name: str, cursor: str = "", limit: int = 50
) -> dict[str, Any]:
    """List the versions of a flow, newest first."""
    versions = FlowVersion.objects.filter(flow=flow_named(name)).select_related("published_by")
    return page_by_id(versions.defer("document"), cursor=cursor, limit=limit, to_item=version_out)


@router.post(
    "/flows/{name}/versions", response={201: VersionDetailOut}, operation_id="publish_version"
)
@requires("flows.publish", flow="name")
def publish_version(request: HttpRequest, name: str, body: PublishIn) -> Status[Any]:
    """Make an immutable version of the draft, and release it unless told not to."""
    with listed_faults():
        version = services.publish_version(
            flow_id=flow_named(name).pk,
            note=body.note,
            author=person_of(request),
            actor=actor_of(request),
            now=timezone.now(),
            release=body.release,
        )
    return Status(201, {**version_out(version), "document": version.document})


@router.get(
    "/flows/{name}/versions/{number}", response=VersionDetailOut, operation_id="get_version"
)
@requires("flows.view", flow="name")
def get_version(request: HttpRequest, name: str, number: Number) -> dict[str, Any]:
    """Return a version with its document."""
    version = version_numbered(flow_named(name), number)
    return {**version_out(version), "document": version.document}


@router.post("/flows/{name}/releases", response=FlowOut, operation_id="release_version")
@requires("flows.publish", flow="name")
def release_version(request: HttpRequest, name: str, body: ReleaseIn) -> dict[str, Any]:
    """Make new runs use a version; an older one than now is a rollback."""
    version = version_numbered(flow_named(name), body.version)
    services.release_version(version_id=version.pk, actor=actor_of(request), now=timezone.now())
    return flow_out(flow_named(name))


def version_out(version: FlowVersion) -> dict[str, Any]:
    return {
        "number": version.number,
        "note": version.note,
        "digest": version.digest,
        "published_by": version.published_by.username if version.published_by else None,
        "published_at": version.published_at,
    }


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
        within=_reach(request, "runs.view"),
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


class ArtifactOut(Schema):
    artifact: str = Field(description="SHA-256 of the content; pass the whole object as input.")
    media_type: str
    name: str
    size: int


class ArtifactIn(Schema):
    name: str = Field("", max_length=200, description="A file name, for people.")


class ArtifactQuery(Schema):
    run: int = Field(ge=1, le=BIGGEST_ID, description="A run that refers to it.")


@router.post("/artifacts", response={201: ArtifactOut}, operation_id="store_artifact")
@accepts(
    "application/octet-stream", "application/pdf", "application/json", "image/png", "image/jpeg",
    "image/webp", "image/gif", "text/plain", "text/csv", "audio/mpeg", "audio/wav",
    max_bytes=MOST_BYTES,
)  # fmt: skip
@requires("runs.start")
def add_artifact(request: HttpRequest, wanted: Query[ArtifactIn]) -> Status[dict[str, Any]]:
    """Store the body as an artifact; its Content-Type is kept. The same content is kept once."""
    reference = store_artifact(
        content=request.body,
        media_type=request.content_type or "application/octet-stream",
        name=wanted.name,
        now=timezone.now(),
    )
    return Status(201, reference)


@router.get("/artifacts/{digest}", operation_id="get_artifact")
@requires("runs.view")
def get_artifact(request: HttpRequest, digest: str, wanted: Query[ArtifactQuery]) -> FileResponse:
    """Return the content of an artifact that a run refers to."""
    try:
        found = selectors.get_artifact(
            digest, run_id=wanted.run, within=_reach(request, "runs.view")
        )
    except Artifact.DoesNotExist:
        raise Http404(f"Run {wanted.run} refers to no artifact {digest}.") from None
    response = FileResponse(
        default_storage.open(found.path), as_attachment=True, filename=found.name or digest[:12]
    )
    response["X-Content-Type-Options"] = "nosniff"
    return response


# --- Finding ----------------------------------------------------------------------


def _reach(request: HttpRequest, permission: str) -> Reach:
    return reach(principal_of(request), permission)


def searchable(text: str) -> str:
    """PostgreSQL refuses NUL in text, so nothing stored has one."""
    return text.replace("\x00", "")


def flow_named(name: str) -> Flow:
    try:
        return selectors.get_flow(searchable(name))
    except Flow.DoesNotExist:
        raise Http404(f"There is no flow {name}.") from None


def version_numbered(flow: Flow, number: int) -> FlowVersion:
    try:
        return selectors.get_version(flow, number)
    except FlowVersion.DoesNotExist:
        raise Http404(f"Flow {flow.name} has no version {number}.") from None


def run_in_reach(request: HttpRequest, run_id: int, permission: str = "runs.view") -> Run:
    """Return a run of a flow the principal may see, and act on; others are as if not there."""
    try:
        run = selectors.get_run(run_id)
    except Run.DoesNotExist:
        raise Http404(f"There is no run {run_id}.") from None
    if not can(principal_of(request), permission, flow=run.flow.name):
        if can(principal_of(request), "runs.view", flow=run.flow.name):
            raise PermissionDenied(f"This needs the permission {permission}.")
        raise Http404(f"There is no run {run_id}.")
    return run


def _check_may(request: HttpRequest, permission: str, flow: str) -> None:
    if not can(principal_of(request), permission, flow=flow):
        raise PermissionDenied(f"This needs the permission {permission} for {flow}.")
