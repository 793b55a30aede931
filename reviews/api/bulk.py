"""Decide like cases together over HTTP, find similar ones, and reopen a decided one."""

from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field

from reviews.api.finding import Id, authorise, get_acting
from reviews.api.problems import report_faults
from reviews.finding import BIGGEST_ID, find_case, find_queue
from reviews.rules.answers import COMMENT_MAX
from reviews.selectors.cases import list_similar_cases
from reviews.services.bulk import MOST, decide_in_bulk, list_like_cases
from reviews.services.reopening import reopen_case
from workbench.accounts.gate import requires
from workbench.http.schemas import MOST_REVISION, Page, Strict, whole_page

router = Router(tags=["review"])
CaseId = Annotated[int, Field(ge=1, le=BIGGEST_ID)]
# The keys of a JSON object are texts.
CaseKey = Annotated[int, Field(ge=1, le=BIGGEST_ID, strict=False)]
Revision = Annotated[int, Field(ge=0, le=MOST_REVISION)]


class LikeCaseOut(Schema):
    id: int
    revision: int
    title: str
    value: float | None
    confidence: float | None


class LikeCasesOut(Schema):
    key: str
    outcome: str = Field(description="What the model suggests; the group is decided as this.")
    cases: list[LikeCaseOut]
    sample: list[int] = Field(description="Ids of the cases to look at first.")


class LikeDecisionIn(Strict):
    outcome: str = Field(min_length=1, max_length=80)
    cases: dict[CaseKey, Revision] = Field(
        min_length=1,
        max_length=MOST,
        description="Revision seen, by case id.",
        json_schema_extra={"propertyNames": {"pattern": "^[1-9][0-9]*$"}},
    )
    looked_at: list[CaseId] = Field(
        max_length=MOST, description="Ids; the whole sample must be among them."
    )
    comment: str = Field("", max_length=COMMENT_MAX)


class LikeDecisionOut(Schema):
    decided: list[int]
    left: dict[int, str] = Field(description="Why a case was left as it was, by its id.")


class SimilarOut(Schema):
    id: int
    title: str
    outcome: str
    distance: float = Field(description="Gower's distance: 0 the same, 1 as far apart as any two.")


class ReopenIn(Strict):
    reason: str = Field(min_length=1, max_length=COMMENT_MAX)


class ReopenedOut(Schema):
    run: int = Field(description="The run that goes on from the case's checkpoint.")


@router.get("/queues/{name}/like", response=Page[LikeCasesOut], operation_id="list_like_cases")
@requires("cases.decide", scope="rows:name")
def like(request: HttpRequest, name: str) -> dict[str, Any]:
    """List the groups of like, low-risk cases of the queue, each with its sample."""
    queue = find_queue(request, name)
    groups = list_like_cases(queue=queue, acting=get_acting(request), now=timezone.now())
    return whole_page(
        {
            "key": group.key,
            "outcome": group.outcome,
            "cases": list(group.cases),
            "sample": [case.pk for case in group.sample],
        }
        for group in groups
    )


@router.post("/queues/{name}/decisions", response=LikeDecisionOut, operation_id="decide_like_cases")
@requires("cases.decide", scope="rows:name")
def decide_together(request: HttpRequest, name: str, body: LikeDecisionIn) -> dict[str, Any]:
    """Decide like, low-risk cases together as the model suggests, once the sample was looked at."""
    with report_faults():
        found = decide_in_bulk(
            queue=find_queue(request, name),
            revisions=body.cases,
            outcome=body.outcome,
            looked_at=body.looked_at,
            comment=body.comment,
            acting=get_acting(request),
            now=timezone.now(),
        )
    return {"decided": found.decided, "left": found.left}


@router.get("/cases/{case_id}/similar", response=Page[SimilarOut], operation_id="similar_cases")
@requires("cases.view", scope="rows")
def similar(request: HttpRequest, case_id: Id) -> dict[str, Any]:
    """List the decided cases that are most like this one, the nearest first."""
    return whole_page(list_similar_cases(find_case(request, case_id), get_acting(request)))


@router.post("/cases/{case_id}/reopen", response={201: ReopenedOut}, operation_id="reopen_case")
@requires("cases.decide", scope="rows")
def reopen(request: HttpRequest, case_id: Id, body: ReopenIn) -> Any:
    """Have a decided case decided anew. Whoever decided it cannot ask for this."""
    acting = authorise(request, case_id)
    with report_faults():
        run = reopen_case(case_id=case_id, reason=body.reason, acting=acting, now=timezone.now())
    return Status(201, {"run": run.pk})
