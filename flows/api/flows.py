"""Flows, drafts, versions and releases over HTTP."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field

from flows import services
from flows.api.finding import (
    Number,
    check_permission,
    find_flow,
    find_version,
    get_reach,
)
from flows.graph.codec import parse, to_mapping
from flows.graph.operations import normal_form
from flows.models import Flow, FlowVersion
from flows.selectors.editables import DRAFT
from flows.selectors.flows import within_reach
from flows.selectors.problems import list_problems
from flows.services.editing import DraftTooLarge
from workbench.accounts.gate import requires
from workbench.http.preconditions import edits, get_revision_seen, rests_on, shows
from workbench.http.problems import ApiProblem, map_error, map_error_by
from workbench.http.schemas import Page, Strict, page_by_id
from workbench.http.sign_in import actor_of, person_of
from workbench.search.matching import having

router = Router(tags=["flows"])

map_error(services.NameReserved, status=422, code="name-reserved", remedy="Choose another name.")
map_error(services.FlowExists, status=409, code="flow-exists", remedy="Choose another name.")
map_error(DraftTooLarge, status=413, code="draft-too-large", remedy="Use subflows.")
map_error(
    services.DraftChanged, status=409, code="draft-changed", remedy="Read the draft, then publish."
)
map_error(services.NothingChanged, status=409, code="nothing-changed", remedy="Change the draft.")
map_error(
    services.FlowTestsFailed,
    status=409,
    code="flow-tests-failed",
    remedy="Correct the draft or the test.",
)
map_error_by(
    services.OtherFlowOutOfReach,
    lambda error: ApiProblem(403, "other-flow-out-of-reach", error.message, error.remedy),
)
map_error(
    services.SecondPersonNeeded,
    status=409,
    code="second-person-needed",
    remedy="POST to the flow's publish-requests; somebody else then agrees.",
)


# --- Flows and drafts -------------------------------------------------------------


class FlowOut(Schema):
    name: str
    title: str
    released_version: int | None = Field(None, description="Null before the first release.")
    draft_revision: int = Field(description="In double quotes it is the ETag of the draft.")
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


@router.get("/flows", response=Page[FlowOut], operation_id="list_flows")
@requires("flows.view", scope="rows")
def list_flows(
    request: HttpRequest, text: str = "", cursor: str = "", limit: int = 50
) -> dict[str, Any]:
    """List flows, newest first."""
    flows = Flow.objects.filter(within_reach(get_reach(request, "flows.view")))
    flows = flows.select_related("released").defer("draft", "released__document")
    if text:
        flows = flows.filter(having(text, "title"))
    return page_by_id(flows, cursor=cursor, limit=limit, to_item=flow_out)


@router.post("/flows", response={201: FlowDetailOut}, operation_id="create_flow")
@requires("flows.edit", scope="rows")
def create_flow(request: HttpRequest, body: FlowIn) -> Status[Any]:
    """Create a flow. Publish it before it can run."""
    check_permission(request, "flows.edit", body.name)
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
@requires("flows.view", scope="flow:name")
@shows(DRAFT)
def get_flow(request: HttpRequest, name: str) -> dict[str, Any]:
    """Return a flow with its draft and the draft's problems. The ETag is the draft's."""
    return _flow_detail(find_flow(name))


@router.get("/flows/{name}/draft", response=FlowDetailOut, operation_id="get_draft")
@requires("flows.view", scope="flow:name")
@shows(DRAFT)
def get_draft(request: HttpRequest, name: str) -> dict[str, Any]:
    """Return the same as the flow's own address: the draft with its problems."""
    return _flow_detail(find_flow(name))


@router.put("/flows/{name}/draft", response=FlowDetailOut, operation_id="save_draft")
@requires("flows.edit", scope="flow:name")
@edits(DRAFT, lambda request, given: [given["name"]])
def save_draft(request: HttpRequest, name: str, body: DraftIn) -> dict[str, Any]:
    """Replace the draft. It may have problems, but cannot be published then."""
    flow = find_flow(name)
    document = {**to_mapping(parse(body.document)), "name": flow.name}
    saved = services.save_draft(
        flow_id=flow.pk, document=document, author=person_of(request), actor=actor_of(request),
        now=timezone.now(),
    )  # fmt: skip
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
    pins: dict[str, int] = Field(description="The version of each prompt that it uses.")
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
@requires("flows.view", scope="flow:name")
def list_versions(
    request: HttpRequest, name: str, cursor: str = "", limit: int = 50
) -> dict[str, Any]:
    """List the versions of a flow, newest first."""
    versions = FlowVersion.objects.filter(flow=find_flow(name)).select_related("published_by")
    return page_by_id(versions.defer("document"), cursor=cursor, limit=limit, to_item=version_out)


@router.post(
    "/flows/{name}/versions", response={201: VersionDetailOut}, operation_id="publish_version"
)
@requires("flows.publish", scope="flow:name")
@rests_on(DRAFT, lambda request, given: [given["name"]])
def publish_version(request: HttpRequest, name: str, body: PublishIn) -> Status[Any]:
    """Make an immutable version of the draft, and release it unless `release` is false.

    `If-Match` names the draft that was looked at; no other one is published.
    """
    version = services.publish_version(
        flow_id=find_flow(name).pk,
        note=body.note,
        author=person_of(request),
        actor=actor_of(request),
        now=timezone.now(),
        revision=int(get_revision_seen(request)),
        release=body.release,
    )
    return Status(201, {**version_out(version), "document": version.document})


@router.get(
    "/flows/{name}/versions/{number}", response=VersionDetailOut, operation_id="get_version"
)
@requires("flows.view", scope="flow:name")
def get_version(request: HttpRequest, name: str, number: Number) -> dict[str, Any]:
    """Return a version with its document."""
    version = find_version(find_flow(name), number)
    return {**version_out(version), "document": version.document}


@router.post("/flows/{name}/releases", response=FlowOut, operation_id="release_version")
@requires("flows.publish", scope="flow:name")
def release_version(request: HttpRequest, name: str, body: ReleaseIn) -> dict[str, Any]:
    """Let new runs use a version; one older than the present is a rollback."""
    version = find_version(find_flow(name), body.version)
    services.release_version(version_id=version.pk, actor=actor_of(request), now=timezone.now())
    return flow_out(find_flow(name))


def version_out(version: FlowVersion) -> dict[str, Any]:
    return {
        "number": version.number,
        "note": version.note,
        "digest": version.digest,
        "pins": version.pins,
        "published_by": version.published_by.username if version.published_by else None,
        "published_at": version.published_at,
    }
