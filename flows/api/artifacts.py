"""Stored payloads over HTTP."""

from functools import partial
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from pydantic import Field

from flows import selectors
from flows.api.finding import (
    BIGGEST_ID,
    get_reach,
)
from flows.models import RunArtifact
from flows.runtime.artifacts import ArtifactTooLarge, open_artifact
from flows.services.uploads import upload_artifact
from workbench.accounts.gate import requires
from workbench.http.gateway import accepts, may_answer
from workbench.http.problems import ApiProblem, map_error, map_error_by
from workbench.http.rates import HOUR, UploadsTooMany
from workbench.http.reading import body_of
from workbench.http.receiving import receive_file
from workbench.http.schemas import FILE
from workbench.http.sending import send_file
from workbench.http.sign_in import actor_of, person_of

router = Router(tags=["flows"])

map_error(
    ArtifactTooLarge,
    status=413,
    code="artifact-too-large",
    remedy="Split it, or store it elsewhere.",
)


def too_many_uploads(error: UploadsTooMany) -> ApiProblem:
    remedy = "Wait until the next hour, or raise UPLOAD_BYTES_AN_HOUR."
    headers = {"Retry-After": str(HOUR)}
    return ApiProblem(429, "uploads-too-many", str(error), remedy, headers=headers)


map_error_by(UploadsTooMany, too_many_uploads)


class ArtifactOut(Schema):
    artifact: str = Field(description="SHA-256 of the content; pass the whole object as input.")
    media_type: str
    name: str
    size: int


class ArtifactIn(Schema):
    name: str = Field("", max_length=200, description="A file name, for people.")


class ArtifactQuery(Schema):
    run: int = Field(ge=1, le=BIGGEST_ID, description="A run that holds it.")


@router.post("/artifacts", response={201: ArtifactOut}, operation_id="store_artifact")
@accepts(
    "application/octet-stream", "application/pdf", "application/json", "image/png", "image/jpeg",
    "image/webp", "image/gif", "text/plain", "text/csv", "audio/mpeg", "audio/wav",
    max_bytes=settings.MAX_ARTIFACT_BYTES,
    read=lambda request: receive_file(request, settings.MAX_ARTIFACT_BYTES),
)  # fmt: skip
@may_answer(429)
@requires("runs.start", scope="anywhere")
def add_artifact(request: HttpRequest, wanted: Query[ArtifactIn]) -> Status[dict[str, Any]]:
    """Store the body, with its Content-Type, as an artifact, to be given to runs.

    The same content is stored once, and has for each who uploads it the name and type that they
    gave. Whoever uploaded it, or may see a run that holds it, may pass it to a run.
    """
    reference = upload_artifact(
        content=body_of(request),
        media_type=request.content_type or "application/octet-stream",
        name=wanted.name,
        user=person_of(request),
        actor=actor_of(request),
        now=timezone.now(),
    )
    return Status(201, reference)


@router.get("/artifacts/{digest}", operation_id="get_artifact", openapi_extra=FILE)
@requires("runs.view", scope="rows")
def get_artifact(
    request: HttpRequest, digest: str, wanted: Query[ArtifactQuery]
) -> HttpResponseBase:
    """Return the content of an artifact that a run holds: it was given to it, or it made it.

    `Range` asks for a part of it (206, or 416 for none), and its digest is the ETag.
    """
    try:
        found = selectors.get_artifact(
            digest, run_id=wanted.run, within=get_reach(request, "runs.view")
        )
    except RunArtifact.DoesNotExist:
        raise Http404(f"Run {wanted.run} holds no artifact {digest}.") from None
    response = send_file(
        request,
        partial(open_artifact, found.artifact),
        size=found.artifact.size,
        digest=digest,
        as_attachment=True,
        filename=found.name or digest[:12],
    )
    response["X-Content-Type-Options"] = "nosniff"
    return response
