"""Take in the files of a form piece by piece while it is filled in: static/flows/files.js asks."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from flows.documents.errors import Unreadable
from flows.models import PartialUpload
from flows.services.errors import ServiceError
from flows.services.pieces import (
    PIECE_BYTES,
    PieceElsewhere,
    UploadUnknown,
    add_piece,
    begin_upload,
    drop_upload,
    finish_upload,
    get_upload,
)
from flows.views.requests import actor_of, positive_number, user_of
from workbench.accounts.gate import requires
from workbench.http.problems import ApiProblem
from workbench.http.rates import UploadsTooMany
from workbench.http.receiving import receive_file


@requires("runs.start", scope="anywhere")
@require_POST
def upload_begin(request: HttpRequest) -> JsonResponse:
    """Prepare to take in a file of ``size`` bytes, and say how large a piece may be."""
    try:
        upload = begin_upload(
            name=request.POST.get("name", "").strip() or "file",
            media_type=request.POST.get("media_type", "") or "application/octet-stream",
            size=positive_number(request.POST.get("size", "")) or 0,
            user=user_of(request),
            now=timezone.now(),
        )
    except ServiceError as refusal:
        return _refuse(refusal, 422)
    return JsonResponse({**_tell(upload), "piece": PIECE_BYTES}, status=201)


@requires("runs.start", scope="anywhere")
@require_http_methods(["GET", "PUT", "DELETE"])
def upload_piece(request: HttpRequest, upload_id: UUID) -> JsonResponse:
    """Say how much is there, take in the piece at ``?offset=``, or forget the file.

    With the last piece, and for a file that was whole before, the answer has its ``reference``.
    """
    try:
        upload = get_upload(upload_id, user_of(request))
        if request.method == "PUT" and not upload.is_whole:
            upload = _add_piece(request, upload)
        if request.method == "PUT" and upload.is_whole:
            return JsonResponse({**_tell(upload), "reference": _finish(request, upload)})
    except PieceElsewhere as elsewhere:
        return JsonResponse({"received": elsewhere.received}, status=409)
    except UploadUnknown as unknown:
        return _refuse(unknown, 404)
    except ServiceError as refusal:
        return _refuse(refusal, 422)
    except UploadsTooMany as refusal:
        return JsonResponse({"error": f"{refusal} Go on in the next hour."}, status=429)
    if request.method == "DELETE":
        drop_upload(upload)
    return JsonResponse(_tell(upload))


def _add_piece(request: HttpRequest, upload: PartialUpload) -> PartialUpload:
    try:
        content = receive_file(request, PIECE_BYTES)
    except ApiProblem as problem:
        raise ServiceError(
            f"A piece may have {PIECE_BYTES:,} bytes.", "Reload the page."
        ) from problem
    with content.file:
        offset = positive_number(request.GET.get("offset", "")) or 0
        return add_piece(upload, offset=offset, content=content, now=timezone.now())


def _finish(request: HttpRequest, upload: PartialUpload) -> dict[str, Any]:
    """Return the file's reference; forget a file that is refused, which no piece would mend."""
    try:
        return finish_upload(upload, actor=actor_of(request), now=timezone.now())
    except Unreadable as refusal:
        drop_upload(upload)
        raise ServiceError(refusal.message, refusal.remedy) from refusal


def _tell(upload: PartialUpload) -> dict[str, Any]:
    return {"id": str(upload.pk), "received": upload.received, "size": upload.size}


def _refuse(refusal: ServiceError, status: int) -> JsonResponse:
    return JsonResponse({"error": f"{refusal} {refusal.remedy}".strip()}, status=status)
