"""The pages of connections: the list, one with its card and its health, its form, trying it."""

import json
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows.connections import services
from flows.connections.adapters.contract import Adapter, find_adapter, list_adapters
from flows.connections.editables import CONNECTION
from flows.connections.forms import ConnectionForm
from flows.connections.health import read_health
from flows.connections.models import Connection
from flows.connections.selectors import (
    ConnectionRow,
    describe,
    get_connection,
    list_released_users,
    list_rows,
)
from flows.connections.settings import settings_of
from flows.connections.trying import Trial, make_sample, try_connection
from flows.views.requests import actor_of
from workbench.accounts.gate import requires
from workbench.accounts.permissions import can
from workbench.http.rates import limit_model_tries
from workbench.secrets.services import SecretInvalid, SecretUnknown, get_secret, set_secret
from workbench.secrets.uses import connection_use
from workbench.shell.editing import AlreadyThere, Edit, warn_of_conflict
from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused

Json = Any
MANAGE = "connections.manage"


# --- Looking ---------------------------------------------------------------------------


@requires("connections.view", scope="installation")
@require_GET
def connection_list(request: HttpRequest) -> HttpResponse:
    return render(request, "connections/list.html", _list_context(request))


@requires("connections.view", scope="installation")
@require_GET
def connection_rows(request: HttpRequest) -> HttpResponse:
    return render(request, "connections/_rows.html", _list_context(request))


@requires("connections.view", scope="installation")
@require_GET
def connection_detail(request: HttpRequest, name: str) -> HttpResponse:
    return _detail_page(request, _find(name))


def _list_context(request: HttpRequest) -> dict[str, Any]:
    return {"rows": list_rows(timezone.now()), "may_manage": can(request.user, MANAGE)}


def _find(name: str) -> Connection:
    row = get_connection(name)
    if row is None:
        raise Http404(f"There is no connection {name}.")
    return row


def _detail_page(
    request: HttpRequest, row: Connection, status: int = 200, **more: Any
) -> HttpResponse:
    now = timezone.now()
    shown: ConnectionRow = describe(row, read_health([row], now)[row.name], now)
    context = {
        "row": shown,
        "connection": row,
        "used_by": list_released_users(row.name),
        "settings": settings_of(row),
        "revision": CONNECTION.revision_of(row),
        "may_manage": can(request.user, MANAGE),
        "sample": json.dumps(make_sample(row.input_schema), indent=2, ensure_ascii=False),
        **more,
    }
    return render(request, "connections/detail.html", context, status=status)


# --- Trying ----------------------------------------------------------------------------


@requires("connections.manage", scope="installation")
@require_POST
@limit_model_tries
def connection_try(request: HttpRequest, name: str) -> HttpResponse:
    """Ask the model once; answer with what came of it, as a part of its page or as the page."""
    row, text = _find(name), request.POST.get("input", "")
    trial, status = _try(request, row, text)
    context = {"trial": trial, "sample": text}
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "connections/_trial.html", {"connection": row, **context})
    return _detail_page(request, row, status=status, **context)


def _try(request: HttpRequest, row: Connection, text: str) -> tuple[Trial, int]:
    try:
        given = read_json(text)
    except ValueRefused as error:
        return Trial(error=f"The sample is not JSON: {error}", error_kind="input"), 422
    actor, now = actor_of(request), timezone.now()
    return try_connection(connection=row, sample=given, actor=actor, now=now), 200


# --- Changing --------------------------------------------------------------------------


@requires("connections.manage", scope="installation")
@require_GET
def connection_kinds(request: HttpRequest) -> HttpResponse:
    """Show the kinds of connections, to choose one for a new connection."""
    return render(request, "connections/kinds.html", {"kinds": list_adapters()})


@requires("connections.manage", scope="installation")
@never_cache
@sensitive_post_parameters("secret_value")
@require_http_methods(["GET", "POST"])
def connection_new(request: HttpRequest, kind: str) -> HttpResponse:
    """Show the form of a new connection, or add it. ``?copy=`` fills it in from another one."""
    adapter = find_adapter(kind)
    if adapter is None:
        raise Http404(f"There is no kind of connection {kind}.")
    return _form_page(request, adapter, None, get_connection(request.GET.get("copy", "")))


@requires("connections.manage", scope="installation")
@never_cache
@sensitive_post_parameters("secret_value")
@require_http_methods(["GET", "POST"])
def connection_edit(request: HttpRequest, name: str) -> HttpResponse:
    row = _find(name)
    adapter = find_adapter(row.kind)
    if adapter is None:
        raise Http404(f"The kind {row.kind} of {name} is not installed here.")
    return _form_page(request, adapter, row)


@requires("connections.manage", scope="installation")
@require_POST
def connection_switch(request: HttpRequest, name: str) -> HttpResponse:
    enabled = request.POST.get("enabled") == "1"
    try:
        services.set_connection_enabled(
            name=name, enabled=enabled, actor=actor_of(request), now=timezone.now()
        )
    except services.ConnectionUnknown as error:
        raise Http404(error.message) from error
    except services.ConnectionInvalid as error:
        messages.error(request, f"It is still off. {error.message}")
    return redirect("flows:connection-detail", name)


@requires("connections.manage", scope="installation")
@require_POST
def connection_remove(request: HttpRequest, name: str) -> HttpResponse:
    row = _find(name)
    actor, edit = actor_of(request), Edit(request, CONNECTION, row)
    try:
        edit.save(lambda: services.remove_connection(name=name, actor=actor, now=timezone.now()))
    except services.ConnectionInUse as error:
        messages.error(request, f"{row.title} is not removed. {error.message} {error.remedy}")
        return redirect("flows:connection-detail", name)
    if edit.conflict is not None:
        warn_of_conflict(edit, f"{row.title} is not removed.")
        return redirect("flows:connection-detail", name)
    messages.success(request, f"{row.title} is removed. Its secret stays.")
    return redirect("flows:connection-list")


def _form_page(
    request: HttpRequest, adapter: Adapter, row: Connection | None, like: Connection | None = None
) -> HttpResponse:
    source = row or like
    initial = ConnectionForm.initial_of(source) if source else {}
    if row is None:
        # A copy is another model's: it has a name and a key of its own.
        initial |= {"title": "", "secret_name": "", "name": ""}
    form = ConnectionForm(request.POST or None, initial=initial, adapter=adapter, row=row)
    edit = Edit(request, CONNECTION, row)
    if edit.sent and form.is_valid() and (saved := _save(edit, form)) is not None:
        messages.success(request, f"{saved.title} is saved.")
        return redirect("flows:connection-detail", saved.name)
    edit.compare(
        form,
        ConnectionForm.initial_of,
        lambda kept: form.options.compare(kept.options),
    )
    context = {
        "form": form,
        "edit": edit,
        "adapter": adapter,
        "connection": row,
        "secret": _describe_secret(row),
        "like": like,
    }
    return render(request, "connections/form.html", context, status=edit.status)


def _save(edit: Edit[Connection], form: ConnectionForm) -> Connection | None:
    """Save the connection; return None, with the problems on the page, if it does not hold."""
    name = edit.row.name if edit.row else form.new_name()
    key, secret_name = form.cleaned_data["secret_value"], form.cleaned_data["secret_name"]
    if key and not secret_name:
        secret_name = f"connection_{name.replace('-', '_')}"
    settings = form.read_settings(secret_name)
    if settings is None:
        return None
    if key and not can(edit.request.user, "secrets.manage"):
        form.add_error("secret_value", "Setting a secret needs secrets.manage.")
        return None

    def write() -> Connection:
        actor, now = actor_of(edit.request), timezone.now()
        if key:
            uses = None if _exists(secret_name) else [connection_use(name)]
            set_secret(name=secret_name, value=key, uses=uses, actor=actor, now=now)
        return services.save_connection(name=name, settings=settings, actor=actor, now=now)

    try:
        return edit.save(write, name)
    except AlreadyThere:
        form.add_problem("name", "There is a connection of that name: choose another.")
    except SecretInvalid as error:
        form.add_problem("secret_value", str(error))
    except services.ConnectionInvalid as error:
        for field, message in error.problems.items():
            form.add_problem(field, message)
    return None


def _exists(secret: str) -> bool:
    try:
        get_secret(secret)
    except SecretUnknown:
        return False
    return True


def _describe_secret(row: Connection | None) -> Any:
    """Return what may be shown of the connection's secret: its name, who set it and when."""
    if row is None or not row.secret_name:
        return None
    try:
        return get_secret(row.secret_name)
    except SecretUnknown:
        return None
