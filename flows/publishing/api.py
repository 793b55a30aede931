"""Requests to publish over HTTP: make one, approve, refuse or withdraw it."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field

from flows.api.finding import Id, find_flow
from flows.api.flows import VersionOut, version_out
from flows.publishing import services
from flows.publishing.models import PublishRequest, RequestState
from workbench.accounts.gate import requires
from workbench.http.problems import map_error
from workbench.http.schemas import MOST_REVISION, Page, Strict, page_by_id
from workbench.http.sign_in import actor_of, person_of

router = Router(tags=["flows"])

map_error(
    services.OwnRequest, status=409, code="own-request", remedy="Let somebody else approve it."
)
map_error(services.RequestAnswered, status=409, code="request-answered", remedy="Read it again.")
map_error(
    services.RequestOpen, status=409, code="request-open", remedy="Answer or withdraw that one."
)


class PublishRequestOut(Schema):
    id: int
    draft_revision: int = Field(description="The draft to publish; a later one cannot be approved.")
    note: str
    release: bool = Field(description="Whether the version is released at once.")
    state: str = Field(description="open, approved, refused or withdrawn.")
    requested_by: str
    requested_at: datetime
    answered_by: str | None
    answered_at: datetime | None
    reason: str


class PublishRequestIn(Strict):
    note: str = Field(min_length=1, max_length=2000)
    release: bool = True
    revision: int | None = Field(
        None, ge=0, le=MOST_REVISION, description="Of the draft that you saw; 409 if it changed."
    )


class RefuseIn(Strict):
    reason: str = Field("", max_length=2000)


@router.get(
    "/flows/{name}/publish-requests",
    response=Page[PublishRequestOut],
    operation_id="list_publish_requests",
)
@requires("flows.view", scope="flow:name")
def list_publish_requests(
    request: HttpRequest,
    name: str,
    state: RequestState | None = None,
    cursor: str = "",
    limit: int = 50,
) -> dict[str, Any]:
    """List the requests to publish, newest first."""
    found = PublishRequest.objects.filter(flow=find_flow(name))
    found = found.filter(state=state) if state else found
    people = found.select_related("requested_by", "answered_by")
    return page_by_id(people, cursor=cursor, limit=limit, to_item=_request_out)


@router.post(
    "/flows/{name}/publish-requests",
    response={201: PublishRequestOut},
    operation_id="request_publish",
)
@requires("flows.publish", scope="flow:name")
def request_publish(request: HttpRequest, name: str, body: PublishRequestIn) -> Status[Any]:
    """Ask for the present draft to be published; somebody else then approves."""
    requested = services.request_publish(
        flow_id=find_flow(name).pk,
        note=body.note,
        release=body.release,
        revision=body.revision,
        author=person_of(request),
        actor=actor_of(request),
        now=timezone.now(),
    )
    return Status(201, _request_out(requested))


@router.post(
    "/flows/{name}/publish-requests/{request_id}/approve",
    response={201: VersionOut},
    operation_id="approve_publish_request",
)
@requires("flows.publish", scope="flow:name")
def approve(request: HttpRequest, name: str, request_id: Id) -> Status[Any]:
    """Approve another person's request, and publish the draft."""
    asked = _find_request(name, request_id)
    version = services.approve_request(
        request_id=asked.pk,
        author=person_of(request),
        actor=actor_of(request),
        now=timezone.now(),
    )
    return Status(201, version_out(version))


@router.post(
    "/flows/{name}/publish-requests/{request_id}/refuse",
    response=PublishRequestOut,
    operation_id="refuse_publish_request",
)
@requires("flows.publish", scope="flow:name")
def refuse(request: HttpRequest, name: str, request_id: Id, body: RefuseIn) -> dict[str, Any]:
    """Refuse another person's request, or withdraw one's own."""
    services.refuse_request(
        request_id=_find_request(name, request_id).pk,
        reason=body.reason,
        author=person_of(request),
        actor=actor_of(request),
        now=timezone.now(),
    )
    return _request_out(_find_request(name, request_id))


def _find_request(name: str, request_id: int) -> PublishRequest:
    people = PublishRequest.objects.select_related("requested_by", "answered_by")
    found = people.filter(flow=find_flow(name), pk=request_id).first()
    if found is None:
        raise Http404(f"Flow {name} has no request {request_id}.")
    return found


def _request_out(asked: PublishRequest) -> dict[str, Any]:
    answered_by = asked.answered_by.username if asked.answered_by else None
    shown = {key: getattr(asked, key) for key in PublishRequestOut.model_fields}
    return {**shown, "requested_by": asked.requested_by.username, "answered_by": answered_by}
