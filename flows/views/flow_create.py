"""Create a flow."""

from functools import partial
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods

from flows import services
from flows.graph.codec import parse
from flows.graph.model import Document
from flows.graph.problems import DocumentError
from flows.models import Flow
from flows.selectors.examples import list_examples
from flows.views.requests import actor_of, user_of
from workbench.accounts.gate import requires
from workbench.accounts.permissions import can


@requires("flows.edit", scope="rows")
@require_http_methods(["GET", "POST"])
def flow_create(request: HttpRequest) -> HttpResponse:
    """Create a flow: blank, from an example, or from text."""
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
        document = _read_document(values, request)
    except DocumentError as error:
        return _create_page(request, values, 422, problems=error.problems)
    title = values["title"] or (document.title if document else "")
    name = slugify(values["name"] or (document.name if document else "") or title)[:80]
    if missing := _find_missing(title, name):
        return _create_page(request, values, 422, **missing)
    if not can(request.user, "flows.edit", flow=name):
        raise PermissionDenied(f"This needs the permission flows.edit for {name}.")
    try:
        flow = _create_flow(request, values["from"], name, title or name, document)
    except (services.FlowExists, services.NameReserved) as error:
        return _create_page(request, values, 422, name_error=f"{error} {error.remedy}")
    except services.TemplateAssetsRefused as error:
        return _create_page(request, values, 422, refusal=f"{error} {error.remedy}")
    return redirect("flows:editor", flow.name)


def _create_flow(
    request: HttpRequest, start: str, name: str, title: str, document: Document | None
) -> Flow:
    author, actor, now = user_of(request), actor_of(request), timezone.now()
    if example := list_examples().get(start):
        return services.create_flow_from_template(
            example, name=name, title=title, author=author, actor=actor, now=now,
            allowed=partial(can, request.user),
        )  # fmt: skip
    return services.create_flow(
        name=name, title=title, document=document, author=author, actor=actor, now=now
    )


def _find_missing(title: str, name: str) -> dict[str, str]:
    if not title and not name:
        return {"title_error": "Give the flow a title."}
    if not name:
        return {"name_error": "Use letters, digits and hyphens, such as consumer-loan."}
    return {}


def _read_document(values: dict[str, str], request: HttpRequest) -> Document | None:
    """Return the document to start with, or None for a blank flow. Raises: DocumentError."""
    if values["from"] == "text":
        upload = request.FILES.get("file")
        source = upload.read().decode("utf-8", errors="replace") if upload else values["text"]
        values["text"] = source
        return parse(source)
    example = list_examples().get(values["from"])
    return example.document if example else None
