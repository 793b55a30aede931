"""Known answers over HTTP: add and retire them."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field

from reviews.api.finding import Id, get_acting
from reviews.api.problems import map_errors
from reviews.finding import BIGGEST_ID, find_case
from reviews.models.quality import KnownAnswer
from reviews.quality.api.finding import check_leads
from reviews.quality.errors import AnswerNotKnown
from reviews.quality.services.known_answers import add_known_answer, retire_known_answer
from reviews.selectors.editables import KNOWN_ANSWER
from workbench.accounts.gate import requires
from workbench.http.preconditions import edits, shows
from workbench.http.schemas import Strict

router = Router(tags=["quality"])

map_errors({AnswerNotKnown: "Name a case that a person decided, and one of its outcomes."})


class KnownAnswerIn(Strict):
    case: int = Field(ge=1, le=BIGGEST_ID)
    outcome: str = Field(min_length=1, max_length=80)
    note: str = Field("", max_length=500)


class KnownAnswerOut(Schema):
    id: int
    case: int
    queue: str
    outcome: str
    note: str
    retired_at: datetime | None
    revision: str


@router.post(
    "/quality/known-answers", response={201: KnownAnswerOut}, operation_id="add_known_answer"
)
@requires("quality.manage", scope="rows")
def add_answer(request: HttpRequest, body: KnownAnswerIn) -> Status[Any]:
    """Make a decided case a known answer; copies of it are mixed into its queue."""
    case = find_case(request, body.case, "quality.manage")
    answer = add_known_answer(
        case=case, outcome=body.outcome, note=body.note, acting=get_acting(request),
        now=timezone.now(),
    )  # fmt: skip
    return Status(201, _answer_out(answer))


@router.get(
    "/quality/known-answers/{answer_id}", response=KnownAnswerOut, operation_id="get_known_answer"
)
@requires("quality.manage", scope="rows")
@shows(KNOWN_ANSWER)
def get_answer(request: HttpRequest, answer_id: Id) -> dict[str, Any]:
    """Return a known answer, in use or retired."""
    return _answer_out(_find_answer(request, answer_id))


@router.delete(
    "/quality/known-answers/{answer_id}", response={204: None}, operation_id="retire_known_answer"
)
@requires("quality.manage", scope="rows")
@edits(KNOWN_ANSWER, lambda request, given: [_find_answer(request, given["answer_id"]).pk])
def retire_answer(request: HttpRequest, answer_id: Id) -> Status[None]:
    """Stop mixing in a known answer. Settled checks stay."""
    answer = _find_answer(request, answer_id)
    retire_known_answer(answer=answer, acting=get_acting(request), now=timezone.now())
    return Status(204, None)


def _find_answer(request: HttpRequest, answer_id: int) -> KnownAnswer:
    """Raises: Http404, PermissionDenied."""
    answer = KnownAnswer.objects.select_related("queue").filter(pk=answer_id).first()
    if answer is None:
        raise Http404(f"There is no known answer {answer_id}.")
    check_leads(request, queue=answer.queue.name)
    return answer


def _answer_out(answer: KnownAnswer) -> dict[str, Any]:
    return {
        "id": answer.pk,
        "case": answer.case_id,
        "queue": answer.queue.name,
        "outcome": answer.outcome,
        "note": answer.note,
        "retired_at": answer.retired_at,
        "revision": KNOWN_ANSWER.revision_of(answer),
    }
