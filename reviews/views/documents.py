"""The documents of a case, for those who may see the case."""

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_GET

from flows.models import Artifact
from reviews.models import Attachment, Case
from reviews.rules.documents import artifact_digest
from reviews.services.receipts import files_of
from reviews.views.gate import case_view

# What a browser may show by itself; anything else is only handed over as a file.
SHOWN_TYPES = frozenset(
    {"application/pdf", "image/png", "image/jpeg", "image/webp", "image/gif", "audio/mpeg",
     "audio/wav", "audio/ogg", "text/plain"}
)  # fmt: skip
SANDBOX = "default-src 'none'; sandbox"


@require_GET
@case_view("cases.view")
def document(request: HttpRequest, case: Case, document_id: str) -> HttpResponseBase:
    """Send a document in a sandbox of its own: it is the applicant's file, not a page of ours."""
    found = next((d for d in files_of(case.shown) if d["id"] == document_id), None)
    digest = artifact_digest(found.get("artifact")) if found else ""
    artifact = Artifact.objects.filter(digest=digest).first() if digest else None
    if artifact is None:
        raise Http404("The case has no such document.")
    return _send(artifact, document_id)


@require_GET
@case_view("cases.view")
def attachment(request: HttpRequest, case: Case, attachment_id: int) -> HttpResponseBase:
    return attachment_response(case, attachment_id)


def attachment_response(case: Case, attachment_id: int) -> HttpResponseBase:
    """Send a file that someone added to the case, as a document is sent. Raises: Http404."""
    found = Attachment.objects.filter(case=case, pk=attachment_id).first()
    artifact = Artifact.objects.filter(digest=found.digest).first() if found else None
    if found is None or artifact is None:
        raise Http404("The case has no such file.")
    return _send(artifact, found.name)


def _send(artifact: Artifact, name: str) -> HttpResponseBase:
    kind = artifact.media_type.split(";")[0].strip().lower()
    shown = kind in SHOWN_TYPES
    try:
        stored = default_storage.open(artifact.path)
    except FileNotFoundError:
        return HttpResponse(
            "The stored document is missing.", status=410, content_type="text/plain"
        )
    response = FileResponse(
        stored,
        content_type=kind if shown else "application/octet-stream",
        as_attachment=not shown,
        filename=artifact.name or name,
    )
    response["Content-Security-Policy"] = SANDBOX
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, max-age=3600, immutable"
    response["ETag"] = f'"{artifact.digest}"'
    return response
