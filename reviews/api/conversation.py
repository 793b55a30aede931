"""Comment on a case over HTTP, ask someone outside, bring their answer, escalate."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Status
from pydantic import Field

from reviews.api.finding import Id, authorise, get_acting
from reviews.api.problems import report_faults
from reviews.api.schemas import CaseOut, case_out
from reviews.finding import find_case
from reviews.rules.answers import COMMENT_MAX
from reviews.services.conversation import add_comment, escalate_case, reply, request_information
from reviews.services.links import ensure_reply_link
from workbench.accounts.gate import requires
from workbench.http.schemas import Strict
from workbench.http.sign_in import actor_of

router = Router(tags=["review"])


class TextIn(Strict):
    text: str = Field(min_length=1, max_length=COMMENT_MAX)


class QuestionIn(TextIn):
    to: str = Field("", description="Mail address to send the question to, with a link to answer.")
    fields: list[str] = Field(
        [], max_length=50, description="Keys of editable fields that whoever answers may correct."
    )


class QuestionOut(CaseOut):
    reply_url: str = Field(description="Whoever has it may answer, once.")


class ReplyIn(Strict):
    text: str = Field(min_length=1, max_length=COMMENT_MAX)
    changes: dict[str, Any] = Field({}, description="New values of fields, by key.")


@router.post("/cases/{case_id}/comments", response={201: None}, operation_id="comment_on_case")
@requires("cases.view", scope="rows")
def comment(request: HttpRequest, case_id: Id, body: TextIn) -> Status[None]:
    """Comment on a case; @username notifies that person."""
    find_case(request, case_id)
    with report_faults():
        add_comment(case_id=case_id, body=body.text, acting=get_acting(request), now=timezone.now())
    return Status(201, None)


@router.post(
    "/cases/{case_id}/information", response=QuestionOut, operation_id="request_information"
)
@requires("cases.decide", scope="rows")
def information(request: HttpRequest, case_id: Id, body: QuestionIn) -> dict[str, Any]:
    """Ask someone outside, who may answer by the link. The SLA clock is paused until then."""
    acting, now = authorise(request, case_id), timezone.now()
    with report_faults():
        asked = request_information(
            case_id=case_id,
            question=body.text,
            to=body.to,
            fields=body.fields,
            acting=acting,
            now=now,
        )
    return {**case_out(find_case(request, case_id)), "reply_url": ensure_reply_link(asked, now)}


@router.post("/cases/{case_id}/reply", response=CaseOut, operation_id="reply_to_case")
@requires("cases.decide", scope="rows")
def answer(request: HttpRequest, case_id: Id, body: ReplyIn) -> dict[str, Any]:
    """Record the answer to the open question; the case returns to its queue."""
    authorise(request, case_id)
    with report_faults():
        found = reply(
            case_id=case_id,
            answer=body.text,
            changes=body.changes,
            actor=actor_of(request),
            now=timezone.now(),
        )
    return case_out(found)


@router.post("/cases/{case_id}/escalate", response=CaseOut, operation_id="escalate_case")
@requires("cases.decide", scope="rows")
def escalate(request: HttpRequest, case_id: Id, body: TextIn) -> dict[str, Any]:
    """Pass a case to someone with more authority."""
    acting = authorise(request, case_id)
    with report_faults():
        found = escalate_case(case_id=case_id, comment=body.text, acting=acting, now=timezone.now())
    return case_out(found)
