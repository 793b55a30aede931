"""Publish a draft as a version, release a version or roll back to it, compare two by word."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows.assets import selectors, services
from flows.assets.editables import make_editable
from flows.assets.errors import (
    AssetDraftChanged,
    AssetInvalid,
    AssetTestsFailed,
    AssetUnchanged,
    OtherPersonNeeded,
)
from flows.assets.kinds import AssetKind, Content, TestBudget, sum_up
from flows.assets.models import Asset
from flows.assets.requests import asset_or_404, make_context, version_or_404
from flows.views.requests import actor_of, positive_number, user_of
from workbench.accounts.permissions import can
from workbench.http.numbers import number_in
from workbench.shell.editing import Edit


@require_http_methods(["GET", "POST"])
def publish(request: HttpRequest, kind: AssetKind, name: str) -> HttpResponse:
    """Show what would change and what prevents it, or publish with a note."""
    asset = asset_or_404(kind, name)
    if request.method == "POST":
        return _publish(request, kind, asset)
    return _publish_page(request, kind, asset)


def _publish(request: HttpRequest, kind: AssetKind, asset: Asset) -> HttpResponse:
    note = request.POST.get("note", "").strip()[:2000]
    shown = number_in(Edit(request, make_editable(kind), asset).revision)
    release_it = request.POST.get("release") == "1"
    if not note:
        error = "Say what changed and why, in a line."
        return _publish_page(request, kind, asset, 422, note_error=error)
    try:
        version = services.publish_asset(
            asset_id=asset.pk, revision=-1 if shown is None else shown, note=note,
            author=user_of(request), actor=actor_of(request), now=timezone.now(),
            release=release_it,
        )  # fmt: skip
    except AssetDraftChanged as error:
        fresh = asset_or_404(kind, asset.name)
        refusal = f"{error} {error.remedy}"
        return _publish_page(
            request, kind, fresh, 409, refusal=refusal, note=note, shown=fresh.draft_revision
        )
    except (AssetInvalid, AssetTestsFailed, AssetUnchanged, OtherPersonNeeded) as error:
        status = 422 if isinstance(error, AssetInvalid | AssetTestsFailed) else 409
        refusal = f"{error} {error.remedy}"
        return _publish_page(request, kind, asset, status, refusal=refusal, note=note)
    done = "published and released" if release_it else "published"
    messages.success(request, f"Version {version.number} is {done}.")
    return redirect(f"flows:{kind.name}-detail", asset.name)


def _publish_page(
    request: HttpRequest, kind: AssetKind, asset: Asset, status: int = 200, **more: Any
) -> HttpResponse:
    newest = asset.versions.order_by("-number").first()
    problems = kind.check(asset.draft)
    results = [] if problems else kind.run_tests(asset.name, asset.draft, TestBudget())
    failed = [each for each in results if each.state == "failed"]
    changes = kind.diff(newest.content if newest else {}, asset.draft)
    context = {
        **make_context(request, kind, asset, "publish"),
        "here": "Publish",
        "newest": newest,
        "next_number": newest.number + 1 if newest else 1,
        "problems": problems,
        "tests": sum_up(results),
        "failed": failed,
        "changes": changes,
        "users": selectors.list_users(asset),
        "may_go": bool(changes) and not problems and not failed,
        "shown": Edit(request, make_editable(kind), asset).revision,
        **more,
    }
    return render(request, "flows/assets/publish.html", context, status=status)


@require_GET
def version_list(request: HttpRequest, kind: AssetKind, name: str) -> HttpResponse:
    """Show who published what, when and why, and which released flows are pinned to each."""
    asset = asset_or_404(kind, name)
    users = selectors.list_users(asset)
    rows = [
        {"version": version, "users": [each for each in users if each.number == version.number]}
        for version in selectors.list_versions(asset)
    ]
    context = {
        **make_context(request, kind, asset, "versions"),
        "rows": rows,
        "may_demand_less": can(request.user, "people.manage"),
    }
    return render(request, "flows/assets/versions.html", context)


@require_GET
def version_detail(request: HttpRequest, kind: AssetKind, name: str, number: int) -> HttpResponse:
    asset = asset_or_404(kind, name)
    version = version_or_404(asset, number)
    context = {
        **make_context(request, kind, asset, "versions"),
        "here": f"Version {number}",
        "version": version,
        "shown": kind.show_found(kind.hide(version.content, request.user), request.GET),
        "users": [each for each in selectors.list_users(asset) if each.number == number],
    }
    return render(request, "flows/assets/version.html", context)


@require_POST
def release(request: HttpRequest, kind: AssetKind, name: str, number: int) -> HttpResponse:
    """Let flows that are published from now on use a version; an older one is a rollback."""
    asset = asset_or_404(kind, name)
    version = version_or_404(asset, number)
    try:
        services.release_version(version_id=version.pk, actor=actor_of(request), now=timezone.now())
    except OtherPersonNeeded as error:
        messages.error(request, f"{error} Ask somebody else to do it.")
    else:
        messages.success(
            request,
            f"Flows that are published from now on use version {number}. Others stay on theirs.",
        )
    return redirect(f"flows:{kind.name}-versions", asset.name)


@require_POST
def release_rule(request: HttpRequest, kind: AssetKind, name: str) -> HttpResponse:
    """Demand a second person for releases, or no longer, which only an admin may do."""
    asset, demanded = asset_or_404(kind, name), request.POST.get("second_person") == "1"
    if not demanded and not can(request.user, "people.manage"):
        messages.error(request, "Only an admin may decide that one person is enough.")
        return redirect(f"flows:{kind.name}-versions", asset.name)
    services.set_second_person(
        asset_id=asset.pk, demanded=demanded, actor=actor_of(request), now=timezone.now()
    )
    messages.success(request, f"Releasing {'now' if demanded else 'no longer'} needs two people.")
    return redirect(f"flows:{kind.name}-versions", asset.name)


@require_GET
def compare(request: HttpRequest, kind: AssetKind, name: str) -> HttpResponse:
    """Compare two versions by word, or a version and the draft. ``?a=`` is the older one."""
    asset = asset_or_404(kind, name)
    versions = selectors.list_versions(asset)
    newest = versions[0].number if versions else None
    old = positive_number(request.GET.get("a", "")) or newest
    new = positive_number(request.GET.get("b", ""))
    before, after = (kind.hide(_get_content(asset, each), request.user) for each in (old, new))
    context = {
        **make_context(request, kind, asset, "versions"),
        "here": "Compare",
        "versions": versions,
        "old": old,
        "new": new,
        "changes": kind.diff({} if old is None else before, after),
    }
    return render(request, "flows/assets/compare.html", context)


def _get_content(asset: Asset, number: int | None) -> Content:
    content: Content = version_or_404(asset, number).content if number else asset.draft
    return content
