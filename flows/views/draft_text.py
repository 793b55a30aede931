"""The draft as text."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from flows import services
from flows.graph.codec import parse, to_mapping
from flows.graph.operations import OperationRefused
from flows.graph.problems import DocumentError
from flows.models import Flow
from flows.selectors.changes import to_text
from flows.selectors.problems import list_problems
from flows.services.editing import DraftTooLarge
from flows.views.requests import flow_context, flow_or_404, user_of
from workbench.accounts.gate import requires
from workbench.accounts.permissions import can

TOO_LARGE = "The draft would be too large. Move samples or tables out, or use subflows."


@requires("flows.view", scope="flow:name")
@require_http_methods(["GET", "POST"])
def draft_text(request: HttpRequest, name: str) -> HttpResponse:
    """Show the draft as YAML beside its problems, or save it."""
    flow = flow_or_404(name)
    if request.method == "POST":
        return _save_text(request, flow)
    text = to_text(flow.draft)
    return _text_page(request, flow, text, list_problems(flow.draft))


def _text_page(
    request: HttpRequest, flow: Flow, text: str, problems: list[Any], status: int = 200, **more: Any
) -> HttpResponse:
    context = {
        **flow_context(request, flow, "text"),
        "text": text,
        "revision": flow.draft_revision,
        "problems": problems,
        **more,
    }
    return render(request, "flows/draft_text.html", context, status=status)


def _save_text(request: HttpRequest, flow: Flow) -> HttpResponse:
    if not can(request.user, "flows.edit", flow=flow.name):
        raise PermissionDenied(f"This needs the permission flows.edit for {flow.name}.")
    text = request.POST.get("text", "")
    try:
        document = to_mapping(parse(text))
    except DocumentError as error:
        return _text_page(request, flow, text, _list_fields(error.problems), 422, unsaved=True)
    if request.POST.get("revision") != str(flow.draft_revision) and not request.POST.get("anyway"):
        return _text_page(request, flow, text, list_problems(document), 409, conflict=True)
    document["name"] = flow.name
    try:
        services.save_draft(
            flow_id=flow.pk, document=document, author=user_of(request), now=timezone.now()
        )
    except OperationRefused as error:
        refusal = f"{error.message} {error.remedy}"
        return _text_page(request, flow, text, [], 422, refusal=refusal)
    except DraftTooLarge:
        return _text_page(request, flow, text, [], 413, refusal=TOO_LARGE)
    messages.success(request, "Draft saved. Its earlier state is in the editor's history.")
    return redirect("flows:draft-text", flow.name)


def _list_fields(problems: Any) -> list[dict[str, Any]]:
    fields = ("severity", "code", "step", "field", "message", "remedy", "line")
    return [{name: getattr(each, name) for name in fields} for each in problems]
