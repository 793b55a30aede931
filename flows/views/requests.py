"""What the views of flows share: who asks, and what the request names."""

from datetime import datetime, time
from typing import Any, cast

from django.http import Http404, HttpRequest, QueryDict
from django.utils.timezone import get_current_timezone, make_aware

from flows import selectors
from flows.graph.operations import normal_form
from flows.models import Flow, FlowVersion, Run
from flows.selectors.run_filters import RunFilters, parse_run_id
from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.accounts.permissions import Reach, can, reach
from workbench.values.refusals import ValueRefused
from workbench.values.times import read_date, read_instant

NOT_FOUND_RUN = "There is no run {id}, or you may not see it."


def user_of(request: HttpRequest) -> User:
    """Return the person who is signed in; use it in guarded views only."""
    return cast(User, request.user)


def actor_of(request: HttpRequest) -> Actor:
    return Actor.user(user_of(request))


def flow_or_404(name: str) -> Flow:
    try:
        return selectors.get_flow(name)
    except Flow.DoesNotExist:
        raise Http404(f"There is no flow {name}.") from None


def version_or_404(flow: Flow, number: int) -> FlowVersion:
    try:
        return selectors.get_version(flow, number)
    except FlowVersion.DoesNotExist:
        raise Http404(f"Flow {flow.name} has no version {number}.") from None


def run_or_404(request: HttpRequest, run_id: int) -> Run:
    """Return the run. Raises: Http404, also for a run of a flow that the person may not see."""
    try:
        run = selectors.get_run(run_id)
    except Run.DoesNotExist:
        raise Http404(NOT_FOUND_RUN.format(id=run_id)) from None
    if not can(request.user, "runs.view", flow=run.flow.name):
        raise Http404(NOT_FOUND_RUN.format(id=run_id))
    return run


def get_run_reach(request: HttpRequest) -> Reach:
    """Return the flows whose runs the person may see."""
    return reach(request.user, "runs.view")


def read_run_filters(given: QueryDict) -> RunFilters:
    """Return the filters in an address or a form, with what could not be read as ``unread``."""
    get, unread = given.get, list[str]()
    return RunFilters(
        flow=get("flow", "")[:80],
        version=_read_version(get("version", ""), unread),
        state=get("state", "")[:20],
        outcome=get("outcome", "").strip()[:80],
        started_from=_read_start(get("from", ""), "Started from", unread),
        started_to=_read_start(get("to", ""), "Started before", unread),
        text=get("q", "").strip()[:200],
        error=get("error", "").strip()[:80],
        unread=tuple(unread),
    )


def positive_number(text: str) -> int | None:
    """Return the whole number above 0 that the text is, or None."""
    return parse_run_id(text) or None


def _read_version(text: str, unread: list[str]) -> int | None:
    number = positive_number(text.strip())
    if text.strip() and number is None:
        unread.append(f"Version: {text[:40]!r} is not the number of a version. Write it as 3.")
    return number


def _read_start(text: str, name: str, unread: list[str]) -> datetime | None:
    """Return an instant, or the start of a day, in the person's zone."""
    text, zone = text.strip(), get_current_timezone()
    if not text:
        return None
    try:
        if len(text) == len("2026-03-31"):
            return make_aware(datetime.combine(read_date(text), time()), zone)
        return read_instant(text, zone)
    except ValueRefused as error:
        unread.append(f"{name}: {error}"[:300])
        return None


def flow_context(request: HttpRequest, flow: Flow, tab: str) -> dict[str, Any]:
    """Return what the head of every page of a flow shows."""
    return {
        "flow": flow,
        "tab": tab,
        "may_edit": can(request.user, "flows.edit", flow=flow.name),
        "may_publish": can(request.user, "flows.publish", flow=flow.name),
        "may_start": can(request.user, "runs.start", flow=flow.name),
        "may_operate": can(request.user, "runs.operate", flow=flow.name),
        "draft_differs": _draft_differs(flow),
    }


def _draft_differs(flow: Flow) -> bool:
    """Return True if the draft differs from the released version."""
    released = flow.released.document if flow.released else {}
    return normal_form(flow.draft) != normal_form(released)
