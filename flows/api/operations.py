"""Operations on a run, and on a whole flow, over HTTP."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from pydantic import Field

from flows import selectors, services
from flows.api.finding import (
    BIGGEST_ID,
    Id,
    find_flow,
    find_run,
)
from flows.api.flows import FlowOut, flow_out
from flows.api.runs import RunDetailOut, RunOut, run_detail_out, run_out
from flows.engine.lanes import Lane
from flows.models import FlowVersion, Run
from flows.selectors.flows import list_versions_for
from workbench.accounts.gate import requires
from workbench.http.gateway import may_answer
from workbench.http.problems import map_error
from workbench.http.schemas import Strict
from workbench.http.sign_in import actor_of

router = Router(tags=["operations"])

map_error(
    services.RunBusy, status=409, code="run-busy", remedy="Pause it, or try again when it waits."
)
map_error(services.StepUnknown, status=422, code="step-unknown", remedy="Read the version's steps.")
map_error(
    services.DecisionPassedOver,
    status=409,
    code="decision-passed-over",
    remedy="Begin at the start, or before the step at which people decide.",
)
map_error(services.VersionUnfit, status=409, code="version-unfit", remedy="Choose another version.")


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
    version: Literal["released", "same"] | Annotated[int, Field(ge=1, le=2**31 - 1)] = Field(
        "released", description="`released`, `same`, or a number."
    )
    input: dict[str, Any] | None = Field(None, description="Another input; null keeps the old one.")


class RerunPlanOut(Schema):
    step: str
    version: int
    reused: list[str] = Field(description="Not executed again: their output stays what it was.")
    repeated: list[str] = Field(description="May be executed again, if the new run reaches them.")
    effects: list[str] = Field(description="The repeated ones that act on the outside world.")
    asks: list[str] = Field(description="The repeated ones that wait for people or others.")
    missing: dict[str, list[str]] = Field(
        description="For a repeated step, the steps whose output it reads and that have none."
    )


@router.post("/runs/{run_id}/pause", response=RunDetailOut, operation_id="pause_run")
@requires("runs.operate", scope="rows")
def pause_run(request: HttpRequest, run_id: Id) -> dict[str, Any]:
    """Pause a run: steps under way finish, nothing new begins."""
    return _operate(request, run_id, services.pause_run)


@router.post("/runs/{run_id}/resume", response=RunDetailOut, operation_id="resume_run")
@requires("runs.operate", scope="rows")
def resume_run(request: HttpRequest, run_id: Id) -> dict[str, Any]:
    """Resume a paused run."""
    return _operate(request, run_id, services.resume_run)


@router.post("/runs/{run_id}/migrate", response=RunDetailOut, operation_id="migrate_run")
@requires("runs.operate", scope="rows")
def migrate_run(request: HttpRequest, run_id: Id, body: MigrateIn) -> dict[str, Any]:
    """Let a waiting run go on with another version that has the steps at which it waits."""
    run = find_run(request, run_id, "runs.operate")
    version = list_versions_for(run).filter(number=body.version).first()
    if version is None:
        raise Http404(f"Flow {run.flow.name} has no version {body.version} for this run.")
    return _operate(request, run_id, services.migrate_run, version_id=version.pk)


@router.post("/runs/{run_id}/lane", response=RunDetailOut, operation_id="move_to_lane")
@requires("runs.operate", scope="rows")
def move_to_lane(request: HttpRequest, run_id: Id, body: LaneIn) -> dict[str, Any]:
    """Move a run to another lane."""
    return _operate(request, run_id, services.move_to_lane, lane=body.lane)


def _operate(request: HttpRequest, run_id: int, service: Any, **given: Any) -> dict[str, Any]:
    run = find_run(request, run_id, "runs.operate")
    service(run_id=run.pk, actor=actor_of(request), now=timezone.now(), **given)
    return run_detail_out(selectors.get_run(run.pk))


@router.get("/runs/{run_id}/rerun", response=RerunPlanOut, operation_id="plan_rerun")
@may_answer(409)
@requires("runs.view", scope="rows")
def plan_rerun(request: HttpRequest, run_id: Id, wanted: Query[RerunQuery]) -> dict[str, Any]:
    """Return what a rerun would reuse and repeat."""
    run = find_run(request, run_id)
    plan = services.plan_rerun(
        run_id=run.pk, step=wanted.step or None, version_id=_get_version_id(run, wanted.version)
    )
    return {**asdict(plan), "step": wanted.step, "reused": plan.kept}


@router.post("/runs/{run_id}/rerun", response={201: RunOut}, operation_id="rerun_run")
@requires("runs.start", scope="rows")
def rerun_run(request: HttpRequest, run_id: Id, body: RerunIn) -> Status[Any]:
    """Start a new run from a step of this one, or from its start; GET plans it first."""
    run = find_run(request, run_id, "runs.start")
    started = services.rerun(
        run_id=run.pk,
        step=body.step or None,
        input=body.input,
        version_id=_get_version_id(run, body.version),
        actor=actor_of(request),
        now=timezone.now(),
    )
    return Status(201, run_out(selectors.get_run(started.run.pk)))


def _get_version_id(run: Run, version: str | int) -> int:
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
@requires("runs.operate", scope="flow:name")
def pause_flow(request: HttpRequest, name: str) -> dict[str, Any]:
    """Take no new runs, and pause the flow's runs."""
    services.pause_flow(flow_id=find_flow(name).pk, actor=actor_of(request), now=timezone.now())
    return flow_out(find_flow(name))


@router.post("/flows/{name}/resume", response=FlowOut, operation_id="resume_flow")
@requires("runs.operate", scope="flow:name")
def resume_flow(request: HttpRequest, name: str) -> dict[str, Any]:
    """Take new runs again, and resume the paused runs."""
    services.resume_flow(flow_id=find_flow(name).pk, actor=actor_of(request), now=timezone.now())
    return flow_out(find_flow(name))
