"""Publish the draft as a version, release a version, compare two."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows import selectors, services
from flows.backtest.selectors import get_newest_of_draft
from flows.graph.codec import parse
from flows.graph.operations import normal_form
from flows.graph.problems import DocumentError
from flows.models import Flow, FlowVersion
from flows.publishing.comparison import compare_documents, get_comparison_canvas, list_step_lines
from flows.publishing.models import PublishRequest
from flows.publishing.selectors import (
    count_migratable_runs,
    demands_second_person,
    find_draft_pins,
    get_open_request,
)
from flows.publishing.services import (
    RequestOpen,
    approve_request,
    refuse_request,
    request_publish,
    set_second_person,
)
from flows.runtime.flow_tests import run_flow_tests
from flows.selectors.changes import list_line_changes
from flows.selectors.editables import DRAFT, find_draft_change
from flows.selectors.flows import count_runs_by_version
from flows.selectors.problems import list_problems
from flows.steps.pins import compare_pins
from flows.views.requests import (
    actor_of,
    flow_context,
    flow_or_404,
    positive_number,
    user_of,
    version_or_404,
)
from workbench.accounts.gate import requires
from workbench.accounts.permissions import can
from workbench.http.numbers import number_in
from workbench.shell.editing import Edit

# What the page says beside the button, and no field of the form can mend.
REFUSED = (
    services.NothingChanged, services.OtherFlowOutOfReach, services.PolicyRefused, RequestOpen,
)  # fmt: skip


@requires("flows.publish", scope="flow:name")
@require_http_methods(["GET", "POST"])
def publish(request: HttpRequest, name: str) -> HttpResponse:
    """Show what would change and what prevents it, or publish with a note."""
    flow = flow_or_404(name)
    if request.method == "POST":
        return _publish(request, flow)
    return _publish_page(request, flow)


def _publish_page(request: HttpRequest, flow: Flow, status: int = 200, **more: Any) -> HttpResponse:
    newest = flow.versions.order_by("-number").first()
    edit = Edit(request, DRAFT, flow)
    context = {
        **flow_context(request, flow, "publish"),
        "here": "Publish",
        **_run_checks(flow),
        **_compare(newest.document if newest else None, normal_form(flow.draft)),
        "pin_changes": compare_pins(newest.pins if newest else {}, find_draft_pins(flow.draft)),
        "canvas_query": f"a={newest.number}" if newest else "a=0",
        "newest": newest,
        # What is sent must be what was shown: a page that is shown again keeps what it was sent.
        "shown": edit.revision,
        "next_number": newest.number + 1 if newest else 1,
        "backtest": get_newest_of_draft(flow),
        **_get_request_context(request, flow),
        **more,
    }
    is_blocked = context["errors"] or context["failed_tests"]
    context["may_go"] = bool(context["changes"] or context["pin_changes"]) and not is_blocked
    return render(request, "flows/publish.html", context, status=status)


def _run_checks(flow: Flow) -> dict[str, Any]:
    """Return the draft's problems and, if none is an error, the results of its own tests."""
    problems = list_problems(flow.draft)
    errors = [each for each in problems if each["severity"] == "error"]
    tests = [] if errors else run_flow_tests(parse(flow.draft), now=timezone.now())
    return {
        "errors": errors,
        "warnings": [each for each in problems if each["severity"] != "error"],
        "tests": tests,
        "failed_tests": [each for each in tests if not each.passed],
    }


def _get_request_context(request: HttpRequest, flow: Flow) -> dict[str, Any]:
    asked = get_open_request(flow)
    return {
        "second_person": demands_second_person(flow),
        "asked": asked,
        "asked_by_me": asked is not None and asked.requested_by_id == user_of(request).pk,
        "asked_stale": asked is not None and asked.draft_revision != flow.draft_revision,
    }


def _compare(old: Any, new: dict[str, Any]) -> dict[str, Any]:
    """Return the differences by field and as text, for templates/flows/_comparison.html."""
    found = compare_documents(old, new)
    return {
        "changes": list_line_changes(old, new),
        "steps": list_step_lines(found, old, new) if found else [],
        "diff": found,
    }


def _publish(request: HttpRequest, flow: Flow) -> HttpResponse:
    note = request.POST.get("note", "").strip()[:2000]
    if not note:
        return _publish_page(request, flow, 422, note_error="Say what changed and why, in a line.")
    try:
        return _publish_or_ask(request, flow, note)
    except services.DraftChanged:
        return _show_changed_draft(request, flow, note)
    except REFUSED as error:
        return _publish_page(request, flow, 409, refusal=f"{error} {error.remedy}", note=note)
    except (services.FlowInvalid, services.FlowTestsFailed, DocumentError):
        return _publish_page(request, flow, 422, note=note)


def _publish_or_ask(request: HttpRequest, flow: Flow, note: str) -> HttpResponse:
    release = request.POST.get("release") == "1"
    shown = number_in(Edit(request, DRAFT, flow).revision)
    # A page that does not say which draft it showed showed none: no draft is at revision -1.
    revision = -1 if shown is None else shown
    person, actor, now = user_of(request), actor_of(request), timezone.now()
    if demands_second_person(flow):
        request_publish(
            flow_id=flow.pk, revision=revision, note=note, release=release, author=person,
            actor=actor, now=now,
        )  # fmt: skip
        messages.success(request, "Asked. Somebody else who may publish has to approve it now.")
        return redirect("flows:publish", flow.name)
    version = services.publish_version(
        flow_id=flow.pk, note=note, author=person, actor=actor, now=now, revision=revision,
        release=release,
    )  # fmt: skip
    return _redirect_after(request, version, release=release)


def _show_changed_draft(request: HttpRequest, flow: Flow, note: str) -> HttpResponse:
    """Show what would be published now, to be looked at and sent again."""
    fresh, change = flow_or_404(flow.name), find_draft_change(flow)
    if number_in(request.POST.get("revision")) is None:
        why = "The page did not say which revision of the draft it showed."
    else:
        why = f"{change.by if change else 'Somebody'} changed the draft after the page showed it."
    refusal, shown = f"{why} Look at what changes now, then send.", DRAFT.revision_of(fresh)
    return _publish_page(request, fresh, 409, refusal=refusal, note=note, shown=shown)


def _redirect_after(request: HttpRequest, version: FlowVersion, *, release: bool) -> HttpResponse:
    done = "published and released" if release else "published"
    messages.success(request, f"Version {version.number} is {done}.")
    return redirect("flows:flow-detail", version.flow.name)


@requires("flows.publish", scope="flow:name")
@require_POST
def answer_request(request: HttpRequest, name: str, request_id: int) -> HttpResponse:
    """Approve a request to publish, refuse it, or withdraw one's own."""
    flow = flow_or_404(name)
    asked = get_object_or_404(PublishRequest, flow=flow, pk=request_id)
    person, actor, now = user_of(request), actor_of(request), timezone.now()
    try:
        if request.POST.get("answer") == "agree":
            version = approve_request(request_id=asked.pk, author=person, actor=actor, now=now)
            return _redirect_after(request, version, release=asked.release)
        reason = request.POST.get("reason", "").strip()[:2000]
        refuse_request(request_id=asked.pk, reason=reason, author=person, actor=actor, now=now)
    except services.ServiceError as error:
        return _publish_page(request, flow, 409, refusal=f"{error} {error.remedy}")
    own = asked.requested_by_id == person.pk
    messages.info(request, "The request is withdrawn." if own else "The request is refused.")
    return redirect("flows:publish", flow.name)


@requires("flows.publish", scope="flow:name")
@require_POST
def publish_rule(request: HttpRequest, name: str) -> HttpResponse:
    """Demand a second person, or no longer demand one, which only an admin may do."""
    flow = flow_or_404(name)
    demanded = request.POST.get("second_person") == "1"
    if not demanded and not can(request.user, "people.manage"):
        messages.error(request, "Only an admin may decide that one person is enough.")
        return redirect("flows:version-list", flow.name)
    set_second_person(flow=flow, demanded=demanded, actor=actor_of(request), now=timezone.now())
    messages.success(request, f"Publishing {'now' if demanded else 'no longer'} needs two people.")
    return redirect("flows:version-list", flow.name)


@requires("flows.view", scope="flow:name")
@require_GET
def version_list(request: HttpRequest, name: str) -> HttpResponse:
    """Show who published what, when and why, and how many runs each version has."""
    flow = flow_or_404(name)
    versions = list(selectors.list_versions(flow))
    counts = count_runs_by_version(versions)
    movable = count_migratable_runs(flow)
    rows = [
        {"version": each, "runs": counts.get(each.pk, {}), "movable": movable.get(each.pk)}
        for each in versions
    ]
    context = {
        **flow_context(request, flow, "versions"),
        "rows": rows,
        "second_person": demands_second_person(flow),
        "may_demand_less": can(request.user, "people.manage"),
        "may_operate": can(request.user, "runs.operate", flow=flow.name),
    }
    return render(request, "flows/version_list.html", context)


@requires("flows.view", scope="flow:name")
@require_GET
def compare(request: HttpRequest, name: str) -> HttpResponse:
    """Compare two versions, or a version and the draft. ``?a=`` is the older, ``?b=`` the newer."""
    flow = flow_or_404(name)
    versions = list(selectors.list_versions(flow))
    newest = versions[0].number if versions else None
    old = positive_number(request.GET.get("a", "")) or newest
    new = positive_number(request.GET.get("b", ""))
    before, after = _get_documents(flow, old, new)
    context = {
        **flow_context(request, flow, "versions"),
        "versions": versions,
        "old": old,
        "new": new,
        "canvas_query": f"a={old or 0}&b={new or 0}",
        **_compare(before, after),
    }
    return render(request, "flows/version_compare.html", context)


@requires("flows.view", scope="flow:name")
@require_GET
def compare_canvas(request: HttpRequest, name: str) -> JsonResponse:
    """Return ``?a=`` and ``?b=`` as one graph with the differences marked; b=0 is the draft."""
    before, after = _get_documents(
        flow_or_404(name),
        positive_number(request.GET.get("a", "")),
        positive_number(request.GET.get("b", "")),
    )
    return JsonResponse(get_comparison_canvas(before, after))


def _get_documents(flow: Flow, old: int | None, new: int | None) -> tuple[Any, dict[str, Any]]:
    before = version_or_404(flow, old).document if old else None
    return before, version_or_404(flow, new).document if new else normal_form(flow.draft)


@requires("flows.publish", scope="flow:name")
@require_POST
def release(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Let new runs use a version; one older than the present is a rollback."""
    flow = flow_or_404(name)
    version = version_or_404(flow, number)
    before = flow.released
    if before is not None and before.pk == version.pk:
        messages.info(request, f"Version {number} is released already.")
        return redirect("flows:version-list", flow.name)
    try:
        services.release_version(version_id=version.pk, actor=actor_of(request), now=timezone.now())
    except (services.OtherFlowOutOfReach, services.PolicyRefused) as error:
        messages.error(request, f"{error} {error.remedy}")
        return redirect("flows:version-list", flow.name)
    back = f" Release version {before.number} to go back." if before else ""
    messages.success(request, f"New runs use version {number}. Running ones stay on theirs.{back}")
    return redirect("flows:version-list", flow.name)
