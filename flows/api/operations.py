"""Operations on runs over HTTP: one, many by filter, a whole flow."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from flows import selectors, services
from flows.api.finding import (
    BIGGEST_ID,
    Id,
    flow_named,
    listed_faults,
    run_in_reach,
    searchable,
    version_numbered,
)
from flows.api.flows import FlowOut, flow_out
from flows.api.runs import RunDetailOut, RunOut, RunQuery, run_detail_out, run_out
from flows.engine.lanes import Lane
from flows.models import BulkAct, FlowVersion, Run
from flows.selectors.bulk import get_bulk_act, list_bulk_acts
from flows.selectors.runs import RunFilters
from workbench.accounts.permissions import Reach, can, principal_of, reach, requires
from workbench.http.problems import ApiProblem, map_error
from workbench.http.schemas import Page, Strict, page_by_id
from workbench.http.sign_in import actor_of

Json = Any
router = Router(tags=["operations"])

map_error(
    services.RunBusy, status=409, code="run-busy", remedy="Pause it, or try again when it waits."
)
map_error(services.StepUnknown, status=422, code="step-unknown", remedy="Read the version's steps.")
map_error(services.VersionUnfit, status=409, code="version-unfit", remedy="Choose another version.")
map_error(
    services.BulkOptionMissing, status=422, code="option-missing", remedy="Say it in `options`."
)
map_error(services.BulkActEnded, status=409, code="bulk-act-ended", remedy="Read what it did.")


# --- One run ----------------------------------------------------------------------


class MigrateIn(Strict):
    version: int = Field(ge=1, le=2**31 - 1)


class LaneIn(Strict):
    lane: Lane = Field(strict=False)


class RerunQuery(Schema):
    step: str = Field("", max_length=80, description="Where to begin; empty for the start.")
    version: Literal["released", "same"] | int = Field(
        "released", description="`released`, `same`, or a number."
    )


class RerunIn(Strict):
    step: str = Field("", max_length=80, description="Where to begin; empty for the start.")
    version: Literal["released", "same"] | int = Field(
        "released", description="`released`, `same`, or a number."
    )
    input: dict[str, Any] | None = Field(None, description="Another input; null keeps the old one.")


class RerunPlanOut(Schema):
    step: str
    version: int
    reused: list[str] = Field(description="Not done again: their output stays what it was.")
    repeated: list[str] = Field(description="May be done again, as the new run's path goes.")
    effects: list[str] = Field(description="Those of the repeated that act on the outside world.")
    asks: list[str] = Field(description="Those of the repeated that wait for people or others.")
    missing: dict[str, list[str]] = Field(
        description="For a repeated step, the steps whose output it reads and which have none."
    )


@router.post("/runs/{run_id}/pause", response=RunDetailOut, operation_id="pause_run")
@requires("runs.operate")
def pause_run(request: HttpRequest, run_id: Id) -> dict[str, Any]:
    """Hold a run: steps under way finish, nothing new begins."""
    return _operated(request, run_id, services.pause_run)


@router.post("/runs/{run_id}/resume", response=RunDetailOut, operation_id="resume_run")
@requires("runs.operate")
def resume_run(request: HttpRequest, run_id: Id) -> dict[str, Any]:
    """Let a paused run go on."""
    return _operated(request, run_id, services.resume_run)


@router.post("/runs/{run_id}/migrate", response=RunDetailOut, operation_id="migrate_run")
@requires("runs.operate")
def migrate_run(request: HttpRequest, run_id: Id, body: MigrateIn) -> dict[str, Any]:
    """Let a waiting run go on with another version, where the steps it stands on still exist."""
    run = run_in_reach(request, run_id, "runs.operate")
    version = version_numbered(run.flow, body.version)
    return _operated(request, run_id, services.migrate_run, version_id=version.pk)


@router.post("/runs/{run_id}/lane", response=RunDetailOut, operation_id="move_to_lane")
@requires("runs.operate")
def move_to_lane(request: HttpRequest, run_id: Id, body: LaneIn) -> dict[str, Any]:
    """Let a run go on in another lane."""
    return _operated(request, run_id, services.move_to_lane, lane=body.lane)


def _operated(request: HttpRequest, run_id: int, service: Any, **given: Any) -> dict[str, Any]:
    run = run_in_reach(request, run_id, "runs.operate")
    service(run_id=run.pk, actor=actor_of(request), now=timezone.now(), **given)
    return run_detail_out(selectors.get_run(run.pk))


@router.get("/runs/{run_id}/rerun", response=RerunPlanOut, operation_id="plan_rerun")
@requires("runs.view")
def plan_rerun(request: HttpRequest, run_id: Id, wanted: Query[RerunQuery]) -> dict[str, Any]:
    """Say what a rerun would reuse and repeat. Changes nothing."""
    run = run_in_reach(request, run_id)
    step = searchable(wanted.step)
    plan = services.plan_rerun(
        run_id=run.pk, step=step or None, version_id=_chosen(run, wanted.version)
    )
    return {**asdict(plan), "step": step, "reused": plan.kept}


@router.post("/runs/{run_id}/rerun", response={201: RunOut}, operation_id="rerun_run")
@requires("runs.start")
def rerun_run(request: HttpRequest, run_id: Id, body: RerunIn) -> Status[Any]:
    """Start a new run from a step of this one, or from its start; GET says first what repeats."""
    run = run_in_reach(request, run_id, "runs.start")
    with listed_faults():
        made = services.rerun(
            run_id=run.pk,
            step=searchable(body.step) or None,
            input=body.input,
            version_id=_chosen(run, body.version),
            actor=actor_of(request),
            now=timezone.now(),
        )
    return Status(201, run_out(selectors.get_run(made.pk)))


def _chosen(run: Run, version: str | int) -> int:
    if version == "same":
        return run.version_id
    if isinstance(version, int):
        try:
            return selectors.get_version(run.flow, min(version, BIGGEST_ID)).pk
        except FlowVersion.DoesNotExist:
            raise services.VersionUnfit(
                f"Flow {run.flow.name} has no version {version}.", "Choose one that it has."
            ) from None
    if run.flow.released_id is None:
        raise services.FlowNotReleased(f"Flow {run.flow.name} has no released version.")
    return run.flow.released_id


# --- A whole flow -----------------------------------------------------------------


@router.post("/flows/{name}/pause", response=FlowOut, operation_id="pause_flow")
@requires("runs.operate", flow="name")
def pause_flow(request: HttpRequest, name: str) -> dict[str, Any]:
    """Take no new runs, and pause those that run."""
    services.pause_flow(flow_id=flow_named(name).pk, actor=actor_of(request), now=timezone.now())
    return flow_out(flow_named(name))


@router.post("/flows/{name}/resume", response=FlowOut, operation_id="resume_flow")
@requires("runs.operate", flow="name")
def resume_flow(request: HttpRequest, name: str) -> dict[str, Any]:
    """Take new runs again, and resume the paused ones."""
    services.resume_flow(flow_id=flow_named(name).pk, actor=actor_of(request), now=timezone.now())
    return flow_out(flow_named(name))


# --- Many runs --------------------------------------------------------------------


class BulkFilter(RunQuery):
    """As in `GET /runs`. An empty one is every run that you may operate."""

    model_config = ConfigDict(extra="forbid")


class BulkOptionsIn(Strict):
    reason: str = Field("", max_length=500, description="For `cancel`.")
    step: str = Field("", max_length=80, description="For `rerun`: where to begin.")
    version: int | None = Field(
        None, ge=1, le=2**31 - 1, description="For `migrate`, and for `rerun` on another version."
    )
    lane: Lane | None = Field(None, strict=False, description="For `lane`.")


class BulkPlanIn(Strict):
    act: services.Act = Field(strict=False)
    filter: BulkFilter | None = None


class BulkIn(BulkPlanIn):
    options: BulkOptionsIn | None = None
    up_to: int | None = Field(
        None, ge=1, le=BIGGEST_ID, description="Leave runs with a higher id alone: the plan's."
    )


class BulkPlanOut(Schema):
    act: str
    matched: int
    is_exact: bool = Field(description="False if there may be more, further back.")
    up_to: int = Field(description="The newest run there was.")


class BulkOut(BulkPlanOut):
    id: int
    status: str = Field(description="running, completed or stopped.")
    done: int
    refused: int
    refusals: list[tuple[int, str]] = Field(description="The first of them, with the reason.")
    after: int = Field(description="Every run up to this id was looked at.")
    created_at: datetime
    finished_at: datetime | None


@router.post("/bulk-acts/plan", response=BulkPlanOut, operation_id="plan_bulk_act")
@requires("runs.operate")
def plan_bulk_act(request: HttpRequest, body: BulkPlanIn) -> Any:
    """Count the runs that an act would touch. Changes nothing."""
    return services.plan_bulk_act(
        act=body.act, filters=_filters(body.filter), within=_within(request, body.act)
    )


@router.post("/bulk-acts", response={202: BulkOut}, operation_id="start_bulk_act")
@requires("runs.operate")
def start_bulk_act(request: HttpRequest, body: BulkIn) -> Status[Any]:
    """Do an act to every run that matches, oldest first; it goes on by itself."""
    bulk = services.start_bulk_act(
        act=body.act,
        filters=_filters(body.filter),
        within=_within(request, body.act),
        options=_options(body.options),
        up_to=body.up_to,
        actor=actor_of(request),
        now=timezone.now(),
    )  # fmt: skip
    return Status(202, bulk)


@router.get("/bulk-acts", response=Page[BulkOut], operation_id="list_bulk_acts")
@requires("runs.operate")
def list_acts(request: HttpRequest, cursor: str = "", limit: int = 50) -> dict[str, Any]:
    """List acts on many runs, newest first."""
    acts = list_bulk_acts(reach(principal_of(request), "runs.operate"))
    return page_by_id(acts, cursor=cursor, limit=limit, to_item=lambda bulk: bulk)


@router.get("/bulk-acts/{bulk_id}", response=BulkOut, operation_id="get_bulk_act")
@requires("runs.operate")
def get_act(request: HttpRequest, bulk_id: Id) -> BulkAct:
    """Return how far an act on many runs is."""
    with _known():
        return get_bulk_act(bulk_id, reach(principal_of(request), "runs.operate"))


@router.post("/bulk-acts/{bulk_id}/stop", response=BulkOut, operation_id="stop_bulk_act")
@requires("runs.operate")
def stop_act(request: HttpRequest, bulk_id: Id) -> BulkAct:
    """Leave the runs that were not reached alone."""
    within = reach(principal_of(request), "runs.operate")
    with _known():
        get_bulk_act(bulk_id, within)
        services.stop_bulk_act(bulk_id=bulk_id, actor=actor_of(request), now=timezone.now())
        return get_bulk_act(bulk_id, within)


@contextmanager
def _known() -> Iterator[None]:
    try:
        yield
    except BulkAct.DoesNotExist:
        raise Http404("There is no such act, or it is on flows that you may not operate.") from None


def _within(request: HttpRequest, act: services.Act) -> Reach:
    permission = "runs.start" if act is services.Act.RERUN else "runs.operate"
    principal = principal_of(request)
    if not can(principal, permission):
        raise PermissionDenied(f"This needs the permission {permission}.")
    return reach(principal, permission)


def _options(given: BulkOptionsIn | None) -> services.BulkOptions:
    if given is None:
        return services.BulkOptions()
    return services.BulkOptions(
        reason=searchable(given.reason),
        step=searchable(given.step),
        version=given.version,
        lane=given.lane or "",
    )


def _filters(given: BulkFilter | None) -> RunFilters:
    if given is None:
        return RunFilters()
    for at in (given.started_from, given.started_to):
        if at is not None and at.tzinfo is None:
            raise ApiProblem(422, "time-without-zone", f"{at} has no zone.", "Add one: `Z`.")
    texts = {k: searchable(v) for k, v in given.dict().items() if isinstance(v, str)}
    return RunFilters(**{**given.dict(), **texts})
