"""Triggers over HTTP."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from django.conf import settings
from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field

from flows.api.finding import Id, find_flow
from flows.triggers import services
from flows.triggers.editables import TRIGGER
from flows.triggers.models import Firing, Trigger
from workbench.accounts.gate import requires
from workbench.http.idempotency import shows_once
from workbench.http.preconditions import edits, shows
from workbench.http.problems import ApiProblem
from workbench.http.schemas import Page, Strict, page_by_id, whole_page
from workbench.http.sign_in import actor_of

router = Router(tags=["triggers"])


class TriggerOut(Schema):
    id: int
    kind: str
    title: str
    config: dict[str, Any]
    input: Any = Field(description="A template; in it, `input` is what the trigger got.")
    enabled: bool
    next_at: datetime | None = Field(description="A schedule's next instant.")
    url: str = Field(description="Where a webhook's messages are sent; empty for other kinds.")
    revision: str


class TriggerAddedOut(TriggerOut):
    secret: str = Field(description="Signs a webhook's messages. It is shown this once.")


class TriggerIn(Strict):
    kind: Literal["webhook", "schedule", "event", "flow"]
    title: str = Field(min_length=1, max_length=120)
    config: dict[str, Any] = Field(
        default_factory=dict,
        description="webhook: max_bytes. schedule: cron, zone, missed (skip, once, all), most."
        " event: event, filter. flow: flow, on, outcome. All: lane (interactive, standard, bulk).",
    )
    input: Any = Field("${ input }", description="The template of the run's input.")


class TriggerChangeIn(Strict):
    title: str | None = Field(None, min_length=1, max_length=120)
    config: dict[str, Any] | None = None
    input: Any = None
    enabled: bool | None = None


class FiringOut(Schema):
    id: int
    outcome: str = Field(description="started, refused or skipped.")
    key: str | None
    run: int | None
    due_at: datetime | None
    error: str
    at: datetime


def _find_trigger(name: str, trigger_id: int) -> Trigger:
    found = Trigger.objects.filter(pk=trigger_id, flow__name=name).first()
    if found is None:
        raise Http404(f"Flow {name} has no trigger {trigger_id}.")
    return found


def _identify(request: HttpRequest, given: Mapping[str, Any]) -> list[int]:
    return [_find_trigger(given["name"], given["trigger_id"]).pk]


@router.get("/flows/{name}/triggers", response=Page[TriggerOut], operation_id="list_triggers")
@requires("flows.view", scope="flow:name")
def list_triggers(request: HttpRequest, name: str) -> dict[str, Any]:
    """List the triggers of a flow."""
    return whole_page(_trigger_out(each) for each in find_flow(name).triggers.order_by("pk"))


@router.post(
    "/flows/{name}/triggers", response={201: TriggerAddedOut}, operation_id="create_trigger"
)
@requires("flows.publish", scope="flow:name")
@shows_once
def create_trigger(request: HttpRequest, name: str, body: TriggerIn) -> Status[Any]:
    """Add a trigger. A webhook's secret is in this answer only."""
    flow = find_flow(name)
    try:
        added = services.create_trigger(
            flow=flow,
            kind=body.kind,
            title=body.title,
            config=body.config,
            input=body.input,
            actor=actor_of(request),
            now=timezone.now(),
        )
    except services.TriggerInvalid as error:
        raise _problem_of(error) from error
    return Status(201, {**_trigger_out(added.trigger), "secret": added.secret})


@router.get("/flows/{name}/triggers/{trigger_id}", response=TriggerOut, operation_id="get_trigger")
@requires("flows.view", scope="flow:name")
@shows(TRIGGER)
def get_trigger(request: HttpRequest, name: str, trigger_id: Id) -> dict[str, Any]:
    """Return a trigger."""
    return _trigger_out(_find_trigger(name, trigger_id))


@router.patch(
    "/flows/{name}/triggers/{trigger_id}", response=TriggerOut, operation_id="change_trigger"
)
@requires("flows.publish", scope="flow:name")
@edits(TRIGGER, _identify)
def change_trigger(
    request: HttpRequest, name: str, trigger_id: Id, body: TriggerChangeIn
) -> dict[str, Any]:
    """Change a trigger, or turn it on or off. What is left out stays as it is."""
    trigger = _find_trigger(name, trigger_id)
    actor, now = actor_of(request), timezone.now()
    given = body.model_dump(exclude_unset=True)
    try:
        if given.keys() & {"title", "config", "input"}:
            trigger = services.change_trigger(
                trigger_id=trigger.pk,
                title=given.get("title") or trigger.title,
                config=given.get("config", trigger.config),
                input=given.get("input", trigger.input),
                actor=actor,
                now=now,
            )
        if body.enabled is not None:
            trigger = services.set_trigger_enabled(
                trigger_id=trigger.pk, enabled=body.enabled, actor=actor, now=now
            )
    except services.TriggerInvalid as error:
        raise _problem_of(error) from error
    return _trigger_out(trigger)


@router.delete(
    "/flows/{name}/triggers/{trigger_id}", response={204: None}, operation_id="delete_trigger"
)
@requires("flows.publish", scope="flow:name")
@edits(TRIGGER, _identify)
def delete_trigger(request: HttpRequest, name: str, trigger_id: Id) -> Status[None]:
    """Remove a trigger. The runs it started stay."""
    trigger = _find_trigger(name, trigger_id)
    services.delete_trigger(trigger_id=trigger.pk, actor=actor_of(request), now=timezone.now())
    return Status(204, None)


@router.get(
    "/flows/{name}/triggers/{trigger_id}/firings",
    response=Page[FiringOut],
    operation_id="list_firings",
)
@requires("flows.view", scope="flow:name")
def list_firings(
    request: HttpRequest, name: str, trigger_id: Id, cursor: str = "", limit: int = 50
) -> dict[str, Any]:
    """List the firings of a trigger, newest first."""
    firings = Firing.objects.filter(trigger=_find_trigger(name, trigger_id))
    return page_by_id(firings, cursor=cursor, limit=limit, to_item=_firing_out)


def _problem_of(error: services.TriggerInvalid) -> ApiProblem:
    errors = [{"at": error.field, "message": error.message}]
    return ApiProblem(422, "trigger-invalid", error.message, error.remedy, errors)


def _trigger_out(trigger: Trigger) -> dict[str, Any]:
    is_webhook = trigger.kind == "webhook"
    return {
        "id": trigger.pk,
        "kind": trigger.kind,
        "title": trigger.title,
        "config": trigger.config,
        "input": trigger.input,
        "enabled": trigger.enabled,
        "next_at": trigger.next_at,
        "url": f"{settings.SITE_URL}/hooks/{trigger.public_id}/" if is_webhook else "",
        "revision": TRIGGER.revision_of(trigger),
    }


def _firing_out(firing: Firing) -> dict[str, Any]:
    return {
        "id": firing.pk,
        "outcome": firing.outcome,
        "key": firing.key,
        "run": firing.run_id,
        "due_at": firing.due_at,
        "error": firing.error,
        "at": firing.at,
    }
