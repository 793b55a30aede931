"""Files of a case over HTTP: add one with a comment, list them, download one."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from pydantic import Field

from reviews.api.finding import Id, get_acting
from reviews.errors import CaseFilesFull, CommentTooLarge, DecisionInvalid, UploadsExceeded
from reviews.files import attachment_response
from reviews.finding import find_case
from reviews.models import Attachment, Case
from reviews.rules.answers import COMMENT_MAX
from reviews.rules.attachments import BEGINNINGS, MOST_BYTES, PLAIN, RIFF_KINDS, NewFile
from reviews.selectors.cases import list_attachments
from reviews.services.conversation import add_comment
from workbench.accounts.gate import requires
from workbench.http.gateway import accepts, may_answer
from workbench.http.problems import ApiProblem
from workbench.http.rates import HOUR
from workbench.http.schemas import FILE, Page

router = Router(tags=["review"])
# The stored type is read from the content, so JSON and CSV are kept as plain text.
ACCEPTED_TYPES = {*BEGINNINGS.values(), *RIFF_KINDS.values(), PLAIN, "text/csv", "application/json"}


REMEDIES: dict[type[DecisionInvalid], str] = {
    CommentTooLarge: "Send a smaller file, or raise MAX_COMMENT_BYTES.",
    CaseFilesFull: "Keep the file elsewhere, or raise MAX_CASE_FILES and MAX_CASE_BYTES.",
    UploadsExceeded: "Wait until the next hour, or raise UPLOAD_BYTES_AN_HOUR.",
}


class AttachmentOut(Schema):
    id: int
    case: int
    comment: int
    name: str
    media_type: str = Field(description="As read from the file's first bytes.")
    size: int = Field(description="Bytes.")
    digest: str = Field(description="SHA-256 of the content.")
    added_by: str
    at: datetime
    url: str


class AttachmentIn(Schema):
    name: str = Field(min_length=1, max_length=200, description="The file name that people see.")
    text: str = Field("", max_length=COMMENT_MAX, description="The comment that goes with it.")


@router.post(
    "/cases/{case_id}/attachments", response={201: AttachmentOut}, operation_id="attach_to_case"
)
@accepts("application/octet-stream", *sorted(ACCEPTED_TYPES), max_bytes=MOST_BYTES)
@may_answer(413, 422, 429)
@requires("cases.view", scope="rows")
def attach(request: HttpRequest, case_id: Id, wanted: Query[AttachmentIn]) -> Status[Any]:
    """Add the body to a case as a file: PDF, image, audio or plain text of at most 10 MB.

    Its type is read from its first bytes, whatever its Content-Type says.
    """
    case = find_case(request, case_id)
    try:
        comment = add_comment(
            case_id=case_id,
            body=wanted.text.strip() or f"Attached {wanted.name}.",
            files=[NewFile(wanted.name, request.body)],
            acting=get_acting(request),
            now=timezone.now(),
        )
    except DecisionInvalid as error:
        raise _problem_of(error) from error
    return Status(201, _attachment_out(case, comment.attachments.get()))


def _problem_of(error: DecisionInvalid) -> ApiProblem:
    if type(error) in REMEDIES:
        headers = {"Retry-After": str(HOUR)} if isinstance(error, UploadsExceeded) else {}
        code = error.code.replace("_", "-")
        return ApiProblem(error.status, code, str(error), REMEDIES[type(error)], headers=headers)
    remedy = "Send one PDF, image, audio or plain text file as the body."
    return ApiProblem(422, "attachment-refused", str(error), remedy)


@router.get(
    "/cases/{case_id}/attachments",
    response=Page[AttachmentOut],
    operation_id="list_attachments",
)
@requires("cases.view", scope="rows")
def attachments(request: HttpRequest, case_id: Id) -> dict[str, Any]:
    """List the files that people added to a case, the oldest first."""
    case = find_case(request, case_id)
    return {"items": [_attachment_out(case, each) for each in list_attachments(case)], "next": None}


@router.get(
    "/cases/{case_id}/attachments/{attachment_id}",
    operation_id="get_attachment",
    openapi_extra=FILE,
    url_name="attachment",
)
@requires("cases.view", scope="rows")
def attachment(request: HttpRequest, case_id: Id, attachment_id: Id) -> HttpResponseBase:
    """Return the content of a file that was added to a case."""
    response = attachment_response(request, find_case(request, case_id), attachment_id)
    if response.status_code != 200:  # noqa: PLR2004
        raise Http404("The stored file is missing.")
    return response


def _attachment_out(case: Case, each: Attachment) -> dict[str, Any]:
    names = ("id", "name", "media_type", "size", "digest", "at")
    return {
        **{name: getattr(each, name) for name in names},
        "case": case.pk,
        "comment": each.comment_id,
        "added_by": each.added_by.username,
        "url": reverse("api-v1:attachment", args=[case.pk, each.pk]),
    }
