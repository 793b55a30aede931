"""Acts on many runs over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import ConfigDict, Field

from flows import services
from flows.api.finding import (
    BIGGEST_ID,
    Id,
)
from flows.api.runs import RunQuery
from flows.engine.lanes import Lane
from flows.models import BulkAct
from flows.selectors.bulk import get_bulk_act, list_bulk_acts
from flows.selectors.run_filters import RunFilters
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.permissions import Reach, can, reach
from workbench.http.problems import ApiProblem, map_error
from workbench.http.schemas import Page, Strict, page_by_id
from workbench.http.sign_in import actor_of

router = Router(tags=["operations"])

map_error(
    services.BulkOptionMissing, status=422, code="option-missing", remedy="Say it in `options`."
)
map_error(services.BulkActEnded, status=409, code="bulk-act-ended", remedy="Read what it did.")


class BulkFilter(RunQuery):
    """As in `GET /runs`. An empty filter means every run that you may operate."""

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


class BulkActIn(BulkPlanIn):
    options: BulkOptionsIn | None = None
    up_to: int | None = Field(
        None, ge=1, le=BIGGEST_ID, description="Leave later runs alone: `up_to` of the plan."
    )


class BulkActPlanOut(Schema):
    act: str
    matched: int
    is_exact: bool = Field(description="False if there may be more, further back.")
    up_to: int = Field(description="The newest run when it was planned.")


class BulkActOut(BulkActPlanOut):
    id: int
    status: str = Field(description="running, completed or stopped.")
    done: int
    refused: int
    refusals: list[tuple[int, str]] = Field(
        description="The first refused runs, each with the reason."
    )
    after: int = Field(description="Every run up to this id was looked at.")
    created_at: datetime
    finished_at: datetime | None


@router.post("/bulk-acts/plan", response=BulkActPlanOut, operation_id="plan_bulk_act")
@requires("runs.operate", scope="rows")
def plan_bulk_act(request: HttpRequest, body: BulkPlanIn) -> Any:
    """Count the runs that an act would touch."""
    return services.plan_bulk_act(
        act=body.act, filters=_to_filters(body.filter), within=_get_reach(request, body.act)
    )


@router.post("/bulk-acts", response={202: BulkActOut}, operation_id="start_bulk_act")
@requires("runs.operate", scope="rows")
def start_bulk_act(request: HttpRequest, body: BulkActIn) -> Status[Any]:
    """Start to do an act to every matching run, oldest first; it goes on by itself."""
    bulk = services.start_bulk_act(
        act=body.act,
        filters=_to_filters(body.filter),
        within=_get_reach(request, body.act),
        options=_to_options(body.options),
        up_to=body.up_to,
        actor=actor_of(request),
        now=timezone.now(),
    )  # fmt: skip
    return Status(202, bulk)


@router.get("/bulk-acts", response=Page[BulkActOut], operation_id="list_bulk_acts")
@requires("runs.operate", scope="rows")
def list_acts(request: HttpRequest, cursor: str = "", limit: int = 50) -> dict[str, Any]:
    """List the acts on many runs, newest first."""
    acts = list_bulk_acts(reach(principal_of(request), "runs.operate"))
    return page_by_id(acts, cursor=cursor, limit=limit, to_item=lambda bulk: bulk)


@router.get("/bulk-acts/{bulk_id}", response=BulkActOut, operation_id="get_bulk_act")
@requires("runs.operate", scope="rows")
def get_act(request: HttpRequest, bulk_id: Id) -> BulkAct:
    """Return an act on many runs: how far it is, and what was refused."""
    with _unknown_as_404():
        return get_bulk_act(bulk_id, reach(principal_of(request), "runs.operate"))


@router.post("/bulk-acts/{bulk_id}/stop", response=BulkActOut, operation_id="stop_bulk_act")
@requires("runs.operate", scope="rows")
def stop_act(request: HttpRequest, bulk_id: Id) -> BulkAct:
    """Stop an act; the runs that it has not reached are left alone."""
    within = reach(principal_of(request), "runs.operate")
    with _unknown_as_404():
        get_bulk_act(bulk_id, within)
        services.stop_bulk_act(bulk_id=bulk_id, actor=actor_of(request), now=timezone.now())
        return get_bulk_act(bulk_id, within)


@contextmanager
def _unknown_as_404() -> Iterator[None]:
    try:
        yield
    except BulkAct.DoesNotExist:
        raise Http404("There is no such act, or it is on flows that you may not operate.") from None


def _get_reach(request: HttpRequest, act: services.Act) -> Reach:
    permission = "runs.start" if act is services.Act.RERUN else "runs.operate"
    principal = principal_of(request)
    if not can(principal, permission):
        raise PermissionDenied(f"This needs the permission {permission}.")
    return reach(principal, permission)


def _to_options(given: BulkOptionsIn | None) -> services.BulkOptions:
    if given is None:
        return services.BulkOptions()
    return services.BulkOptions(
        reason=given.reason,
        step=given.step,
        version=given.version,
        lane=given.lane or "",
    )


def _to_filters(given: BulkFilter | None) -> RunFilters:
    if given is None:
        return RunFilters()
    for at in (given.started_from, given.started_to):
        if at is not None and at.tzinfo is None:
            raise ApiProblem(422, "time-without-zone", f"{at} has no zone.", "Add one: `Z`.")
    return RunFilters(**given.dict())
