"""The page of a case, its parts, and what a reviewer does on it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from reviews.errors import ReviewError
from reviews.models import Case, CaseEvent, Decision
from reviews.panes import as_shown
from reviews.rules.answers import Answer, shown_fields, value_problems
from reviews.rules.attachments import MOST_BYTES, MOST_FILES, NewFile
from reviews.rules.widgets import active_names, read_form, read_grounds, read_value
from reviews.selectors.acting import Acting, acting_as
from reviews.selectors.cases import (
    decisions_of,
    get_visible_case,
    history_of,
    my_work,
    people_who_see,
    run_picture,
    run_so_far,
)
from reviews.selectors.veil import veil_of
from reviews.services.claims import claim_case, claim_next
from reviews.services.conversation import add_comment, escalate_case, reply, request_information
from reviews.services.decisions import decide_case, undo_decision
from reviews.services.drafts import keep_refused_answer, save_draft
from reviews.services.first_choices import record_first_choice
from reviews.services.leases import heartbeat, release_case
from reviews.services.looks import record_look
from reviews.services.passing import assign_case
from reviews.services.reopening import reopen_case
from reviews.views.gate import case_view
from reviews.views.workspace import show_case, standing
from workbench.accounts.models import User
from workbench.accounts.permissions import principal_of
from workbench.http.numbers import number_in

MAX_DRAFT_BYTES = 200_000


# --- The page and its parts -------------------------------------------------------


@require_GET
@case_view("cases.view")
def case(request: HttpRequest, case: Case) -> HttpResponse:
    return show_case(request, case)


@require_POST
@case_view("cases.view")
def look(request: HttpRequest, case: Case) -> HttpResponse:
    """Note that the person has the case before them, as the page of ``revision`` shows it."""
    user, revision = acting_as(principal_of(request)).user, number_in(request.POST.get("revision"))
    record_look(case=case, user=user, revision=revision, now=timezone.now())
    return HttpResponse(status=204)


@require_GET
@case_view("cases.view")
def case_standing(request: HttpRequest, case: Case) -> HttpResponse:
    """Render where the case stands now, for a page that has seen revision ``seen``."""
    now, acting = timezone.now(), acting_as(principal_of(request))
    context = standing(case, acting, now)
    seen = number_in(request.GET.get("seen"))
    if seen == case.revision - 1 and context["held"]:
        last = CaseEvent.objects.filter(case=case).order_by("-id").first()
        # Claiming what one looks at changes nothing that one saw.
        if last is not None and last.kind == "claimed":
            seen = case.revision
    return render(
        request,
        "reviews/_standing.html",
        {**context, "case": case, "now": now, "seen": seen, "changed": seen != case.revision},
    )


@require_GET
@case_view("cases.view")
def case_work(request: HttpRequest, case: Case) -> HttpResponse:
    now = timezone.now()
    work = my_work(acting_as(principal_of(request)), case.queue, now, at=case)
    return render(request, "reviews/_work.html", {**work, "case": case, "now": now})


@require_GET
@case_view("cases.view")
def case_history(request: HttpRequest, case: Case) -> HttpResponse:
    return render(request, "reviews/_history.html", {"case": case, "events": history_of(case)})


@require_GET
@case_view("cases.view")
def case_run(request: HttpRequest, case: Case) -> HttpResponse:
    steps = run_so_far(case)
    return render(
        request,
        "reviews/_run.html",
        {"case": case, "steps": steps, "picture": run_picture(case, steps), "now": timezone.now()},
    )


@require_GET
@case_view("cases.view")
def receipt(request: HttpRequest, case: Case) -> HttpResponse:
    """Show the decision as it was recorded, with the case as the reviewer saw it."""
    wanted = number_in(request.GET.get("decision"))
    # An earlier approver's receipt has the model's answer in it.
    withheld = veil_of(case, acting_as(principal_of(request))).withheld
    found = [each for each in decisions_of(case) if each.receipt and not withheld]
    chosen: Decision | None = next((each for each in found if each.pk == wanted), None)
    chosen = chosen or (found[-1] if found else None)
    context = {"case": case, "decision": chosen, "decisions": found, **as_shown(case, chosen)}
    return render(request, "reviews/receipt.html", context)


# --- Claims -----------------------------------------------------------------------


@require_POST
@case_view("cases.decide")
def claim(request: HttpRequest, case: Case) -> HttpResponse:
    return _act(request, case, lambda acting, now: claim_case(
        case_id=case.pk, acting=acting, now=now
    ))  # fmt: skip


@require_POST
@case_view("cases.decide")
def release(request: HttpRequest, case: Case) -> HttpResponse:
    return _act(request, case, lambda acting, now: release_case(
        case_id=case.pk, acting=acting, now=now
    ), leave=True)  # fmt: skip


@require_POST
@case_view("cases.assign")
def assign(request: HttpRequest, case: Case) -> HttpResponse:
    to = get_object_or_404(User, username=request.POST.get("to", ""), is_active=True)
    return _act(request, case, lambda acting, now: assign_case(
        case_id=case.pk, to=to, acting=acting, now=now
    ))  # fmt: skip


@require_POST
@case_view("cases.decide")
def beat(request: HttpRequest, case: Case) -> HttpResponse:
    """Keep the claim; 409 says that it is lost, and the standing bar then tells why."""
    try:
        kept = heartbeat(
            case_id=case.pk, acting=acting_as(principal_of(request)), now=timezone.now()
        )
    except ReviewError as error:
        return JsonResponse({"code": error.code, "message": str(error)}, status=409)
    return JsonResponse({"lease_until": kept.lease_until.isoformat() if kept.lease_until else None})


@require_POST
@case_view("cases.decide")
def draft(request: HttpRequest, case: Case) -> HttpResponse:
    """Keep what is typed: the form's own fields, as the decision would send them."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_DRAFT_BYTES:
        message = "The draft is too long to keep: shorten the comment."
        return JsonResponse({"message": message}, status=413)
    now = timezone.now()
    content, opened, seconds = _typed(request, case)
    try:
        save_draft(
            case=case,
            acting=acting_as(principal_of(request)),
            content=content,
            opened=opened,
            active_seconds=seconds,
            now=now,
        )
    except ReviewError as error:
        return JsonResponse({"code": error.code, "message": str(error)}, status=error.status)
    return JsonResponse({"saved_at": now.isoformat(), **_checked(case, content)})


def _checked(case: Case, content: dict[str, Any]) -> dict[str, Any]:
    """Return what is wrong with what is typed so far, ``{name: sentence}``, and which parts of the
    form stand for it."""
    form, schema = content["form"], case.rules.get("form") or {}
    answer = Answer(outcome="", fields=content["fields"], form=form)
    return {
        "problems": value_problems(answer, rules=case.rules, shown=case.shown, fields=case.fields),
        "active": active_names(schema, form, "form"),
    }


# --- Decisions --------------------------------------------------------------------


@require_POST
@case_view("cases.decide")
def decide(request: HttpRequest, case: Case) -> HttpResponse:
    """Decide, then claim and open the next case of the queue.

    Where the model's answer is withheld, what is sent is the first choice: it is recorded, and the
    same case comes back with the answer.
    """
    acting, now = acting_as(principal_of(request)), timezone.now()
    content, opened, seconds = _typed(request, case)
    if veil_of(case, acting).withheld:
        return _choose_first(request, case)
    answer = Answer(
        outcome=content["outcome"],
        reasons=tuple(content["reasons"]),
        grounds=content["grounds"],
        comment=content["comment"],
        fields=content["fields"],
        why=content["why"],
        form=content["form"],
        opened=tuple(opened),
        active_seconds=seconds,
    )
    try:
        decide_case(
            case_id=case.pk,
            answer=answer,
            acting=acting,
            now=now,
            revision=number_in(request.POST.get("revision")),
            commit_now=request.POST.get("commit_now") == "on",
        )
    except ReviewError as error:
        fresh = get_visible_case(case.pk, principal_of(request))
        kept = keep_refused_answer(
            case=fresh, acting=acting, content=content, opened=opened, active_seconds=seconds,
            now=now,
        )  # fmt: skip
        return show_case(request, fresh, typed=content, error=error, kept=kept)
    return _open_next(request, case)


def _choose_first(request: HttpRequest, case: Case) -> HttpResponse:
    content, opened, seconds = _typed(request, case)

    def choose(acting: Acting, now: datetime) -> None:
        save_draft(case=case, acting=acting, content=content, opened=opened,
                   active_seconds=seconds, now=now)  # fmt: skip
        record_first_choice(case_id=case.pk, outcome=content["outcome"], acting=acting, now=now,
                            active_seconds=seconds,
                            revision=number_in(request.POST.get("revision")))  # fmt: skip

    return _act(request, case, choose)


def _open_next(request: HttpRequest, case: Case) -> HttpResponse:
    acting = acting_as(principal_of(request))
    try:
        following = claim_next(queue=case.queue, acting=acting, now=timezone.now(), after=case)
    except ReviewError as error:
        messages.info(request, str(error))
        return redirect("reviews:case", case_id=case.pk)
    if following is None:
        messages.info(request, f"{case.queue.title} is empty: nothing else waits for you.")
        return redirect("reviews:case", case_id=case.pk)
    return redirect("reviews:case", case_id=following.pk)


@require_POST
@case_view("cases.decide")
def undo(request: HttpRequest, case: Case) -> HttpResponse:
    return _act(request, case, lambda acting, now: undo_decision(
        case_id=case.pk, acting=acting, now=now
    ))  # fmt: skip


@require_POST
@case_view("cases.decide")
def reopen(request: HttpRequest, case: Case) -> HttpResponse:
    """Have a decided case decided anew, by a run that goes on from its checkpoint."""
    return _act(request, case, lambda acting, now: reopen_case(
        case_id=case.pk, reason=request.POST.get("reason", ""), acting=acting, now=now
    ))  # fmt: skip


# --- Talking ----------------------------------------------------------------------


@require_GET
@case_view("cases.view")
def mentions(request: HttpRequest, case: Case) -> JsonResponse:
    """Return whom a comment may name: ``[{name, label}]`` of those who may see the case."""
    people = people_who_see(case, request.GET.get("q", "")[:150].replace("\0", ""))
    found = [{"name": person.username, "label": person.label} for person in people]
    return JsonResponse(found, safe=False)


@require_POST
@case_view("cases.view")
def comment(request: HttpRequest, case: Case) -> HttpResponse:
    # One byte more than may be: enough to know, and no more is read.
    files = [
        NewFile(file.name or "file", file.read(MOST_BYTES + 1))
        for file in request.FILES.getlist("files")[: MOST_FILES + 1]
    ]
    return _act(request, case, lambda acting, now: add_comment(
        case_id=case.pk, body=request.POST.get("body", ""), files=files, acting=acting, now=now
    ))  # fmt: skip


@require_POST
@case_view("cases.decide")
def information(request: HttpRequest, case: Case) -> HttpResponse:
    return _act(request, case, lambda acting, now: request_information(
        case_id=case.pk, question=request.POST.get("question", ""),
        to=request.POST.get("to", ""), fields=request.POST.getlist("may_correct"),
        acting=acting, now=now
    ), following=True)  # fmt: skip


@require_POST
@case_view("cases.decide")
def answer(request: HttpRequest, case: Case) -> HttpResponse:
    """Record an answer that came by another way, such as a call."""
    return _act(request, case, lambda acting, now: reply(
        case_id=case.pk, answer=request.POST.get("answer", ""), changes={},
        actor=acting.actor, now=now,
    ))  # fmt: skip


@require_POST
@case_view("cases.decide")
def escalate(request: HttpRequest, case: Case) -> HttpResponse:
    return _act(request, case, lambda acting, now: escalate_case(
        case_id=case.pk, comment=request.POST.get("comment", ""), acting=acting, now=now
    ), following=True)  # fmt: skip


# --- What was sent ----------------------------------------------------------------


def _act(
    request: HttpRequest,
    case: Case,
    act: Callable[..., Any],
    *,
    leave: bool = False,
    following: bool = False,
) -> HttpResponse:
    """Do one act; show the case with what stood against it, or go where the person goes next."""
    try:
        act(acting_as(principal_of(request)), timezone.now())
    except ReviewError as error:
        fresh = get_visible_case(case.pk, principal_of(request))
        return show_case(request, fresh, error=error)
    if following:
        return _open_next(request, case)
    if leave:
        return redirect("reviews:queue", name=case.queue.name)
    return redirect("reviews:case", case_id=case.pk)


def _typed(request: HttpRequest, case: Case) -> tuple[dict[str, Any], list[str], int]:
    """Return the draft's content, the evidence opened and the seconds active."""
    posted = request.POST
    content = {
        "outcome": posted.get("outcome", ""),
        "reasons": posted.getlist(f"reasons.{posted.get('outcome', '')}"),
        "grounds": read_grounds(posted),
        "comment": posted.get("comment", ""),
        "form": read_form(case.rules.get("form") or {}, posted, "form"),
        **_typed_fields(request, case),
    }
    opened = sorted(set(posted.get("opened", "").split()))[:200]
    seconds = min(number_in(posted.get("active_seconds")) or 0, 86_400)
    return content, opened, seconds


def _typed_fields(request: HttpRequest, case: Case) -> dict[str, Any]:
    fields, why = {}, {}
    for field in shown_fields(case.shown):
        key = field.get("key")
        text = request.POST.get(f"field.{key}")
        if not key or not field.get("editable") or text is None:
            continue
        old = case.fields.get(key)
        new = read_value(text, field.get("schema") or {}, old)
        if new != old:
            fields[key] = new
            if reason := request.POST.get(f"why.{key}", "").strip():
                why[key] = reason
    return {"fields": fields, "why": why}
