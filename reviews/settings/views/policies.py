"""The list of SLA policies, and the page of one with a look at when its steps would come."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from reviews.errors import SettingsInvalid
from reviews.models import SlaPolicy, WorkCalendar
from reviews.rules.sla import find_policy_problems, list_instants, read_plan
from reviews.selectors.acting import make_acting
from reviews.selectors.editables import SLA_POLICY
from reviews.settings.forms.fields import add_problems, format_minutes
from reviews.settings.forms.policies import PolicyForm, StepFormSet, list_targets
from reviews.settings.services.sla import save_sla_policy
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.permissions import can, reach
from workbench.http.rates import limit_previews
from workbench.shell.editing import AlreadyThere, Difference, Edit, join_lines


@require_GET
@requires("queues.view", scope="anywhere")
def policies(request: HttpRequest) -> HttpResponse:
    """List the SLA policies, and the calendars in which they count."""
    context = {
        "policies": [
            {"policy": policy, "due": format_minutes(policy.due_minutes)}
            for policy in SlaPolicy.objects.select_related("calendar").order_by("title")
        ],
        "calendars": WorkCalendar.objects.order_by("name"),
        "may_manage": reach(principal_of(request), "queues.manage").everywhere,
        "may_direct": can(principal_of(request), "queues.manage"),
    }
    return render(request, "reviews/settings/promises.html", context)


@require_http_methods(["GET", "POST"])
@requires("queues.manage", scope="installation")
def policy_new(request: HttpRequest) -> HttpResponse:
    return _policy_page(request, None)


@require_http_methods(["GET", "POST"])
@requires("queues.manage", scope="installation")
def policy_edit(request: HttpRequest, name: str) -> HttpResponse:
    policy = get_object_or_404(SlaPolicy.objects.select_related("calendar"), name=name)
    return _policy_page(request, policy)


def _policy_page(request: HttpRequest, policy: SlaPolicy | None) -> HttpResponse:
    form, steps = _read_forms(request, policy)
    edit = Edit(request, SLA_POLICY, policy)
    if edit.sent and form.is_valid() and steps.is_valid() and _save(edit, form, steps):
        title = form.cleaned_data["title"]
        messages.success(request, f"{title} is saved. Open cases keep theirs.")
        return redirect("reviews:promises")
    edit.compare(form, PolicyForm.initial_of, lambda kept: _compare_steps(kept, steps))
    context = {"form": form, "edit": edit, "steps": steps, "policy": policy}
    return render(request, "reviews/settings/policy.html", context, status=edit.status)


def _save(edit: Edit[SlaPolicy], form: PolicyForm, steps: Any) -> SlaPolicy | None:
    """Save the policy; return None, with the problem on the page, if it does not hold."""
    name = edit.row.name if edit.row else form.new_name()
    values, actor = _values(form, steps), make_acting(principal_of(edit.request)).actor
    try:
        if not name:
            raise AlreadyThere
        return edit.save(
            lambda: save_sla_policy(name=name, values=values, actor=actor, now=timezone.now()),
            name,
        )
    except AlreadyThere:
        form.add_error("title", "There is a policy of that name: choose another title.")
    except SettingsInvalid as error:
        add_problems(form, error.problems, {"name": "title"})
    return None


def _compare_steps(kept: SlaPolicy, steps: Any) -> Difference:
    return Difference(
        "Before it is due",
        join_lines(_write_step(step) for step in kept.steps),
        join_lines(_write_step(step) for each in steps if (step := each.step())),
    )


def _write_step(step: dict[str, Any]) -> str:
    after = format_minutes(step["after_minutes"] or 0)
    return f"{step['act']} after {after} {step.get('to', '')}".strip()


@require_POST
@requires("queues.manage", scope="installation")
@limit_previews
def policy_preview(request: HttpRequest) -> HttpResponse:
    """Show when each act would come for a case that opens now, by the policy as typed so far."""
    form, steps = _read_forms(request, None)
    context: dict[str, Any] = {}
    if form.is_valid() and steps.is_valid():
        values = _values(form, steps)
        context["problems"] = find_policy_problems(values)
        if not context["problems"]:
            context |= _preview_context(values, timezone.now())
    else:
        context["unready"] = True
    return render(request, "reviews/settings/_policy_preview.html", context)


def _read_forms(request: HttpRequest, policy: SlaPolicy | None) -> tuple[PolicyForm, Any]:
    choices = {"to_choices": list_targets()}
    if request.method == "POST":
        return PolicyForm(request.POST), StepFormSet(request.POST, form_kwargs=choices)
    if policy is None:
        warned = [{"act": "warn", "after_minutes": 240}]
        return PolicyForm(), StepFormSet(initial=warned, form_kwargs=choices)
    steps = StepFormSet(initial=policy.steps, form_kwargs=choices)
    return PolicyForm(initial=PolicyForm.initial_of(policy)), steps


def _values(form: PolicyForm, steps: Any) -> dict[str, Any]:
    return {**form.cleaned_data, "steps": [step for each in steps if (step := each.step())]}


def _preview_context(values: dict[str, Any], now: datetime) -> dict[str, Any]:
    calendar = values["calendar"].snapshot()
    plan = read_plan({**values, "policy": "preview", "calendar": calendar})
    return {
        "opened_at": now,
        "rows": [
            {"act": act, "at": at, "after": format_minutes(act.after_seconds / 60)}
            for act, at in list_instants(plan, now)
        ],
        "breach": values["breach"],
        "calendar": values["calendar"],
    }
