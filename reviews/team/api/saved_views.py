"""Saved views of a queue over HTTP."""

from collections.abc import Mapping
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field

from reviews.api.finding import Id, get_acting
from reviews.finding import find_queue
from reviews.models.team import SavedView
from reviews.rules.filters import NAME_MAX, TEXT_MAX, read_filters
from reviews.selectors.editables import SAVED_VIEW
from reviews.team.selectors import list_views
from reviews.team.services import saved_views
from workbench.accounts.gate import requires
from workbench.http.preconditions import edits, shows
from workbench.http.problems import map_error
from workbench.http.schemas import Page, Strict
from workbench.http.sign_in import person_of

router = Router(tags=["team"])

map_error(
    SavedView.DoesNotExist, status=404, code="not-found", remedy="List the queue's views for ids."
)


class ViewIn(Strict):
    name: str = Field(min_length=1, max_length=saved_views.NAME_MAX)
    shared: bool = False
    show: str = Field("open", max_length=20)
    text: str = Field("", max_length=TEXT_MAX)
    band: str = Field("", max_length=20)
    priority: Annotated[int, Field(ge=0, le=4)] = 0
    holder: str = Field("", max_length=NAME_MAX)


class ViewOut(Schema):
    id: int
    name: str
    owner: str
    shared: bool
    filters: dict[str, Any] = Field(description="Query parameters of GET /cases.")
    revision: str


def _find_own(request: HttpRequest, name: str, view_id: int) -> SavedView:
    """Raises: Http404, SavedView.DoesNotExist."""
    queue = find_queue(request, name)
    return SavedView.objects.get(pk=view_id, queue=queue, owner=person_of(request))


def _identify_own(request: HttpRequest, given: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the identity of one's own view of the name that the body has."""
    queue = find_queue(request, given["name"])
    return (queue.pk, person_of(request).pk, saved_views.normal_name(given["body"].name))


@router.get("/queues/{name}/views", response=Page[ViewOut], operation_id="list_saved_views")
@requires("cases.view", scope="rows:name")
def views(request: HttpRequest, name: str) -> dict[str, Any]:
    """List one's own views of a queue and those shared with one."""
    found = list_views(find_queue(request, name), person_of(request))
    return {"items": [_view_out(each) for each in found], "next": None}


@router.post("/queues/{name}/views", response={201: ViewOut}, operation_id="save_view")
@requires("cases.view", scope="rows:name")
@edits(SAVED_VIEW, _identify_own, creates=True)
def save(request: HttpRequest, name: str, body: ViewIn) -> Status[Any]:
    """Save a view by name, in place of one's own of that name."""
    view = saved_views.save_view(
        queue=find_queue(request, name),
        name=body.name,
        filters=read_filters(body.model_dump()),
        shared=body.shared,
        acting=get_acting(request),
        now=timezone.now(),
    )
    return Status(201, _view_out(view))


@router.get("/queues/{name}/views/{view_id}", response=ViewOut, operation_id="get_saved_view")
@requires("cases.view", scope="rows:name")
@shows(SAVED_VIEW)
def get_view(request: HttpRequest, name: str, view_id: Id) -> dict[str, Any]:
    """Return one of one's own views."""
    return _view_out(_find_own(request, name, view_id))


@router.delete(
    "/queues/{name}/views/{view_id}", response={204: None}, operation_id="delete_saved_view"
)
@requires("cases.view", scope="rows:name")
@edits(
    SAVED_VIEW,
    lambda request, given: SAVED_VIEW.identify(_find_own(request, given["name"], given["view_id"])),
)
def delete(request: HttpRequest, name: str, view_id: Id) -> Status[None]:
    """Remove one of one's own views."""
    view = _find_own(request, name, view_id)
    saved_views.delete_view(view=view, acting=get_acting(request), now=timezone.now())
    return Status(204, None)


def _view_out(view: SavedView) -> dict[str, Any]:
    return {
        "id": view.pk,
        "name": view.name,
        "owner": view.owner.username,
        "shared": view.shared,
        "filters": view.filters,
        "revision": SAVED_VIEW.revision_of(view),
    }
