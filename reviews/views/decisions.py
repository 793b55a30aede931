"""Draft, decide, undo and reopen from the page of a case."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.timezone import get_current_timezone
from django.views.decorators.http import require_POST

from reviews.errors import ReviewError
from reviews.models import Case
from reviews.rules.answers import Answer, find_value_problems
from reviews.rules.widgets import list_active_names
from reviews.selectors.acting import Acting, make_acting
from reviews.selectors.cases import get_visible_case
from reviews.selectors.looks import get_known
from reviews.selectors.veil import get_veil
from reviews.services.decisions import decide_case, undo_decision
from reviews.services.drafts import keep_refused_answer, save_draft
from reviews.services.first_choices import record_first_choice
from reviews.services.reopening import reopen_case
from reviews.views.acting import act_on_case, get_revision_seen, open_next_case
from reviews.views.gate import case_view
from reviews.views.typed import Typed, read_typed
from reviews.views.workspace import show_case
from workbench.accounts.gate import principal_of

MAX_DRAFT_BYTES = 200_000


# --- Drafts -----------------------------------------------------------------------


@require_POST
@case_view("cases.decide")
def draft(request: HttpRequest, case: Case) -> HttpResponse:
    """Save what is typed, and return what is wrong with it so far."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_DRAFT_BYTES:
        message = "The draft is too long to keep: shorten the comment."
        return JsonResponse({"message": message}, status=413)
    now, typed = timezone.now(), read_typed(request, case)
    try:
        _save_draft(case, typed, make_acting(principal_of(request)), now)
    except ReviewError as error:
        return JsonResponse({"code": error.code, "message": str(error)}, status=error.status)
    return JsonResponse({"saved_at": now.isoformat(), **_check_typed(case, typed.content)})


def _save_draft(case: Case, typed: Typed, acting: Acting, now: datetime) -> None:
    save_draft(
        case=case,
        acting=acting,
        content=typed.content,
        opened=typed.opened,
        active_seconds=typed.active_seconds,
        now=now,
    )


def _check_typed(case: Case, content: dict[str, Any]) -> dict[str, Any]:
    """Return the problems by field, ``{name: sentence}``, and the parts of the form in use."""
    form, schema = content["form"], case.rules.get("form") or {}
    answer = Answer(outcome="", fields=content["fields"], form=form, zone=get_current_timezone())
    return {
        "problems": find_value_problems(
            answer, rules=case.rules, shown=case.shown, fields=case.fields
        ),
        "active": list_active_names(schema, form, "form"),
    }


# --- Decisions --------------------------------------------------------------------


@require_POST
@case_view("cases.decide")
def decide(request: HttpRequest, case: Case) -> HttpResponse:
    """Decide, then claim and open the next case of the queue.

    Where the model's answer is withheld, what is sent is the first choice: it is recorded, and the
    same case comes back with the answer.
    """
    acting, now = make_acting(principal_of(request)), timezone.now()
    typed = read_typed(request, case)
    if get_veil(case, acting).withheld:
        return _record_first_choice(request, case, typed)
    try:
        decide_case(
            case_id=case.pk,
            answer=typed.answer(),
            acting=acting,
            now=now,
            revision=get_revision_seen(request, case, now),
            commit_now=request.POST.get("commit_now") == "on",
        )
    except ReviewError as error:
        return _show_refusal(request, case, typed, error, now)
    return open_next_case(request, case)


def _show_refusal(
    request: HttpRequest, case: Case, typed: Typed, error: ReviewError, now: datetime
) -> HttpResponse:
    fresh = get_visible_case(case.pk, principal_of(request))
    acting = make_acting(principal_of(request))
    # What was counted beyond what can be is not offered again.
    most = get_known(fresh, acting.user).count_seconds(now)
    kept = keep_refused_answer(
        case=fresh,
        acting=acting,
        content=typed.content,
        opened=typed.opened,
        active_seconds=min(typed.active_seconds, most),
        now=now,
    )
    return show_case(request, fresh, typed=typed.content, error=error, kept=kept)


def _record_first_choice(request: HttpRequest, case: Case, typed: Typed) -> HttpResponse:
    def choose(acting: Acting, now: datetime) -> None:
        _save_draft(case, typed, acting, now)
        record_first_choice(
            case_id=case.pk,
            outcome=typed.content["outcome"],
            acting=acting,
            now=now,
            active_seconds=typed.active_seconds,
            revision=get_revision_seen(request, case, now),
        )

    return act_on_case(request, case, choose)


@require_POST
@case_view("cases.decide")
def undo(request: HttpRequest, case: Case) -> HttpResponse:
    return act_on_case(request, case, lambda acting, now: undo_decision(
        case_id=case.pk, acting=acting, now=now
    ))  # fmt: skip


@require_POST
@case_view("cases.decide")
def reopen(request: HttpRequest, case: Case) -> HttpResponse:
    """Have a decided case decided anew, by a run that goes on from its checkpoint."""
    return act_on_case(request, case, lambda acting, now: reopen_case(
        case_id=case.pk, reason=request.POST.get("reason", ""), acting=acting, now=now
    ))  # fmt: skip
