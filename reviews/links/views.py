"""The pages to which links lead. A GET shows and asks; only the POST of its form acts."""

from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from reviews.errors import DecisionInvalid, NotAuthorised, ReviewError
from reviews.links.services import LinkInvalid, check_link, decide_by_link, open_link, reply_by_link
from reviews.models import Case
from reviews.models.links import CaseLink, Purpose
from reviews.panes import choices_of
from reviews.rules.answers import Answer
from reviews.rules.corrections import make_correction_form
from reviews.rules.posted import read_changes, read_grounds
from reviews.rules.widgets import list_widgets
from reviews.selectors.acting import make_acting
from reviews.selectors.cases import describe_next_act, get_visible_case
from reviews.selectors.veil import get_veil
from workbench.accounts.gate import principal_of, public, requires
from workbench.accounts.models import User

SHOWN_FIELDS = 12


# --- To decide --------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires("cases.decide", scope="rows")
def decide_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show the case and ask to confirm; a POST of the form decides it."""
    link = _find_link(request, token)
    now = timezone.now()
    try:
        check_link(link, now)
        if request.method == "POST":
            answer = Answer(**_read_answer(request))
            acting = make_acting(principal_of(request), "link")
            decision = decide_by_link(link=link, answer=answer, acting=acting, now=now)
            context = {"case": link.case, "decision": decision}
            return render(request, "reviews/links/decided.html", context)
    except ReviewError as error:
        return _decide_page(request, link, error)
    return _decide_page(request, link, None)


def _find_link(request: HttpRequest, token: str) -> CaseLink:
    """Return the link to decide a case. Raises: Http404, also for one sent to somebody else."""
    try:
        link = open_link(token, Purpose.DECIDE)
        get_visible_case(link.case_id, principal_of(request), "cases.decide")
    except (LinkInvalid, Case.DoesNotExist):
        raise Http404("There is no such link for you.") from None
    if link.person is not None and link.person != request.user:
        raise Http404("This link was sent to somebody else.")
    return link


def _decide_page(request: HttpRequest, link: CaseLink, error: ReviewError | None) -> HttpResponse:
    veil = get_veil(link.case, make_acting(principal_of(request), "link"))
    case = veil.apply_to(link.case)
    answer = _read_answer(request)
    problems = error.problems if isinstance(error, DecisionInvalid) else {}
    rules = case.rules
    needs_page = rules.get("required_evidence") or (rules.get("form") or {}).get("required")
    context = {
        "case": case,
        "now": timezone.now(),
        "link": link,
        "error": error,
        "works": error is None or bool(problems),
        "answer": answer,
        "choices": choices_of(case, answer, problems),
        "fields": list(_first_fields(case)),
        "flags": case.shown.get("flags") or (),
        "if_nobody": describe_next_act(case),
        "needs_page": bool(needs_page or veil.withheld),
    }
    return render(
        request, "reviews/links/decide.html", context, status=error.status if error else 200
    )


def _read_answer(request: HttpRequest) -> dict[str, Any]:
    outcome = request.POST.get("outcome", "")
    return {
        "outcome": outcome,
        "reasons": tuple(request.POST.getlist(f"reasons.{outcome}")),
        "grounds": read_grounds(request.POST),
        "comment": request.POST.get("comment", ""),
    }


def _first_fields(case: Case) -> Iterator[dict[str, Any]]:
    """Yield the first fields that the case shows: enough to recognise it."""
    fields = [f for group in case.shown.get("show") or () for f in group.get("fields") or ()]
    for field in fields[:SHOWN_FIELDS]:
        key = field.get("key")
        yield {**field, "value": case.fields.get(key, field.get("value"))}


# --- To answer what was asked -----------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@public
def reply_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show the question to whoever was asked; a POST answers it, and the case is open again."""
    try:
        link = open_link(token, Purpose.REPLY)
    except LinkInvalid as error:
        return render(request, "reviews/links/reply.html", {"error": error}, status=404)
    now = timezone.now()
    context: dict[str, Any] = {"link": link, "asked": link.asked, "answer": "", "name": ""}
    context |= _corrections_context(request, link)
    try:
        check_link(link, now)
        if request.method == "POST":
            context |= {name: request.POST.get(name, "") for name in ("answer", "name")}
            reply_by_link(link=link, answer=context["answer"], name=context["name"], now=now,
                          changes=context["changes"], person=_get_person(request))  # fmt: skip
            return render(request, "reviews/links/reply.html", context | {"sent": True})
    except DecisionInvalid as error:
        context["problems"] = error.problems
        return render(request, "reviews/links/reply.html", context, status=error.status)
    except NotAuthorised as error:
        # The link still works, for somebody else.
        context["problems"] = {"name": str(error)}
        return render(request, "reviews/links/reply.html", context, status=error.status)
    except ReviewError as error:
        return render(request, "reviews/links/reply.html", {"error": error}, status=error.status)
    return render(request, "reviews/links/reply.html", context)


def _get_person(request: HttpRequest) -> User | None:
    """Return who is signed in, for the page is there for everyone."""
    return request.user if isinstance(request.user, User) else None


def _corrections_context(request: HttpRequest, link: CaseLink) -> dict[str, Any]:
    """Return the inputs for the fields that may be corrected, and the new values that were sent."""
    case, keys = link.case, link.asked.fields if link.asked else ()
    form = make_correction_form(keys, case.shown, case.fields)
    zone = timezone.get_current_timezone()
    sent = read_changes(form, request.POST, "fields", zone) if request.method == "POST" else {}
    values = {key: case.fields[key] for key in keys if key in case.fields} | sent
    return {"widgets": list_widgets(form, values, "fields", zone), "changes": sent, "problems": {}}
