"""The ledger's pages."""

import tempfile
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from workbench.accounts.actors import Actor
from workbench.accounts.gate import requires
from workbench.accounts.models import User
from workbench.accounts.permissions import can
from workbench.audit.entry_facts import list_facts
from workbench.audit.erasure import find_erasure
from workbench.audit.export import export_bundle
from workbench.audit.forms import EntryFilterForm
from workbench.audit.models import Entry
from workbench.audit.selectors import (
    ROWS_A_PAGE,
    EntryFilter,
    get_entry,
    get_neighbours,
    get_proof,
    list_entries,
    payload_of,
    sentence_of,
)
from workbench.audit.services import SUBJECT_KINDS, verify
from workbench.audit.subject_pages import links_to
from workbench.http.numbers import number_in
from workbench.http.sending import SentFile

INVALID = 422


@dataclass(frozen=True, slots=True)
class EntryRow:
    """An entry as a page shows it."""

    entry: Entry
    sentence: str

    @property
    def block(self) -> int | None:
        sealed = getattr(self.entry, "sealed", None)
        return sealed.block.number if sealed else None

    @property
    def icon(self) -> str:
        icons = {"user": "user", "token": "key-round", "link": "link", "system": "cpu"}
        return icons.get(self.entry.actor_kind, "user")


# The list


@requires("audit.view", scope="installation")
@require_GET
def entries(request: HttpRequest) -> HttpResponse:
    context, status = _list_context(request)
    return render(request, "audit/entries.html", context, status=status)


@requires("audit.view", scope="installation")
@require_GET
def entry_rows(request: HttpRequest) -> HttpResponse:
    """Render the rows alone, and set the address bar to the page that shows them."""
    context, status = _list_context(request)
    response = render(request, "audit/_entries.html", context, status=status)
    query = urlencode({name: value for name, value in request.GET.items() if value})
    response["HX-Replace-Url"] = reverse("audit:entries") + (f"?{query}" if query else "")
    return response


def _list_context(request: HttpRequest) -> tuple[dict[str, Any], int]:
    form = EntryFilterForm(request.GET)
    context: dict[str, Any] = {"form": form, "may_export": can(request.user, "audit.export")}
    if not form.is_valid():
        return {**context, "rows": []}, INVALID
    wanted = form.wanted()
    before = number_in(request.GET.get("before"))
    found = list_entries(wanted, before=before)
    rows = list(found[: ROWS_A_PAGE + 1])
    shown = rows[:ROWS_A_PAGE]
    return {
        **context,
        "filtered": bool(wanted),
        "rows": [EntryRow(entry, sentence_of(entry)) for entry in shown],
        "older": _address(request, before=shown[-1].pk) if len(rows) > ROWS_A_PAGE else "",
        "newest": _address(request, before=None) if before else "",
    }, 200


def _address(request: HttpRequest, before: int | None) -> str:
    query = request.GET.copy()
    query.pop("before", None)
    if before is not None:
        query["before"] = str(before)
    return f"{reverse('audit:entries')}?{query.urlencode()}"


# One entry, one subject


@requires("audit.view", scope="installation")
@require_GET
def entry_detail(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        entry = get_entry(pk)
    except (Entry.DoesNotExist, OverflowError) as error:
        raise Http404(f"There is no entry {pk}.") from error
    previous, following = get_neighbours(entry)
    erased = entry.payload.body is None
    context = {
        "row": EntryRow(entry, sentence_of(entry)),
        "entry": entry,
        "payload": payload_of(entry),
        "facts": list_facts(entry),
        "erased": erased,
        "erasure": _get_erasure(entry) if erased else None,
        "canonical": bytes(entry.canonical).decode(),
        "previous": previous,
        "following": following,
        "proof": get_proof(entry),
        "links": links_to(entry.subject_kind, entry.subject_id, request.user),
    }
    return render(request, "audit/entry.html", context)


def _get_erasure(entry: Entry) -> dict[str, Any] | None:
    said = find_erasure(entry)
    return {"entry": said, "reason": payload_of(said)["reason"]} if said else None


@requires("audit.view", scope="installation")
@require_GET
def subject(request: HttpRequest, kind: str, subject_id: str) -> HttpResponse:
    """Show all that happened to one subject, newest first."""
    if kind not in SUBJECT_KINDS:
        raise Http404(f"There is no kind of subject {kind}.")
    before = number_in(request.GET.get("before"))
    found = list_entries(EntryFilter(subject_kind=kind, subject_id=subject_id), before=before)
    rows = list(found[: ROWS_A_PAGE + 1])
    if not rows and not before:
        raise Http404(f"Nothing is recorded of {kind} {subject_id}.")
    older = f"{request.path}?before={rows[ROWS_A_PAGE - 1].pk}" if len(rows) > ROWS_A_PAGE else ""
    context = {
        "kind": kind,
        "subject_id": subject_id,
        "rows": [EntryRow(entry, sentence_of(entry)) for entry in rows[:ROWS_A_PAGE]],
        "older": older,
        "newest": request.path if before else "",
        "links": links_to(kind, subject_id, request.user),
    }
    return render(request, "audit/subject.html", context)


# Proof


@requires("audit.view", scope="installation")
@require_GET
def verification(request: HttpRequest) -> HttpResponse:
    context = {"found": verify(), "at": timezone.now()}
    return render(request, "audit/verification.html", context)


@requires("audit.view", scope="installation")
@require_GET
def verification_result(request: HttpRequest) -> HttpResponse:
    context = {"found": verify(), "at": timezone.now()}
    return render(request, "audit/_verification.html", context)


@requires("audit.export", scope="installation")
@require_POST
def export(request: HttpRequest) -> HttpResponseBase:
    """Send the entries that match the filter as a bundle that can be verified offline."""
    form = EntryFilterForm(request.POST)
    if not form.is_valid():
        return render(request, "audit/entries.html", {"form": form, "rows": []}, status=INVALID)
    now = timezone.now()
    # The response closes it; a bundle may be larger than memory.
    file = tempfile.TemporaryFile()  # noqa: SIM115
    actor = Actor.user(cast(User, request.user))
    export_bundle(file, form.wanted(), actor=actor, now=now)
    file.seek(0)
    name = f"ledger-{now:%Y%m%d-%H%M%S}.zip"
    return SentFile(file, as_attachment=True, filename=name, content_type="application/zip")
