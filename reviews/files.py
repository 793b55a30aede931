"""Responses that send the files of a case, each in a sandbox."""

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase

from flows.models import Artifact
from reviews.models import Attachment, Case

# What a browser may show; anything else is sent as a download.
SHOWN_TYPES = frozenset(
    {"application/pdf", "image/png", "image/jpeg", "image/webp", "image/gif", "audio/mpeg",
     "audio/wav", "audio/ogg", "text/plain"}
)  # fmt: skip
SANDBOX = "default-src 'none'; sandbox"


def attachment_response(case: Case, attachment_id: int) -> HttpResponseBase:
    """Return the response that sends a file someone added to the case. Raises: Http404."""
    found = Attachment.objects.filter(case=case, pk=attachment_id).first()
    artifact = Artifact.objects.filter(digest=found.digest).first() if found else None
    if found is None or artifact is None:
        raise Http404("The case has no such file.")
    return artifact_response(artifact, found.name)


def artifact_response(artifact: Artifact, name: str) -> HttpResponseBase:
    """Return the response that sends a stored file; 410 if the file is gone."""
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
