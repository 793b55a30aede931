"""The draft as text."""

from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from flows import services
from flows.graph.codec import parse, to_mapping
from flows.graph.operations import OperationRefused, normal_form
from flows.graph.problems import DocumentError
from flows.models import Flow
from flows.selectors.changes import list_line_changes, to_text
from flows.selectors.drafts import RevisionUnknown, get_draft_at
from flows.selectors.editables import DRAFT
from flows.selectors.problems import list_problems
from flows.services.editing import DraftTooLarge
from flows.views.requests import flow_context, flow_or_404, user_of
from workbench.accounts.gate import requires
from workbench.accounts.permissions import can
from workbench.shell.editing import Edit

TOO_LARGE = "The draft would be too large. Move samples or tables out, or use subflows."


@requires("flows.view", scope="flow:name")
@require_http_methods(["GET", "POST"])
def draft_text(request: HttpRequest, name: str) -> HttpResponse:
    """Show the draft as YAML beside its problems, or save it."""
    flow = flow_or_404(name)
    if request.method == "POST":
        return _save_text(request, flow)
    edit = Edit(request, DRAFT, flow)
    return _text_page(edit, flow, to_text(flow.draft), list_problems(flow.draft), edit.status)


def _text_page(
    edit: Edit[Flow], flow: Flow, text: str, problems: list[Any], status: int, **more: Any
) -> HttpResponse:
    context = {
        **flow_context(edit.request, flow, "text"),
        "edit": edit,
        "text": text,
        "problems": problems,
        **more,
    }
    return render(edit.request, "flows/draft_text.html", context, status=status)


def _save_text(request: HttpRequest, flow: Flow) -> HttpResponse:
    if not can(request.user, "flows.edit", flow=flow.name):
        raise PermissionDenied(f"This needs the permission flows.edit for {flow.name}.")
    text, edit = request.POST.get("text", ""), Edit(request, DRAFT, flow)
    try:
        document = to_mapping(parse(text))
    except DocumentError as error:
        return _text_page(edit, flow, text, _list_fields(error.problems), 422, unsaved=True)
    document["name"] = flow.name
    try:
        edit.save(
            lambda: services.save_draft(
                flow_id=flow.pk, document=document, author=user_of(request), now=timezone.now()
            )
        )
    except OperationRefused as error:
        refusal = f"{error.message} {error.remedy}"
        return _text_page(edit, flow, text, [], 422, refusal=refusal)
    except DraftTooLarge:
        return _text_page(edit, flow, text, [], 413, refusal=TOO_LARGE)
    if edit.conflict is not None:
        found = _compare(edit, document)
        return _text_page(edit, flow, text, list_problems(document), edit.status, **found)
    messages.success(request, "Draft saved. Its earlier state is in the editor's history.")
    return redirect("flows:draft-text", flow.name)


def _compare(edit: Edit[Flow], document: dict[str, Any]) -> dict[str, Any]:
    """Return what others changed since the text was shown, and what saving it would change."""
    kept = edit.conflict.row if edit.conflict else None
    if kept is None:
        return {}
    saved = normal_form(kept.draft)
    with suppress(RevisionUnknown, ValueError):
        shown = get_draft_at(flow_id=kept.pk, revision=int(edit.revision))
        return {
            "their_changes": list_line_changes(shown, saved),
            "my_changes": list_line_changes(shown, document),
        }
    return {"my_changes": list_line_changes(saved, document)}


def _list_fields(problems: Any) -> list[dict[str, Any]]:
    fields = ("severity", "code", "step", "field", "message", "remedy", "line")
    return [{name: getattr(each, name) for name in fields} for each in problems]
