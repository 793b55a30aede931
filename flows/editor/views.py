"""The editor: its page, its draft as operations, its inspector."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from flows.editor.inspector import get_inspector_context
from flows.editor.preview import add_values
from flows.graph.model import LANES
from flows.graph.operations import normal_form
from flows.lab.thresholds import list_thresholds
from flows.models import Flow
from flows.selectors import drafts
from flows.selectors.canvas import describe_steps, get_canvas_data, list_touched_steps
from flows.selectors.last_run import get_last_run
from flows.selectors.problems import get_cached_problems
from flows.services import editing
from workbench.accounts.gate import requires
from workbench.accounts.models import User
from workbench.accounts.permissions import can
from workbench.http.numbers import number_in
from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused

Json = Any
MAX_CLIENT_ID = 64
# What nests deeper than a document may is refused by its operation alone; the others are applied.
MAX_OPERATION_DEPTH = 700


class BadRequest(Exception):
    """The request's body is not what this URL takes; the message says what to send."""


# --- Pages and partials -----------------------------------------------------------------------


@require_GET
@requires("flows.view", scope="flow:name")
def editor(request: HttpRequest, name: str) -> HttpResponse:
    flow = get_object_or_404(Flow, name=name)
    may_edit = can(request.user, "flows.edit", flow=name) and flow.archived_at is None
    return render(request, "flows/editor/page.html", {"flow": flow, "may_edit": may_edit})


@require_GET
@requires("flows.view", scope="flow:name")
def inspector(request: HttpRequest, name: str) -> HttpResponse:
    """Show the form of the step ``?step=``, or of the flow itself."""
    flow = get_object_or_404(Flow, name=name)
    may_edit = can(request.user, "flows.edit", flow=name)
    document, step_id = normal_form(flow.draft), request.GET.get("step", "")
    if not step_id:
        context = {"flow": flow, "document": document, "may_edit": may_edit, "lanes": LANES}
        return render(request, "flows/editor/_inspect_flow.html", context)
    if step_id not in document["steps"]:
        raise Http404(f"This flow has no step {step_id}.")
    found = get_inspector_context(document, step_id, get_cached_problems(document), request.user)
    found |= {
        "flow": flow,
        "may_edit": may_edit,
        "suggestions": add_values(found["suggestions"], get_last_run(flow, step_id)),
        "thresholds": [each for each in list_thresholds(document) if each.step == step_id],
    }
    return render(request, "flows/editor/_inspect_step.html", found)


@require_GET
@requires("flows.view", scope="flow:name")
def history(request: HttpRequest, name: str) -> HttpResponse:
    """Show the edits ``?before=`` a revision, of everybody or of ``?author=``."""
    flow = get_object_or_404(Flow, name=name)
    author = number_in(request.GET.get("author"))
    sittings = drafts.list_history(
        flow_id=flow.pk, before=number_in(request.GET.get("before")), author_id=author
    )
    context = {
        "flow": flow,
        "sittings": sittings,
        "authors": drafts.list_authors(flow_id=flow.pk),
        "author": author,
        "oldest": sittings[-1].entries[-1]["revision"] if sittings else 0,
        "may_edit": can(request.user, "flows.edit", flow=name),
    }
    return render(request, "flows/editor/_history.html", context)


# --- The draft as data ------------------------------------------------------------------------


@require_GET
@requires("flows.view", scope="flow:name")
def draft(request: HttpRequest, name: str) -> JsonResponse:
    """Return the document, its revision and what is needed to draw it. Two queries."""
    flow = get_object_or_404(Flow, name=name)
    document = normal_form(flow.draft)
    return JsonResponse({"revision": flow.draft_revision, **get_canvas_data(document)})


@require_GET
@requires("flows.view", scope="flow:name")
def problems(request: HttpRequest, name: str) -> JsonResponse:
    flow = get_object_or_404(Flow, name=name)
    found = get_cached_problems(flow.draft)
    return JsonResponse({"revision": flow.draft_revision, "problems": found})


@require_GET
@requires("flows.view", scope="flow:name")
def list_operations(request: HttpRequest, name: str) -> JsonResponse:
    """Return the edits after revision ``?since=``, and line and ports of the steps they touched."""
    flow = get_object_or_404(Flow, name=name)
    return JsonResponse(list_since(flow, number_in(request.GET.get("since")) or 0))


@require_POST
@requires("flows.edit", scope="flow:name")
def send_operations(request: HttpRequest, name: str) -> JsonResponse:
    """Apply ``{since, operations: [{client_id, op}]}``.

    Answers what became of each, and all operations since that revision, one's own included: their
    order is the server's.
    """
    flow = get_object_or_404(Flow, name=name)
    if flow.archived_at is not None:
        return refuse(409, "This flow is archived.", "Restore it before you edit it.")
    try:
        since, operations = read_operations(request)
        outcomes = editing.apply_operations(
            flow_id=flow.pk, operations=operations, author=author_of(request), now=timezone.now()
        )
    except BadRequest as error:
        return refuse(400, str(error), "See docs/editor.md.")
    except editing.DraftTooLarge:
        return refuse(
            413, "The draft would be too large.", "Move samples or tables out, or use subflows."
        )
    flow.refresh_from_db()
    results = [outcome.as_json() for outcome in outcomes]
    return JsonResponse({**list_since(flow, since), "results": results})


@require_POST
@requires("flows.edit", scope="flow:name")
def restore(request: HttpRequest, name: str) -> HttpResponse:
    """Set the draft back to ``revision``, by one more edit."""
    flow = get_object_or_404(Flow, name=name)
    revision = request.POST.get("revision", "")
    try:
        editing.restore_draft(
            flow_id=flow.pk, revision=int(revision), client_id=f"restore-{timezone.now():%H%M%S%f}",
            author=author_of(request), now=timezone.now(),
        )  # fmt: skip
    except (ValueError, drafts.RevisionUnknown):
        return refuse(404, f"The draft has no revision {revision}.", "Choose one from the list.")
    return HttpResponse(status=204)


# --- Reading requests -------------------------------------------------------------------------


def list_since(flow: Flow, since: int) -> dict[str, Json]:
    """Return the operations after a revision, with line and ports of the steps they touched."""
    operations = drafts.list_operations(flow_id=flow.pk, since=since)
    touched = {step for each in operations for step in list_touched_steps(each["op"])}
    reached = operations[-1]["revision"] if operations else flow.draft_revision
    return {
        "revision": reached,
        "more": reached < flow.draft_revision,
        "operations": operations,
        "faces": describe_steps(flow.draft, touched),
    }


def read_operations(request: HttpRequest) -> tuple[int, list[dict[str, Json]]]:
    """Return ``since`` and the operations of the request. Raises: BadRequest."""
    try:
        data = read_json(request.body, max_depth=MAX_OPERATION_DEPTH)
        since, operations = data["since"], data["operations"]
    except ValueRefused as error:
        raise BadRequest(str(error)) from None
    except (KeyError, TypeError):
        raise BadRequest("Send JSON: {since, operations: [{client_id, op}]}.") from None
    if not isinstance(since, int) or not isinstance(operations, list):
        raise BadRequest("`since` is a revision and `operations` a list.")
    if len(operations) > drafts.MAX_OPERATIONS:
        raise BadRequest(f"Send at most {drafts.MAX_OPERATIONS} operations at a time.")
    for each in operations:
        client_id = each.get("client_id") if isinstance(each, dict) else None
        if not isinstance(client_id, str) or not 0 < len(client_id) <= MAX_CLIENT_ID:
            raise BadRequest("Each operation is {client_id, op}; client_id has 1 to 64 letters.")
        if "op" not in each:
            raise BadRequest(f"Operation {client_id} has no `op`.")
    return since, operations


def author_of(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def refuse(status: int, message: str, remedy: str) -> JsonResponse:
    return JsonResponse({"message": message, "remedy": remedy}, status=status)
