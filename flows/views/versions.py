"""Versions: publish the draft, release one, compare two."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows import selectors, services
from flows.faces import list_problems
from flows.graph.codec import parse
from flows.graph.operations import normal_form
from flows.graph.problems import DocumentError
from flows.models import Flow
from flows.runtime.flow_tests import run_flow_tests
from flows.selectors.changes import text_changes
from flows.selectors.flows import version_run_counts
from flows.views.flows import flow_context
from flows.views.requests import (
    actor_of,
    flow_or_404,
    positive_number,
    user_of,
    version_or_404,
)
from workbench.accounts.permissions import requires


@requires("flows.publish", flow="name")
@require_http_methods(["GET", "POST"])
def publish(request: HttpRequest, name: str) -> HttpResponse:
    """What would change, what stands in the way, and the note that goes with it."""
    flow = flow_or_404(name)
    if request.method == "POST":
        return _publish(request, flow)
    return _publish_page(request, flow)


def _publish_page(request: HttpRequest, flow: Flow, status: int = 200, **more: Any) -> HttpResponse:
    problems = list_problems(flow.draft)
    newest = flow.versions.order_by("-number").first()
    changes = text_changes(newest.document if newest else None, normal_form(flow.draft))
    errors = [each for each in problems if each["severity"] == "error"]
    tests = [] if errors else run_flow_tests(parse(flow.draft), now=timezone.now())
    failed = [each for each in tests if not each.passed]
    context = {
        **flow_context(request, flow, "publish"),
        "here": "Publish",
        "errors": errors,
        "warnings": [each for each in problems if each["severity"] != "error"],
        "changes": changes,
        "newest": newest,
        "next_number": newest.number + 1 if newest else 1,
        "tests": tests,
        "failed_tests": failed,
        "may_go": bool(changes) and not errors and not failed,
        **more,
    }
    return render(request, "flows/publish.html", context, status=status)


def _publish(request: HttpRequest, flow: Flow) -> HttpResponse:
    note = request.POST.get("note", "").strip()[:2000]
    release = request.POST.get("release") == "1"
    if not note:
        return _publish_page(request, flow, 422, note_error="Say what changed and why, in a line.")
    try:
        version = services.publish_version(
            flow_id=flow.pk, note=note, author=user_of(request), actor=actor_of(request),
            now=timezone.now(), release=release,
        )  # fmt: skip
    except (services.NothingChanged, services.DraftChanged) as error:
        return _publish_page(request, flow, 409, refusal=f"{error} {error.remedy}", note=note)
    except (services.FlowInvalid, services.FlowTestsFailed, DocumentError):
        return _publish_page(request, flow, 422, note=note)
    done = "published and released" if release else "published"
    messages.success(request, f"Version {version.number} is {done}.")
    return redirect("flows:flow-detail", flow.name)


@requires("flows.view", flow="name")
@require_GET
def version_list(request: HttpRequest, name: str) -> HttpResponse:
    """Who published what, when and why, and what runs on it."""
    flow = flow_or_404(name)
    versions = list(selectors.list_versions(flow))
    counts = version_run_counts(versions)
    rows = [{"version": each, "runs": counts.get(each.pk, {})} for each in versions]
    context = {**flow_context(request, flow, "versions"), "rows": rows}
    return render(request, "flows/version_list.html", context)


@requires("flows.view", flow="name")
@require_GET
def compare(request: HttpRequest, name: str) -> HttpResponse:
    """Two versions, or a version and the draft, side by side. ``a`` is the older."""
    flow = flow_or_404(name)
    versions = list(selectors.list_versions(flow))
    newest = versions[0].number if versions else None
    old = positive_number(request.GET.get("a", "")) or newest
    new = positive_number(request.GET.get("b", ""))
    before = version_or_404(flow, old).document if old else None
    after = version_or_404(flow, new).document if new else normal_form(flow.draft)
    context = {
        **flow_context(request, flow, "versions"),
        "versions": versions,
        "old": old,
        "new": new,
        "changes": text_changes(before, after),
    }
    return render(request, "flows/version_compare.html", context)


@requires("flows.publish", flow="name")
@require_POST
def release(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Make new runs use a version; an older one than now is a rollback."""
    flow = flow_or_404(name)
    version = version_or_404(flow, number)
    before = flow.released
    if before is not None and before.pk == version.pk:
        messages.info(request, f"Version {number} is released already.")
        return redirect("flows:version-list", flow.name)
    services.release_version(version_id=version.pk, actor=actor_of(request), now=timezone.now())
    back = f" Release version {before.number} to go back." if before else ""
    messages.success(request, f"New runs use version {number}. Running ones stay on theirs.{back}")
    return redirect("flows:version-list", flow.name)
