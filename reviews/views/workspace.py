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
from reviews.models import Case, Decision, InformationRequest
from reviews.models.states import ACTIVE, CLAIMABLE, CaseState
from reviews.panes import (
    choices_of,
    fields_changed_by_answers,
    groups_of,
    rank_reasons,
)
from reviews.rules.answers import list_editable
from reviews.rules.documents import list_documents
from reviews.rules.places import join_marked, move_boxes
from reviews.rules.widgets import list_widgets
from reviews.selectors.acting import Acting, make_acting, may
from reviews.selectors.cases import (
    describe_next_act,
    find_pending_decision,
    get_band,
    get_draft,
    get_work,
    list_comments,
    list_decisions,
    list_earlier_cases,
    list_information_requests,
    list_similar_cases,
)
from reviews.selectors.eligibility import find_obstacle, make_decider
from reviews.selectors.judging import judge_answer
from reviews.selectors.looks import get_changes_since_look
from reviews.selectors.masked_values import list_case_codes
from reviews.selectors.parties import list_parties
from reviews.selectors.veil import get_veil
from reviews.services.links import find_reply_link
from reviews.services.reopening import REOPENABLE, find_reopening_run
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
    acting = make_acting(principal_of(request))
    veil = get_veil(case, acting)
    case = veil.apply_to(case)
    draft = get_draft(case, acting.user)
    answer = dict(typed if typed is not None else draft.content if draft else {})
    problems = error.problems if isinstance(error, DecisionInvalid) else {}
    information, decisions = list_information_requests(case), list_decisions(case)
    return {
        "case": case,
        "veil": veil,
        "masked": len(list_case_codes(case)),
        "now": now,
        "draft": draft,
        "answer": answer,
        "error": error,
        "problems": problems,
        **_panes_context(case, answer, problems, information),
        "documents": _list_documents(case, decisions),
        "comments": list_comments(case),
        "information": information,
        "reply_url": _reply_url(case, acting, information),
        "asked_it": any(
            each.asked_by_id == acting.user.pk and each.answered_at is None for each in information
        ),
        "parties": list_parties(case),
        **_past_context(case, acting, decisions),
        "pending": find_pending_decision(acting.user, now),
        **standing_context(case, acting, now),
        **get_work(acting, case.queue, now, at=case),
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
        "reasons": rank_reasons(case.shown.get("reasons") or ()),
        "flags": case.shown.get("flags") or (),
        "choices": choices_of(case, answer, problems),
        "widgets": list_widgets(
            case.rules.get("form") or {},
            answer.get("form") or {},
            "form",
            timezone.get_current_timezone(),
        ),
    }


def _list_documents(case: Case, decisions: list[Decision]) -> list[dict[str, Json]]:
    """Return the documents with the places that those who decided have marked."""
    return move_boxes(list_documents(case.shown), join_marked(each.places for each in decisions))


def _past_context(case: Case, acting: Acting, decisions: list[Decision]) -> dict[str, Any]:
    """Return what was decided, on this case and on similar ones, and whether it can be reopened."""
    return {
        "decisions": decisions,
        "earlier": list_earlier_cases(case, acting),
        "similar": list_similar_cases(case, acting),
        "reopened": find_reopening_run(case) if case.state in REOPENABLE else None,
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
        "band": get_band(case, now),
        "if_nobody": describe_next_act(case),
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
        "correctable": list_editable(case.shown),
        "refusals": _refusals(case, acting, now) if can_take or held else (),
    }


def _reply_url(case: Case, acting: Acting, information: list[InformationRequest]) -> str:
    """Return the address to answer the open question at, "" if there is none for the person.

    It is for who asked: whoever has it can answer without signing in, so it is shown to nobody
    else, who could answer here by their own name.
    """
    asked = next((each for each in information if each.answered_at is None), None)
    if asked is None or asked.asked_by_id != acting.user.pk:
        return ""
    if not may(acting, "cases.decide", queue=case.queue, flow=case.flow):
        return ""
    return find_reply_link(asked)


def _refusals(case: Case, acting: Acting, now: datetime) -> tuple[str, ...]:
    try:
        return judge_answer(case, make_decider(acting, now), "approved").refusals
    except ReviewError as error:
        return (str(error),)
