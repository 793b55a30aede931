"""The page of a case. One function renders it, so that a decision that is wrong or late is answered
by the same page, with the reviewer's own input in it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from reviews.errors import DecisionInvalid, ReviewError
from reviews.models import Case, InformationRequest
from reviews.models.states import ACTIVE, CLAIMABLE, CaseState
from reviews.panes import (
    choices_of,
    fields_changed_by_answers,
    groups_of,
    rank_reasons,
)
from reviews.rules.corrections import correctable
from reviews.rules.documents import documents_of
from reviews.rules.widgets import widgets_of
from reviews.selectors.acting import Acting, acting_as, may
from reviews.selectors.cases import (
    band_of,
    comments_of,
    decisions_of,
    draft_of,
    earlier_cases,
    information_of,
    my_work,
    next_act_words,
    pending_decision_of,
    similar_cases,
)
from reviews.selectors.eligibility import find_obstacle
from reviews.selectors.judging import judge_answer
from reviews.selectors.looks import get_changes_since_look
from reviews.selectors.veil import veil_of
from reviews.services.links import find_reply_link
from reviews.services.reopening import REOPENABLE, reopened_as
from workbench.accounts.gate import principal_of

Json = Any


def show_case(
    request: HttpRequest,
    case: Case,
    *,
    typed: Mapping[str, Json] | None = None,
    error: ReviewError | None = None,
    kept: bool = True,
) -> HttpResponse:
    """Render the page of a case, with what the reviewer typed and the error it met.

    ``kept`` False: what was typed is not saved as a draft, and the page shows it to be copied.
    """
    context = {**case_context(request, case, typed=typed, error=error), "kept": kept}
    response = render(request, "reviews/case.html", context, status=error.status if error else 200)
    # A decision redirects to the next case: the address in the browser follows.
    response["HX-Push-Url"] = f"/review/cases/{case.pk}/"
    return response


def case_context(
    request: HttpRequest,
    case: Case,
    *,
    typed: Mapping[str, Json] | None = None,
    error: ReviewError | None = None,
) -> dict[str, Any]:
    """Return what the three panes show: the case as veiled for the person, and their answer."""
    now = timezone.now()
    acting = acting_as(principal_of(request))
    veil = veil_of(case, acting)
    case = veil.over(case)
    draft = draft_of(case, acting.user)
    answer = dict(typed if typed is not None else draft.content if draft else {})
    problems = error.problems if isinstance(error, DecisionInvalid) else {}
    information = information_of(case)
    return {
        "case": case,
        "veil": veil,
        "now": now,
        "draft": draft,
        "answer": answer,
        "error": error,
        "problems": problems,
        **_panes_context(case, answer, problems, information),
        "comments": comments_of(case),
        "information": information,
        "reply_url": _reply_url(case, acting, information),
        **_past_context(case, acting),
        "pending": pending_decision_of(acting.user, now),
        **standing_context(case, acting, now),
        **my_work(acting, case.queue, now, at=case),
        "since": get_changes_since_look(case, acting.user),
    }


def _panes_context(
    case: Case,
    answer: Mapping[str, Json],
    problems: Mapping[str, str],
    information: list[InformationRequest],
) -> dict[str, Any]:
    """Return what the case shows and asks, with the answer as typed so far."""
    changed = fields_changed_by_answers(information)
    return {
        "groups": list(groups_of(case, answer, problems, changed)),
        "documents": documents_of(case.shown),
        "reasons": rank_reasons(case.shown.get("reasons") or ()),
        "flags": case.shown.get("flags") or (),
        "choices": choices_of(case, answer, problems),
        "widgets": widgets_of(case.rules.get("form") or {}, answer.get("form") or {}, "form"),
    }


def _past_context(case: Case, acting: Acting) -> dict[str, Any]:
    """Return what was decided, on this case and on similar ones, and whether it can be reopened."""
    decisions = decisions_of(case)
    return {
        "decisions": decisions,
        "earlier": earlier_cases(case),
        "similar": similar_cases(case),
        "reopened": reopened_as(case) if case.state in REOPENABLE else None,
        "can_reopen": case.state in REOPENABLE
        and acting.user.pk not in {each.decided_by_id for each in decisions}
        and may(acting, "cases.decide", queue=case.queue, flow=case.flow),
    }


def standing_context(case: Case, acting: Acting, now: datetime) -> dict[str, Any]:
    """Return where the case stands for this person, as the bar above it shows."""
    decides = may(acting, "cases.decide", queue=case.queue, flow=case.flow)
    held = case.held_by(acting.user, now)
    condition = find_obstacle(case, acting.user, now)
    can_take = decides and condition is None and case.state in CLAIMABLE | {CaseState.CLAIMED}
    return {
        "band": band_of(case, now),
        "if_nobody": next_act_words(case),
        "held": held,
        "lost": case.state == CaseState.CLAIMED
        and case.claimed_by_id == acting.user.pk
        and not held,
        "condition": condition,
        "can_decide": can_take or held,
        "can_take": can_take and not held,
        "can_assign": may(acting, "cases.assign", queue=case.queue, flow=case.flow),
        "is_active": case.state in ACTIVE,
        "allow": case.rules.get("allow", ()),
        "correctable": correctable(case.shown),
        "refusals": _refusals(case, acting, now) if can_take or held else (),
    }


def _reply_url(case: Case, acting: Acting, information: list[InformationRequest]) -> str:
    """Return the address to answer the open question at, "" if there is none or they may not."""
    asked = next((each for each in information if each.answered_at is None), None)
    if asked is None or not may(acting, "cases.decide", queue=case.queue, flow=case.flow):
        return ""
    return find_reply_link(asked)


def _refusals(case: Case, acting: Acting, now: datetime) -> tuple[str, ...]:
    try:
        return judge_answer(case, acting, "approved", now, edits_now=False).refusals
    except ReviewError as error:
        return (str(error),)
