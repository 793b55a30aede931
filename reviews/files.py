"""Responses that send the files of a case, each in a sandbox."""

from datetime import datetime
from functools import partial
from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase

from flows.models import Artifact
from flows.runtime.artifacts import open_artifact
from flows.runtime.labels import Label
from flows.selectors import find_artifact_of_run
from reviews.models import Attachment, Case
from reviews.rules.documents import find_page, get_artifact_digest, list_files
from reviews.services.looks import note_serving
from workbench.accounts.models import User
from workbench.files.errors import FileUnreadable
from workbench.http.sending import send_file

# What a browser may show; anything else is sent as a download.
SHOWN_TYPES = frozenset(
    {"application/pdf", "image/png", "image/jpeg", "image/webp", "image/gif", "audio/mpeg",
     "audio/wav", "audio/ogg", "text/plain"}
)  # fmt: skip
SANDBOX = "default-src 'none'; sandbox"


def attachment_response(request: HttpRequest, case: Case, attachment_id: int) -> HttpResponseBase:
    """Return the response that sends a file someone added to the case. Raises: Http404."""
    found = Attachment.objects.filter(case=case, pk=attachment_id).first()
    artifact = Artifact.objects.filter(digest=found.digest).first() if found else None
    if found is None or artifact is None:
        raise Http404("The case has no such file.")
    return artifact_response(request, artifact, Label(found.name, found.media_type))


def evidence_response(
    request: HttpRequest,
    case: Case,
    evidence: str,
    user: User,
    now: datetime,
    *,
    page: int | None = None,
) -> HttpResponseBase:
    """Return the response that sends a file which the case shows, noted as given to the person.

    ``page`` asks for the image of one page of it. Raises: Http404.
    """
    found = next((each for each in list_files(case.shown) if each["id"] == evidence), None)
    if found and page is not None:
        found = {"artifact": find_page(found, page).get("image")}
    digest = get_artifact_digest(found.get("artifact")) if found else ""
    held = find_artifact_of_run(digest, case.run_id) if digest else None
    if held is None:
        raise Http404("The case has no such document.")
    label = Label(held.name or evidence, held.media_type)
    response = artifact_response(request, held.artifact, label)
    if response.status_code < HTTPStatus.BAD_REQUEST:
        note_serving(case=case, user=user, now=now, evidence=evidence)
    return response


def artifact_response(request: HttpRequest, artifact: Artifact, label: Label) -> HttpResponseBase:
    """Return the response that sends a stored file by its label; 410 if it cannot be read."""
    kind = label.media_type.split(";")[0].strip().lower()
    shown = kind in SHOWN_TYPES
    try:
        response = send_file(
            request,
            partial(open_artifact, artifact),
            size=artifact.size,
            digest=artifact.digest,
            content_type=kind if shown else "application/octet-stream",
            as_attachment=not shown,
            filename=label.name,
        )
    except (FileNotFoundError, FileUnreadable):
        return HttpResponse(
            "The stored document is missing or damaged.", status=410, content_type="text/plain"
        )
    response["Content-Security-Policy"] = SANDBOX
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, max-age=3600, immutable"
    return response
