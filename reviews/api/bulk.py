"""The API of what is decided together, and of what is decided anew."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field

from reviews.api.finding import Id, acting_on, case_seen, listed_faults, queue_named
from reviews.rules.answers import COMMENT_MAX
from reviews.selectors.acting import acting_as
from reviews.selectors.cases import similar_cases
from reviews.services.bulk import MOST, decide_in_bulk, list_like_cases
from reviews.services.reopening import reopen_case
from workbench.accounts.gate import principal_of, requires
from workbench.http.schemas import Strict

router = Router(tags=["review"])


class LikeCaseOut(Schema):
    id: int
    revision: int
    title: str
    value: float | None
    confidence: float | None


class LikeCasesOut(Schema):
    key: str
    outcome: str = Field(description="What the model suggests, and all that they are decided as.")
    cases: list[LikeCaseOut]
    sample: list[int] = Field(description="The cases to look at before deciding.")


class BulkIn(Strict):
    outcome: str = Field(min_length=1, max_length=80)
    cases: dict[int, int] = Field(description="Revision seen, by case id.", max_length=MOST)
    looked_at: list[int] = Field(description="Ids; the whole sample must be among them.")
    comment: str = Field("", max_length=COMMENT_MAX)


class BulkOut(Schema):
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


@router.get("/queues/{name}/like", response=list[LikeCasesOut], operation_id="list_like_cases")
@requires("cases.decide", queue="name")
def like(request: HttpRequest, name: str) -> list[dict[str, Any]]:
    """List the groups of like, low-risk cases of the queue, each with its sample."""
    acting = acting_as(principal_of(request), "api")
    groups = list_like_cases(queue=queue_named(request, name), acting=acting, now=timezone.now())
    return [
        {
            "key": group.key,
            "outcome": group.outcome,
            "cases": list(group.cases),
            "sample": [case.pk for case in group.sample],
        }
        for group in groups
    ]


@router.post("/queues/{name}/decisions", response=BulkOut, operation_id="decide_like_cases")
@requires("cases.decide", queue="name")
def decide_together(request: HttpRequest, name: str, body: BulkIn) -> dict[str, Any]:
    """Decide like, low-risk cases as the model suggests, after a look at the sample."""
    with listed_faults():
        found = decide_in_bulk(
            queue=queue_named(request, name),
            revisions=body.cases,
            outcome=body.outcome,
            looked_at=body.looked_at,
            comment=body.comment,
            acting=acting_as(principal_of(request), "api"),
            now=timezone.now(),
        )
    return {"decided": found.decided, "left": found.left}


@router.get("/cases/{case_id}/similar", response=list[SimilarOut], operation_id="similar_cases")
@requires("cases.view")
def similar(request: HttpRequest, case_id: Id) -> list[Any]:
    """List the decided cases that are most like this one, the nearest first."""
    return similar_cases(case_seen(request, case_id))


@router.post("/cases/{case_id}/reopen", response={201: ReopenedOut}, operation_id="reopen_case")
@requires("cases.decide")
def reopen(request: HttpRequest, case_id: Id, body: ReopenIn) -> Any:
    """Have a decided case decided anew; only someone who did not decide it may ask for it."""
    acting = acting_on(request, case_id)
    with listed_faults():
        run = reopen_case(case_id=case_id, reason=body.reason, acting=acting, now=timezone.now())
    return Status(201, {"run": run.pk})
