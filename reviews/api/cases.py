"""Cases over HTTP: list and read them, claim, keep, give back and assign one."""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from ninja import Query, Router
from pydantic import Field

from reviews.api.finding import (
    Id,
    authorise,
    authorise_to_take,
    find_person,
    get_acting,
)
from reviews.api.schemas import CaseDetailOut, CaseOut, case_detail_out, case_out
from reviews.files import evidence_response
from reviews.finding import BIGGEST_ID, find_case, find_queue
from reviews.models import Case
from reviews.rules.filters import NAME_MAX, CaseFilters
from reviews.selectors.acting import Acting
from reviews.selectors.lists import list_cases
from reviews.services.claims import claim_case
from reviews.services.leases import release_case, renew_claim
from reviews.services.looks import note_serving
from reviews.services.passing import assign_case
from workbench.accounts.gate import principal_of, requires
from workbench.http.gateway import may_answer
from workbench.http.problems import ApiProblem
from workbench.http.schemas import FILE, MOST_ROWS, Page, Strict, decode_cursor, encode_cursor
from workbench.http.sign_in import person_of

router = Router(tags=["review"])

Which = Literal["open", "mine", "claimed", "waiting", "decided", "closed", "all"]
Band = Literal["", "overdue", "due_soon", "on_time", "paused"]


class AssignIn(Strict):
    to: str = Field(description="Username.", max_length=NAME_MAX)


@router.get("/cases", response=Page[CaseOut], operation_id="list_cases")
@may_answer(404)
@requires("cases.view", scope="rows")
def cases(
    request: HttpRequest,
    queue: str = "",
    show: Which = "open",
    text: Annotated[str, Query(max_length=200)] = "",
    band: Band = "",
    priority: Annotated[int, Query(ge=0, le=4)] = 0,
    holder: Annotated[str, Query(max_length=150)] = "",
    cursor: str = "",
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
) -> dict[str, Any]:
    """List cases: open ones in the order in which they are given out, closed ones newest first.

    `text` is a number, a subject, or words of a title: of each 10,000 cases a page may be short or
    empty and still have a `next`.
    """
    page = list_cases(
        principal=principal_of(request),
        user=person_of(request),
        now=timezone.now(),
        queue=find_queue(request, queue) if queue else None,
        filters=CaseFilters(
            show=show,
            text=text.strip(),
            band=band,
            priority=priority,
            holder=holder,
        ),
        cursor=_read_cursor(cursor),
        page_size=limit,
    )
    return {
        "items": [case_out(case) for case in page.cases],
        "next": encode_cursor(page.next_cursor) if page.next_cursor else None,
    }


def _read_cursor(cursor: str) -> str:
    """Return where the page starts, as list_cases takes it. Raises: ApiProblem (422)."""
    if not cursor:
        return ""
    position = decode_cursor(cursor)
    parts = position.split("~") if isinstance(position, str) else []
    try:
        if len(parts) == 2 and float(parts[0]) and 0 < int(parts[1]) <= BIGGEST_ID:  # noqa: PLR2004
            return str(position)
    except ValueError:
        pass
    raise ApiProblem(
        422,
        "cursor-invalid",
        "The cursor is not one that this API gave.",
        "Start again without a cursor, and pass `next` of each page unchanged.",
    )


@router.get("/cases/{case_id}", response=CaseDetailOut, operation_id="get_case")
@requires("cases.view", scope="rows")
def case(request: HttpRequest, case_id: Id) -> dict[str, Any]:
    """Return a case with what it shows, what it asks and what was decided."""
    return case_detail_out(find_case(request, case_id), get_acting(request))


@router.post("/cases/{case_id}/claim", response=CaseDetailOut, operation_id="claim_case")
@requires("cases.decide", scope="rows")
def claim(request: HttpRequest, case_id: Id) -> dict[str, Any]:
    """Claim a case, or renew one's claim."""
    acting = authorise_to_take(request, case_id)
    return _give(claim_case(case_id=case_id, acting=acting, now=timezone.now()), acting)


@router.post("/cases/{case_id}/looks", response=CaseDetailOut, operation_id="look_at_case")
@requires("cases.view", scope="rows")
def look(request: HttpRequest, case_id: Id) -> dict[str, Any]:
    """Return a case as GET does, and note that it was given: a decision is measured from then.

    Evidence and active seconds that a decision states count only from the first look.
    """
    return _give(find_case(request, case_id), get_acting(request))


@router.get(
    "/cases/{case_id}/documents/{document_id}", operation_id="get_document", openapi_extra=FILE
)
@requires("cases.view", scope="rows")
def document(request: HttpRequest, case_id: Id, document_id: str) -> HttpResponseBase:
    """Return a file that the case shows, by the `id` that it has there, and note that it was given.

    Required evidence that is a file counts as opened only for who has fetched it.
    """
    case, person = find_case(request, case_id), person_of(request)
    response = evidence_response(request, case, document_id, person, timezone.now())
    if response.status_code != HTTPStatus.OK:
        raise Http404("The stored file is missing.")
    return response


def _give(case: Case, acting: Acting) -> dict[str, Any]:
    """Return the case, noted as given to the person."""
    note_serving(case=case, user=acting.user, now=timezone.now())
    return case_detail_out(case, acting)


@router.post("/cases/{case_id}/heartbeat", response=CaseOut, operation_id="keep_case")
@requires("cases.decide", scope="rows")
def keep(request: HttpRequest, case_id: Id) -> dict[str, Any]:
    """Keep one's claim for another lease."""
    acting = authorise(request, case_id)
    return case_out(renew_claim(case_id=case_id, acting=acting, now=timezone.now()))


@router.post("/cases/{case_id}/release", response=CaseOut, operation_id="release_case")
@requires("cases.decide", scope="rows")
def release(request: HttpRequest, case_id: Id) -> dict[str, Any]:
    """Give a case back to its queue."""
    acting = authorise(request, case_id)
    return case_out(release_case(case_id=case_id, acting=acting, now=timezone.now()))


@router.post("/cases/{case_id}/assign", response=CaseOut, operation_id="assign_case")
@requires("cases.assign", scope="rows")
def assign(request: HttpRequest, case_id: Id, body: AssignIn) -> dict[str, Any]:
    """Give a case to a person, from whoever holds it."""
    acting = authorise(request, case_id, "cases.assign")
    to = find_person(body.to)
    return case_out(assign_case(case_id=case_id, to=to, acting=acting, now=timezone.now()))
