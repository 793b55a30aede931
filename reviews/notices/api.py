"""A person's notices over HTTP."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from pydantic import Field

from reviews.finding import BIGGEST_ID
from reviews.models.notices import Notice
from reviews.notices.selectors import PAGE_SIZE, list_notices
from reviews.services.telling import mark_read
from workbench.accounts.gate import principal_of, requires
from workbench.http.numbers import number_in
from workbench.http.schemas import Page, Strict
from workbench.http.sign_in import person_of

router = Router(tags=["notices"])


class NoticeOut(Schema):
    id: int
    kind: str
    case: int | None = Field(description="Null for a notice about no case.")
    title: str
    path: str = Field(description="Of the page that it leads to.")
    by: str
    said: str
    at: datetime
    read_at: datetime | None


class ReadIn(Strict):
    notice: Annotated[int, Field(ge=1, le=BIGGEST_ID)] | None = Field(
        None, description="Which one; null: all of them."
    )


@router.get("/notices", response=Page[NoticeOut], operation_id="list_notices")
@requires("cases.view", scope="own")
def notices(
    request: HttpRequest, cursor: Annotated[str, Query(pattern=r"^[0-9]{0,18}$")] = ""
) -> dict[str, Any]:
    """List one's notices, newest first."""
    rows = list_notices(principal_of(request), number_in(cursor))
    page = rows[:PAGE_SIZE]
    return {
        "items": [_notice_out(each) for each in page],
        "next": str(page[-1].pk) if len(rows) > PAGE_SIZE else None,
    }


@router.post("/notices/read", response={204: None}, operation_id="mark_notices_read")
@requires("cases.view", scope="own")
def read(request: HttpRequest, body: ReadIn) -> Status[None]:
    """Mark one of one's notices as read, or all."""
    mark_read(person=person_of(request), now=timezone.now(), notice_id=body.notice)
    return Status(204, None)


def _notice_out(notice: Notice) -> dict[str, Any]:
    names = ("kind", "by", "said", "at", "read_at")
    return {
        **{name: getattr(notice, name) for name in names},
        "id": notice.pk,
        "case": notice.case_id,
        "title": notice.case.title if notice.case else notice.title,
        "path": notice.path or reverse("reviews:case", args=[notice.case_id]),
    }
