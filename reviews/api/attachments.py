"""Files of a case over HTTP: add one with a comment, list them, fetch one."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from pydantic import Field

from reviews.api.finding import Id, case_seen
from reviews.errors import DecisionInvalid
from reviews.files import attachment_response
from reviews.models import Attachment, Case
from reviews.rules.answers import COMMENT_MAX
from reviews.rules.attachments import BEGINNINGS, MOST_BYTES, PLAIN, RIFF_KINDS, NewFile
from reviews.selectors.acting import acting_as
from reviews.selectors.cases import attachments_of
from reviews.services.conversation import add_comment
from workbench.accounts.gate import principal_of, requires
from workbench.http.gateway import accepts
from workbench.http.problems import ApiProblem
from workbench.http.schemas import Page

router = Router(tags=["review"])
# What is kept is told by the content: JSON and CSV are plain text.
SENT_AS = {*BEGINNINGS.values(), *RIFF_KINDS.values(), PLAIN, "text/csv", "application/json"}


class AttachmentOut(Schema):
    id: int
    case: int
    comment: int
    name: str
    media_type: str = Field(description="What the file is by its first bytes.")
    size: int = Field(description="Bytes.")
    digest: str = Field(description="SHA-256 of the content.")
    added_by: str
    at: datetime
    url: str


class AttachmentIn(Schema):
    name: str = Field(min_length=1, max_length=200, description="A file name, for people.")
    text: str = Field("", max_length=COMMENT_MAX, description="The comment it comes with.")


@router.post(
    "/cases/{case_id}/attachments", response={201: AttachmentOut}, operation_id="attach_to_case"
)
@accepts("application/octet-stream", *sorted(SENT_AS), max_bytes=MOST_BYTES)
@requires("cases.view")
def attach(request: HttpRequest, case_id: Id, wanted: Query[AttachmentIn]) -> Status[Any]:
    """Add the body to a case as a file: PDF, image, audio or plain text of at most 10 MB.

    What it is, is told by its first bytes, whatever its Content-Type says.
    """
    case = case_seen(request, case_id)
    name = wanted.name.replace("\0", "")
    try:
        comment = add_comment(
            case_id=case_id,
            body=wanted.text.replace("\0", "").strip() or f"Attached {name}.",
            files=[NewFile(name, request.body)],
            acting=acting_as(principal_of(request), "api"),
            now=timezone.now(),
        )
    except DecisionInvalid as error:
        remedy = "Send one PDF, image, audio or plain text file as the body."
        raise ApiProblem(422, "attachment-refused", str(error), remedy) from error
    return Status(201, _attachment_out(case, comment.attachments.get()))


@router.get(
    "/cases/{case_id}/attachments",
    response=Page[AttachmentOut],
    operation_id="list_attachments",
)
@requires("cases.view")
def attachments(request: HttpRequest, case_id: Id) -> dict[str, Any]:
    """List the files that people added to a case, the oldest first."""
    case = case_seen(request, case_id)
    return {"items": [_attachment_out(case, each) for each in attachments_of(case)], "next": None}


@router.get(
    "/cases/{case_id}/attachments/{attachment_id}",
    operation_id="get_attachment",
    url_name="attachment",
)
@requires("cases.view")
def attachment(request: HttpRequest, case_id: Id, attachment_id: Id) -> HttpResponseBase:
    """Return the content of a file that was added to a case."""
    response = attachment_response(case_seen(request, case_id), attachment_id)
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
