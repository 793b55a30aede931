"""The page of the points: what decides where, attaching a policy, and detaching it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from flows.assets.errors import AssetExists, AssetInvalid, AssetUnknown
from flows.assets.models import Asset, PolicyAttachment
from flows.assets.policies.attaching import attach_policy, detach_policy
from flows.policies.points import POINTS
from flows.views.requests import actor_of
from workbench.accounts.gate import requires
from workbench.accounts.permissions import can

UNPROCESSABLE = 422


@requires("policies.view", scope="installation")
@require_GET
def points(request: HttpRequest) -> HttpResponse:
    """Show each point, its input, and the policies that decide there."""
    return _points_page(request)


@requires("people.manage", scope="installation")
@require_POST
def attach(request: HttpRequest) -> HttpResponse:
    """Let a policy's released version decide at a point."""
    given = {
        name: request.POST.get(name, "").strip()[:80]
        for name in ("policy", "point", "flow", "queue")
    }
    try:
        attach_policy(**given, actor=actor_of(request), now=timezone.now())
    except (AssetUnknown, AssetInvalid, AssetExists) as error:
        return _points_page(request, UNPROCESSABLE, refusal=f"{error} {error.remedy}", given=given)
    messages.success(request, f"{given['policy']} now decides there.")
    return redirect("flows:policy-points")


@requires("people.manage", scope="installation")
@require_POST
def detach(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a policy no longer decide at a point. No policy is asked about that."""
    try:
        detach_policy(attachment_id=pk, actor=actor_of(request), now=timezone.now())
    except AssetUnknown as error:
        messages.error(request, f"{error} {error.remedy}")
    else:
        messages.success(request, "The policy no longer decides there.")
    return redirect("flows:policy-points")


def _points_page(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    attached = list(
        PolicyAttachment.objects.select_related("policy__released").order_by("policy__title", "pk")
    )
    rows = [
        {"point": point, "attached": [each for each in attached if each.point == point.name]}
        for point in POINTS.values()
    ]
    released = Asset.objects.filter(kind="policy", archived_at=None).exclude(released=None)
    context = {
        "rows": rows,
        "policies": released.order_by("title"),
        "may_attach": can(request.user, "people.manage"),
        **more,
    }
    return render(request, "flows/policies/points.html", context, status=status)
