"""Decide a case over HTTP, take the decision back, and read its receipt."""

from dataclasses import asdict
from typing import Any

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Router, Status
from pydantic import Field

from reviews.api.finding import (
    Id,
    authorise,
    authorise_to_take,
    get_acting,
    get_revision_seen,
)
from reviews.api.problems import report_faults
from reviews.api.schemas import (
    CaseDetailOut,
    CaseOut,
    DecisionOut,
    ReceiptCheckOut,
    case_detail_out,
    case_out,
    decision_out,
)
from reviews.finding import find_case
from reviews.models import Case, Decision
from reviews.rules.answers import COMMENT_MAX, WHY_MAX, Answer
from reviews.selectors.cases import list_decisions
from reviews.selectors.veil import get_veil
from reviews.services.decisions import decide_case, undo_decision
from reviews.services.first_choices import record_first_choice
from reviews.services.receipt_check import check_receipt
from workbench.accounts.gate import requires
from workbench.http.gateway import may_answer
from workbench.http.schemas import MOST_REVISION, Strict

router = Router(tags=["review"])

Json = Any
SEEN = "Needed: the `revision` of the case as it was read. Without it 428, with an older one 409."


class OverrideIn(Strict):
    value: Json
    reason: str = Field(
        "", max_length=WHY_MAX, description="Why it is changed; needed, and kept in the record."
    )


class DecisionIn(Strict):
    outcome: str = Field(min_length=1, max_length=80)
    reasons: list[str] = Field([], description="Reason codes of the outcome.", max_length=50)
    grounds: dict[str, str] = Field(
        {},
        description="By reason, the field's key or evidence's id that it rests on; needed where "
        "the code's `rests_on` has more than one.",
    )
    comment: str = Field("", max_length=COMMENT_MAX)
    fields: dict[str, OverrideIn] = Field({}, description="New values of fields, by key.")
    form: dict[str, Any] = {}
    opened: list[str] = Field(
        [],
        max_length=200,
        description="Ids of the evidence that was opened. It counts where it was given: the case "
        "by claim, next or looks, a file by its own address.",
    )
    active_seconds: int = Field(
        0, ge=0, le=86_400, description="At most as long ago as the case was first given."
    )
    revision: int | None = Field(None, ge=0, le=MOST_REVISION, description=SEEN)
    commit_now: bool = Field(False, description="Commit at once, without a window to undo.")

    def answer(self) -> Answer:
        return Answer(
            outcome=self.outcome,
            reasons=tuple(self.reasons),
            grounds=self.grounds,
            comment=self.comment,
            fields={key: given.value for key, given in self.fields.items()},
            why={key: given.reason for key, given in self.fields.items() if given.reason},
            form=self.form,
            opened=tuple(self.opened),
            active_seconds=self.active_seconds,
        )


class FirstChoiceIn(Strict):
    outcome: str = Field(min_length=1, max_length=80)
    active_seconds: int = Field(0, ge=0, le=86_400)
    revision: int | None = Field(None, ge=0, le=MOST_REVISION, description=SEEN)


@router.post("/cases/{case_id}/decisions", response={201: DecisionOut}, operation_id="decide_case")
@may_answer(428)
@requires("cases.decide", scope="rows")
def decide(request: HttpRequest, case_id: Id, body: DecisionIn) -> Status[Any]:
    """Decide a case; a free one is claimed first. 409 if it is decided, held or changed."""
    acting = authorise_to_take(request, case_id)
    revision = get_revision_seen(case_id, body.revision)
    with report_faults():
        decision = decide_case(
            case_id=case_id,
            answer=body.answer(),
            acting=acting,
            now=timezone.now(),
            revision=revision,
            commit_now=body.commit_now,
        )
    return Status(201, decision_out(decision))


@router.post(
    "/cases/{case_id}/first-choice", response=CaseDetailOut, operation_id="record_first_choice"
)
@may_answer(428)
@requires("cases.decide", scope="rows")
def first_choice(request: HttpRequest, case_id: Id, body: FirstChoiceIn) -> dict[str, Any]:
    """Record what one decides before the model's answer, and return the case with that answer."""
    acting = authorise(request, case_id)
    revision = get_revision_seen(case_id, body.revision)
    with report_faults():
        record_first_choice(
            case_id=case_id,
            outcome=body.outcome,
            acting=acting,
            now=timezone.now(),
            active_seconds=body.active_seconds,
            revision=revision,
        )
    return case_detail_out(find_case(request, case_id), acting)


@router.post("/cases/{case_id}/undo", response=CaseOut, operation_id="undo_decision")
@requires("cases.decide", scope="rows")
def undo(request: HttpRequest, case_id: Id) -> dict[str, Any]:
    """Take one's decision back within the commit window."""
    acting = authorise(request, case_id)
    return case_out(undo_decision(case_id=case_id, acting=acting, now=timezone.now()))


@router.get("/cases/{case_id}/receipt", response=dict[str, Any], operation_id="get_receipt")
@requires("cases.view", scope="rows")
def receipt(request: HttpRequest, case_id: Id) -> dict[str, Any]:
    """Return the receipt of the last committed decision.

    The decision's `digest` is the SHA-256 of its RFC 8785 form.
    """
    return _find_decision(request, find_case(request, case_id)).receipt  # type: ignore[no-any-return]


@router.get(
    "/cases/{case_id}/receipt/check", response=ReceiptCheckOut, operation_id="check_receipt"
)
@requires("cases.view", scope="rows")
def receipt_check(request: HttpRequest, case_id: Id) -> dict[str, Any]:
    """Compare the last committed decision with the ledger: is all still as it was decided on?

    The receipt, the case, the outputs of the run's steps that it was made from, and its files, of
    which those over 20 MB are not read.
    """
    case = find_case(request, case_id)
    decision = _find_decision(request, case)
    found = check_receipt(case, decision)
    return {"ok": not found, "decision": decision.pk, "differences": [asdict(d) for d in found]}


def _find_decision(request: HttpRequest, case: Case) -> Decision:
    found = [each for each in list_decisions(case) if each.receipt]
    if not found or get_veil(case, get_acting(request)).withheld:
        raise Http404("The case is not decided: there is no receipt yet.")
    return found[-1]
