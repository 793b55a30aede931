"""Breakers, dead letters, and what the clock has set aside, over HTTP."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from pydantic import Field

from flows.api.finding import Id
from flows.health import selectors, services
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.permissions import reach
from workbench.http.problems import map_error
from workbench.http.schemas import Page, Strict, whole_page
from workbench.http.sign_in import actor_of

router = Router(tags=["operations"])

map_error(
    services.BreakerUnknown,
    status=404,
    code="not-found",
    remedy="GET /breakers lists them.",
)


map_error(
    services.SetAsideUnknown,
    status=404,
    code="not-found",
    remedy="GET /set-aside lists what is set aside.",
)


class BreakerOut(Schema):
    destination: str
    state: str = Field(description="closed, open or half_open.")
    failures: int = Field(description="In a row.")
    opened_at: datetime | None
    retry_at: datetime | None = Field(description="When a probe may go.")
    last_error: str


class ResetIn(Strict):
    destination: str = Field(min_length=1, max_length=200)


class DeadGroupOut(Schema):
    kind: str = Field(description="The kind of the runs' first error.")
    flow: str
    runs: int
    first_at: datetime
    last_at: datetime
    newest: int = Field(description="The newest of the runs.")


class RetryDeadIn(Strict):
    kind: str = Field("", max_length=80, description="Only errors of this kind.")
    flow: str = Field("", max_length=80, description="Only runs of this flow.")
    most: int = Field(services.MOST_AT_ONCE, ge=1, le=services.MOST_AT_ONCE)


class RetryDeadOut(Schema):
    done: int
    refused: list[str]


class SetAsideOut(Schema):
    id: int
    task: str
    what: str = Field(description="The task in words.")
    key: str = Field(description="What the task calls the row.")
    label: str = Field(description="What the row is called, such as Case 17.")
    url: str = Field(description="The page of its case, run or trigger, or empty.")
    cause: str
    failures: int
    first_at: datetime
    last_at: datetime
    retry_at: datetime = Field(description="When it is tried again.")


class AccessGapOut(Schema):
    flow: str
    version: int | None = Field(description="The number of the released version, or null.")
    trigger: int | None = Field(description="The id of the trigger, or null.")
    who: str = Field(description="Its publisher or author; empty if unknown.")
    what: str = Field(description="What it does beyond its flow.")
    missing: list[str] = Field(description="The permissions that they lack today.")
    where: str = Field(description="On what they would need them.")
    remedy: str


@router.get("/access-review", response=Page[AccessGapOut], operation_id="list_access_gaps")
@requires("health.view", scope="installation")
def list_access_gaps(request: HttpRequest) -> dict[str, Any]:
    """List what released versions and triggers do to other flows without the right to it."""
    return whole_page(selectors.list_access_gaps())


@router.get("/breakers", response=Page[BreakerOut], operation_id="list_breakers")
@requires("health.view", scope="installation")
def list_breakers(request: HttpRequest) -> dict[str, Any]:
    """List the breakers that are open or have counted failures."""
    return whole_page(selectors.list_breakers())


@router.post("/breakers/reset", response=BreakerOut, operation_id="reset_breaker")
@requires("runs.operate", scope="installation")
def reset_breaker(request: HttpRequest, body: ResetIn) -> Any:
    """Close a breaker, so that the next calls are made."""
    services.reset_breaker(
        destination=body.destination, actor=actor_of(request), now=timezone.now()
    )
    return selectors.get_breaker(body.destination)


@router.get("/dead-letters", response=Page[DeadGroupOut], operation_id="list_dead_letters")
@requires("runs.view", scope="rows")
def list_dead_letters(request: HttpRequest) -> dict[str, Any]:
    """List failed runs, grouped by kind of error and flow."""
    return whole_page(selectors.list_dead_groups(reach(principal_of(request), "runs.view")))


@router.post("/dead-letters/retry", response=RetryDeadOut, operation_id="retry_dead_letters")
@requires("runs.operate", scope="rows")
def retry_dead_letters(request: HttpRequest, body: RetryDeadIn) -> dict[str, Any]:
    """Retry up to 1,000 failed runs from where they failed, oldest first, in this request.

    POST /bulk-acts with `act` retry and the filter `error` retries any number, with progress.
    """
    result = services.retry_dead_runs(
        kind=body.kind,
        flow=body.flow,
        within=reach(principal_of(request), "runs.operate"),
        actor=actor_of(request),
        now=timezone.now(),
        most=body.most,
    )
    return {"done": result.done, "refused": [f"{run}: {why}" for run, why in result.refused]}


@router.get("/set-aside", response=Page[SetAsideOut], operation_id="list_set_aside")
@requires("health.view", scope="installation")
def list_set_aside(request: HttpRequest) -> dict[str, Any]:
    """List what the clock could not do and has set aside: the newest 100, newest first."""
    return whole_page(selectors.list_set_aside_rows())


@router.post(
    "/set-aside/{set_aside_id}/retry", response=SetAsideOut, operation_id="retry_set_aside"
)
@requires("runs.operate", scope="installation")
def retry_set_aside(request: HttpRequest, set_aside_id: Id) -> Any:
    """Let the clock try the row at its next sweep."""
    services.retry_set_aside(set_aside_id=set_aside_id, actor=actor_of(request), now=timezone.now())
    return selectors.get_set_aside_row(set_aside_id)
