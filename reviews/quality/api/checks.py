"""Checks over HTTP: list them, and close a disagreement."""

from datetime import datetime
from typing import Any, Literal

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field

from reviews.api.finding import Id, get_acting
from reviews.api.problems import map_errors
from reviews.finding import BIGGEST_ID
from reviews.models.quality import QualityCheck
from reviews.quality.api.finding import check_leads
from reviews.quality.errors import CheckNotSettled
from reviews.quality.selectors.lists import list_checks
from reviews.quality.services.disagreements import close_disagreement
from workbench.accounts.gate import principal_of, requires
from workbench.http.schemas import Page, Strict, decode_cursor, encode_cursor

router = Router(tags=["quality"])

map_errors({CheckNotSettled: "Read the checks with show=open."})


class CheckOut(Schema):
    id: int
    case: int
    kind: str = Field(description="sample, second or known.")
    state: str
    original: int | None = Field(description="The case it repeats.")
    run: int
    expected: str
    expected_by: str | None = Field(description="Null for a machine and for known answers.")
    outcome: str
    decided_by: str | None
    agreed: bool | None
    settled_at: datetime | None
    looked_at: datetime | None
    note: str


class NoteIn(Strict):
    note: str = Field(min_length=1, max_length=500, description="What came of it.")


@router.get("/quality/checks", response=Page[CheckOut], operation_id="list_quality_checks")
@requires("insights.people", scope="rows")
def checks(
    request: HttpRequest,
    show: Literal["open", "closed", "agreed", "waiting"] = "open",
    kind: Literal["", "sample", "second", "known"] = "",
    cursor: str = "",
) -> dict[str, Any]:
    """List checks, the newest first. `open` ones are disagreements that nobody has looked at."""
    page = list_checks(principal_of(request), which=show, kind=kind, before=_read_cursor(cursor))
    return {
        "items": [_check_out(check) for check in page.checks],
        "next": encode_cursor(page.before) if page.before else None,
    }


def _read_cursor(cursor: str) -> int | None:
    """Return the id before which the page starts; None for a cursor that holds none."""
    before = decode_cursor(cursor) if cursor else None
    return before if type(before) is int and 0 < before <= BIGGEST_ID else None


def _check_out(check: QualityCheck) -> dict[str, Any]:
    names = ("id", "kind", "state", "expected", "outcome", "agreed", "settled_at", "looked_at",
             "note")  # fmt: skip
    return {
        **{name: getattr(check, name) for name in names},
        "case": check.case_id,
        "original": check.original_id,
        "run": check.case.run_id,
        "expected_by": check.expected_by.username if check.expected_by else None,
        "decided_by": check.decided_by.username if check.decided_by else None,
    }


@router.post(
    "/quality/checks/{check_id}/close", response={204: None}, operation_id="close_quality_check"
)
@requires("quality.manage", scope="rows")
def close(request: HttpRequest, check_id: Id, body: NoteIn) -> Status[None]:
    """Close a disagreement with a note on what came of it."""
    check = QualityCheck.objects.select_related("case__queue").filter(pk=check_id).first()
    if check is None:
        raise Http404(f"There is no check {check_id}.")
    check_leads(request, flow=check.case.flow, queue=check.case.queue.name)
    close_disagreement(check=check, note=body.note, acting=get_acting(request), now=timezone.now())
    return Status(204, None)
