"""A flow's triggers: list them, add one, edit it, turn it on or off, delete it."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows.models import Flow
from flows.triggers import services
from flows.triggers.editables import TRIGGER
from flows.triggers.forms import FORMS, TriggerForm
from flows.triggers.models import Trigger, TriggerKind
from flows.triggers.selectors import list_firings, list_triggers
from flows.views.requests import actor_of, flow_context, flow_or_404
from workbench.accounts.gate import requires
from workbench.shell.editing import Edit, warn_of_conflict

ICONS = {
    TriggerKind.WEBHOOK: "webhook",
    TriggerKind.SCHEDULE: "calendar-clock",
    TriggerKind.EVENT: "signal",
    TriggerKind.FLOW: "workflow",
}
KINDS = [
    (TriggerKind.WEBHOOK, "Another system sends a signed message."),
    (TriggerKind.SCHEDULE, "At times of a calendar, in a time zone."),
    (TriggerKind.EVENT, "Something happened: a CloudEvent, or a step that emits an event."),
    (TriggerKind.FLOW, "A run of another flow ends."),
]


@requires("flows.view", scope="flow:name")
@require_GET
def trigger_list(request: HttpRequest, name: str) -> HttpResponse:
    return render(request, "flows/triggers/list.html", _list_context(request, flow_or_404(name)))


@requires("flows.view", scope="flow:name")
@require_GET
def trigger_rows(request: HttpRequest, name: str) -> HttpResponse:
    return render(request, "flows/triggers/_rows.html", _list_context(request, flow_or_404(name)))


@requires("flows.publish", scope="flow:name")
@never_cache
@require_http_methods(["GET", "POST"])
def trigger_add(request: HttpRequest, name: str, kind: str) -> HttpResponse:
    """Show the form of a new trigger, or add it. A webhook's secret is shown once, after that."""
    flow = flow_or_404(name)
    if kind not in FORMS:
        raise Http404(f"There is no trigger of kind {kind}.")
    form = FORMS[kind](request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            added = services.create_trigger(
                flow=flow,
                kind=kind,
                title=form.cleaned_data["title"],
                config=form.config(),
                input=form.cleaned_data["input"],
                actor=actor_of(request),
                now=timezone.now(),
            )
        except services.TriggerInvalid as error:
            form.add_error(error.field if error.field in form.fields else None, error.message)
        else:
            if added.secret:
                return _secret_page(request, flow, added)
            messages.success(request, f"{added.trigger.title} is on.")
            return redirect("flows:trigger-list", flow.name)
    return _form_page(request, flow, form, kind, Edit(request, TRIGGER, None))


@requires("flows.publish", scope="flow:name")
@require_http_methods(["GET", "POST"])
def trigger_edit(request: HttpRequest, name: str, trigger_id: int) -> HttpResponse:
    flow, trigger = _find_trigger(name, trigger_id)
    form_class = FORMS[trigger.kind]
    posted = request.POST if request.method == "POST" else None
    form = form_class(posted, initial=form_class.initial_of(trigger))
    edit = Edit(request, TRIGGER, trigger)
    if edit.sent and form.is_valid() and _change(edit, trigger, form):
        messages.success(request, f"{form.cleaned_data['title']} is saved.")
        return redirect("flows:trigger-list", flow.name)
    edit.compare(form, form_class.initial_of)
    return _form_page(request, flow, form, trigger.kind, edit)


def _change(edit: Edit[Trigger], trigger: Trigger, form: TriggerForm) -> Trigger | None:
    """Save the trigger; return None, with the problem on the page, if it does not hold."""
    try:
        return edit.save(
            lambda: services.change_trigger(
                trigger_id=trigger.pk,
                title=form.cleaned_data["title"],
                config=form.config(),
                input=form.cleaned_data["input"],
                actor=actor_of(edit.request),
                now=timezone.now(),
            )
        )
    except services.TriggerInvalid as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
    return None


@requires("flows.publish", scope="flow:name")
@require_POST
def trigger_switch(request: HttpRequest, name: str, trigger_id: int) -> HttpResponse:
    flow, trigger = _find_trigger(name, trigger_id)
    try:
        services.set_trigger_enabled(
            trigger_id=trigger.pk,
            enabled=request.POST.get("enabled") == "1",
            actor=actor_of(request),
            now=timezone.now(),
        )
    except services.TriggerInvalid as error:
        messages.error(request, error.message)
    return redirect("flows:trigger-list", flow.name)


@requires("flows.publish", scope="flow:name")
@require_POST
def trigger_delete(request: HttpRequest, name: str, trigger_id: int) -> HttpResponse:
    flow, trigger = _find_trigger(name, trigger_id)
    actor, edit = actor_of(request), Edit(request, TRIGGER, trigger)
    edit.save(
        lambda: services.delete_trigger(trigger_id=trigger.pk, actor=actor, now=timezone.now())
    )
    if edit.conflict is not None:
        warn_of_conflict(edit, f"{trigger.title} is not removed.")
        return redirect("flows:trigger-edit", flow.name, trigger.pk)
    messages.success(request, f"{trigger.title} is removed. The runs it started stay.")
    return redirect("flows:trigger-list", flow.name)


def _list_context(request: HttpRequest, flow: Flow) -> dict[str, Any]:
    return {
        **flow_context(request, flow, "triggers"),
        "here": "Triggers",
        "rows": [
            {"trigger": row.trigger, "last": row.last, "icon": ICONS[TriggerKind(row.trigger.kind)],
             "url": _webhook_url(row.trigger)}
            for row in list_triggers(flow)
        ],
        "firings": list_firings(flow),
        "kinds": [
            {"kind": kind.value, "label": kind.label, "text": text, "icon": ICONS[kind]}
            for kind, text in KINDS
        ],
    }  # fmt: skip


def _webhook_url(trigger: Trigger) -> str:
    is_webhook = trigger.kind == TriggerKind.WEBHOOK
    return f"{settings.SITE_URL}/hooks/{trigger.public_id}/" if is_webhook else ""


def _form_page(
    request: HttpRequest, flow: Flow, form: Any, kind: str, edit: Edit[Trigger]
) -> HttpResponse:
    trigger = edit.row
    context = {
        **flow_context(request, flow, "triggers"),
        "here": "Triggers",
        "form": form,
        "edit": edit,
        "kind": TriggerKind(kind),
        "icon": ICONS[TriggerKind(kind)],
        "trigger": trigger,
        "url": _webhook_url(trigger) if trigger else "",
    }
    return render(request, "flows/triggers/form.html", context, status=edit.status)


def _secret_page(request: HttpRequest, flow: Flow, added: services.AddedTrigger) -> HttpResponse:
    context = {
        **flow_context(request, flow, "triggers"),
        "here": "Triggers",
        "trigger": added.trigger,
        "secret": added.secret,
        "url": _webhook_url(added.trigger),
    }
    return render(request, "flows/triggers/secret.html", context)


def _find_trigger(name: str, trigger_id: int) -> tuple[Flow, Trigger]:
    flow = flow_or_404(name)
    trigger = Trigger.objects.filter(pk=trigger_id, flow=flow).first()
    if trigger is None:
        raise Http404(f"Flow {name} has no trigger {trigger_id}.")
    return flow, trigger
