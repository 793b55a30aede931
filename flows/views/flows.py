"""Flows: the list, making one, its page, its draft as text."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows import selectors, services
from flows.graph.codec import parse, to_mapping
from flows.graph.model import Document
from flows.graph.operations import OperationRefused, normal_form
from flows.graph.problems import DocumentError
from flows.models import Flow, RunStatus
from flows.selectors.canvas import get_canvas_data
from flows.selectors.changes import document_text
from flows.selectors.examples import list_examples
from flows.selectors.problems import list_problems
from flows.selectors.run_filters import RunFilters
from flows.services.editing import DraftTooLarge
from flows.views.requests import actor_of, flow_context, flow_or_404, user_of, version_or_404
from workbench.accounts.gate import requires
from workbench.accounts.permissions import Reach, can, reach

PAGE_SIZE = 50
RECENT_RUNS = 8
STATE_ORDER = [
    RunStatus.RUNNING,
    RunStatus.FAILED,
    RunStatus.COMPLETED,
    RunStatus.PAUSED,
    RunStatus.CANCELLED,
]

# --- The list ---------------------------------------------------------------------


@requires("flows.view")
@require_GET
def flow_list(request: HttpRequest) -> HttpResponse:
    return render(request, "flows/flow_list.html", _list_context(request))


@requires("flows.view")
@require_GET
def flow_rows(request: HttpRequest) -> HttpResponse:
    return render(request, "flows/_flow_rows.html", _list_context(request))


def _list_context(request: HttpRequest) -> dict[str, Any]:
    text = request.GET.get("q", "").strip()[:100]
    archived = request.GET.get("archived") == "1"
    rows = selectors.list_flows(
        within=reach(request.user, "flows.view"), now=timezone.now(), text=text, archived=archived
    )
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    return {
        "rows": page,
        "text": text,
        "archived": archived,
        "query": request.GET.urlencode(),
        "state_order": STATE_ORDER,
        "may_edit": can(request.user, "flows.edit"),
    }


# --- Making one -------------------------------------------------------------------


@requires("flows.edit")
@require_http_methods(["GET", "POST"])
def flow_create(request: HttpRequest) -> HttpResponse:
    """Start a flow: blank, from an example, or from text."""
    if request.method == "POST":
        return _create(request)
    start = request.GET.get("from", "")
    example = list_examples().get(start)
    values = {"title": example.document.title, "name": example.document.name} if example else {}
    return _create_page(
        request, values | {"from": start if example else request.GET.get("from", "blank")}
    )


def _create_page(
    request: HttpRequest, values: dict[str, Any], status: int = 200, **errors: Any
) -> HttpResponse:
    context = {"values": values, "examples": list(list_examples().values()), **errors}
    return render(request, "flows/flow_create.html", context, status=status)


def _create(request: HttpRequest) -> HttpResponse:
    values = {key: request.POST.get(key, "").strip() for key in ("title", "name", "from", "text")}
    try:
        document = _starting_document(values, request)
    except DocumentError as error:
        return _create_page(request, values, 422, problems=error.problems)
    title = values["title"] or (document.title if document else "")
    name = slugify(values["name"] or (document.name if document else "") or title)[:80]
    if not title and not name:
        return _create_page(request, values, 422, title_error="Give the flow a title.")
    if not name:
        return _create_page(
            request,
            values,
            422,
            name_error="Use letters, digits and hyphens, such as consumer-loan.",
        )
    try:
        flow = services.create_flow(
            name=name, title=title or name, document=document, author=user_of(request),
            actor=actor_of(request), now=timezone.now(),
        )  # fmt: skip
    except services.FlowExists as error:
        return _create_page(request, values, 422, name_error=f"{error} {error.remedy}")
    return redirect("flows:editor", flow.name)


def _starting_document(values: dict[str, str], request: HttpRequest) -> Document | None:
    """Return what the new flow starts with, or None for a blank one. Raises: DocumentError."""
    if values["from"] == "text":
        upload = request.FILES.get("file")
        source = upload.read().decode("utf-8", errors="replace") if upload else values["text"]
        values["text"] = source
        return parse(source)
    example = list_examples().get(values["from"])
    return example.document if example else None


# --- One flow ---------------------------------------------------------------------


@requires("flows.view", flow="name")
@require_GET
def flow_detail(request: HttpRequest, name: str) -> HttpResponse:
    """What is released, how it does, its newest runs."""
    flow = flow_or_404(name)
    return render(request, "flows/flow_detail.html", _flow_context(request, flow, "overview"))


@requires("flows.view", flow="name")
@require_GET
def flow_activity(request: HttpRequest, name: str) -> HttpResponse:
    """The figures and newest runs, for the page to fetch after a nudge."""
    flow = flow_or_404(name)
    return render(request, "flows/_flow_activity.html", {"flow": flow, **_activity(flow)})


def _flow_context(request: HttpRequest, flow: Flow, tab: str) -> dict[str, Any]:
    problems = list_problems(flow.draft)
    return {
        **flow_context(request, flow, tab),
        **_activity(flow),
        "versions": list(selectors.list_versions(flow)[:5]),
        "errors": sum(each["severity"] == "error" for each in problems),
        "description": (flow.released.document if flow.released else flow.draft).get(
            "description", ""
        ),
    }


@requires("runs.operate", flow="name")
@require_POST
def flow_pause(request: HttpRequest, name: str) -> HttpResponse:
    """Pause the flow with its runs, or resume both."""
    flow = flow_or_404(name)
    resume = bool(request.POST.get("resume"))
    act = services.resume_flow if resume else services.pause_flow
    begun = act(flow_id=flow.pk, actor=actor_of(request), now=timezone.now())
    done = "takes new runs again" if resume else "takes no new runs"
    messages.success(
        request,
        f"{flow.title} {done}; {begun.matched:,} runs are {'resumed' if resume else 'paused'}.",
    )
    return redirect("flows:flow-detail", flow.name)


def _activity(flow: Flow) -> dict[str, Any]:
    here = Reach(everywhere=False, scopes=frozenset({(flow.name, "")}))
    page = selectors.list_runs(RunFilters(flow=flow.name), within=here, page_size=RECENT_RUNS)
    stats = selectors.count_recent_runs(flow, now=timezone.now())
    return {
        "stats": [(status, stats.get(status, 0)) for status in STATE_ORDER],
        "runs": page.rows,
        "now": timezone.now(),
    }


@requires("flows.view", flow="name")
@require_GET
def flow_canvas(request: HttpRequest, name: str, number: int | None = None) -> JsonResponse:
    """What the canvas draws: a version, or the draft when none is named."""
    flow = flow_or_404(name)
    document = flow.draft if number is None else version_or_404(flow, number).document
    return JsonResponse(get_canvas_data(normal_form(document)))


# --- The draft as text ------------------------------------------------------------


@requires("flows.view", flow="name")
@require_http_methods(["GET", "POST"])
def draft_text(request: HttpRequest, name: str) -> HttpResponse:
    """The draft as YAML, with what is wrong with it beside."""
    flow = flow_or_404(name)
    if request.method == "POST":
        return _save_text(request, flow)
    text = document_text(flow.draft)
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
        from django.core.exceptions import PermissionDenied

        raise PermissionDenied(f"This needs the permission flows.edit for {flow.name}.")
    text = request.POST.get("text", "")
    try:
        document = to_mapping(parse(text))
    except DocumentError as error:
        return _text_page(request, flow, text, _listed(error.problems), 422, unsaved=True)
    if request.POST.get("revision") != str(flow.draft_revision) and not request.POST.get("anyway"):
        return _text_page(request, flow, text, list_problems(document), 409, conflict=True)
    document["name"] = flow.name
    try:
        services.save_draft(
            flow_id=flow.pk, document=document, author=user_of(request), now=timezone.now()
        )
    except OperationRefused as refusal:
        return _text_page(
            request, flow, text, [], 422, refusal=f"{refusal.message} {refusal.remedy}"
        )
    except DraftTooLarge:
        return _text_page(
            request,
            flow,
            text,
            [],
            413,
            refusal="The draft would be too large. Move samples or tables out, or use subflows.",
        )
    messages.success(request, "Draft saved. Its earlier state is in the editor's history.")
    return redirect("flows:draft-text", flow.name)


def _listed(problems: Any) -> list[dict[str, Any]]:
    fields = ("severity", "code", "step", "field", "message", "remedy", "line")
    return [{name: getattr(each, name) for name in fields} for each in problems]


@requires("flows.view", flow="name")
@require_GET
def flow_export(request: HttpRequest, name: str, number: int | None = None) -> HttpResponse:
    """A version, or the draft when none is named, as a YAML file."""
    flow = flow_or_404(name)
    document = flow.draft if number is None else version_or_404(flow, number).document
    response = HttpResponse(document_text(document), content_type="application/yaml; charset=utf-8")
    suffix = "draft" if number is None else f"v{number}"
    response["Content-Disposition"] = f'attachment; filename="{flow.name}-{suffix}.yaml"'
    return response
