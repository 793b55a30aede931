"""Start a run by hand: with a form made from the flow's input schema, or with JSON."""

import json
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from flows import services
from flows.documents.errors import Unreadable
from flows.engine.lanes import PRIORITY, Lane
from flows.models import Flow
from flows.runtime.artifacts import ArtifactTooLarge
from flows.services.run_keys import read_form_key
from flows.services.uploads import upload_form_file
from flows.views.requests import actor_of, flow_context, flow_or_404, user_of
from flows.views.schema_form import SchemaForm, schema_errors
from workbench.accounts.gate import requires
from workbench.http.rates import UploadsTooMany
from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused

Json = Any


@requires("runs.start", scope="flow:name")
@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, name: str) -> HttpResponse:
    """Show the form, or start the run. ``?sample=`` fills it in, ``?mode=json`` makes it text."""
    flow = flow_or_404(name)
    if flow.released is None:
        return _page(request, flow, SchemaForm({}), "form", status=200)
    document = flow.released.document
    if request.method == "POST":
        return _start(request, flow, document)
    samples = document.get("samples") or {}
    sample = samples.get(request.GET.get("sample", ""))
    form = SchemaForm(document.get("input") or {}, sample, timezone.get_current_timezone())
    mode = "json" if request.GET.get("mode") == "json" or not form.is_plain else "form"
    text = json.dumps(sample if sample is not None else {}, indent=2, ensure_ascii=False)
    return _page(request, flow, form, mode, text=text)


def _start(request: HttpRequest, flow: Flow, document: Json) -> HttpResponse:
    mode = "json" if request.POST.get("mode") == "json" else "form"
    text, schema = request.POST.get("text", ""), document.get("input") or {}
    form = SchemaForm(schema, zone=timezone.get_current_timezone())
    if mode == "form":
        try:
            posted = _take_files(request, form)
        except (ArtifactTooLarge, Unreadable, UploadsTooMany) as error:
            return _page(request, flow, form, mode, refusal=str(error), status=422)
        value, errors = form.read(posted), [each.message for each in form.errors]
    else:
        value, errors = _read_text(schema, text)
    shown: dict[str, Any] = {"form": form, "mode": mode, "text": text}
    if errors:
        return _page(request, flow, **shown, text_errors=errors, status=422)
    try:
        started = services.start_run(
            flow=flow, input=value, actor=actor_of(request), now=timezone.now(), trigger="manual",
            idempotency_key=read_form_key(request.POST.get("key", ""), "form"),
            priority=PRIORITY[Lane.INTERACTIVE],
        )  # fmt: skip
    except services.IdempotencyKeyReused as error:
        refusal = f"This form has started run {error.run_id}. Send it again to start another run."
        return _page(request, flow, **shown, refusal=refusal, key=_new_key(), status=422)
    except services.ServiceError as error:
        status = 413 if isinstance(error, services.InputTooLarge) else 422
        return _page(request, flow, **shown, refusal=f"{error} {error.remedy}", status=status)
    messages.success(request, f"Run {started.run.pk} started.")
    return redirect("flows:run-detail", started.run.pk)


def _take_files(request: HttpRequest, form: SchemaForm) -> dict[str, str]:
    """Return what was posted, with references in the place of files that came with the form.

    A page whose script runs has uploaded them before. Raises: ArtifactTooLarge,
    Unreadable, UploadsTooMany.
    """
    posted = request.POST.dict()
    for each in form.list_file_fields():
        each.value = posted.get(each.name, "")
        kept = each.references if each.many else []
        new = [
            upload_form_file(
                file, user=user_of(request), actor=actor_of(request), now=timezone.now()
            )
            for file in request.FILES.getlist(each.files_name)
        ]
        if new:
            posted[each.name] = json.dumps([*kept, *new])
    return posted


def _read_text(schema: Json, text: str) -> tuple[Json, list[str]]:
    try:
        value = read_json(text)
    except ValueRefused as error:
        return None, [str(error)]
    found = schema_errors(schema, value) if schema else []
    return value, [
        f"{'.'.join(map(str, path)) or 'The input'}: {message}" for path, message in found
    ]


def _new_key() -> str:
    return f"form-{uuid4()}"


def _page(
    request: HttpRequest, flow: Flow, form: SchemaForm, mode: str, *, status: int = 200, **more: Any
) -> HttpResponse:
    document = flow.released.document if flow.released else {}
    context = {
        **flow_context(request, flow, "start"),
        "here": "Start a run",
        "form": form,
        "mode": mode,
        "has_files": bool(form.list_file_fields()),
        "samples": document.get("samples") or {},
        "sample": request.GET.get("sample", ""),
        # Sent with the form, so that sending it twice starts one run.
        "key": request.POST.get("key") or _new_key(),
        **more,
    }
    return render(request, "flows/start.html", context, status=status)
