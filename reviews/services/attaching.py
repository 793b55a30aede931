"""Add files to a case, within the bounds of a comment, of the case and of the person's hour."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Sum

from flows.runtime.artifacts import store_artifact
from reviews.errors import CaseFilesFull, CommentTooLarge, DecisionInvalid, UploadsExceeded
from reviews.models import Attachment, Case, Comment
from reviews.rules.attachments import (
    Bounds,
    NewFile,
    detect_media_type,
    find_excess,
    find_problem,
)
from reviews.selectors.acting import Acting
from workbench.accounts.models import User
from workbench.http.rates import UploadsTooMany, count_upload


def check_files(case: Case, files: Sequence[NewFile], user: User) -> None:
    """Refuse files that may not be added to the case, before anything of them is stored.

    The case is locked until the end of the transaction, so that comments sent at one time pass no
    bound together. No query without files.

    Raises: DecisionInvalid, CommentTooLarge, CaseFilesFull, UploadsExceeded.
    """
    if not files:
        return
    size = sum(len(file.content) for file in files)
    if size > settings.MAX_COMMENT_BYTES:
        _refuse(
            CommentTooLarge,
            f"The files have more than {settings.MAX_COMMENT_BYTES:,} bytes together.",
            "Send them with several comments, or smaller ones.",
        )
    if problem := find_problem(files, settings.MAX_COMMENT_FILES):
        raise DecisionInvalid({"attachments": problem})
    _check_room(case, Bounds(len(files), size))
    try:
        count_upload(user.pk, size)
    except UploadsTooMany as error:
        _refuse(UploadsExceeded, str(error), "Wait until the next hour.")


def _check_room(case: Case, new: Bounds) -> None:
    Case.objects.select_for_update().only("pk").get(pk=case.pk)
    there = Attachment.objects.filter(case=case).aggregate(number=Count("pk"), size=Sum("size"))
    most = Bounds(settings.MAX_CASE_FILES, settings.MAX_CASE_BYTES)
    if excess := find_excess(new, Bounds(there["number"], there["size"] or 0), most):
        _refuse(
            CaseFilesFull,
            f"A case takes {excess}.",
            "Keep the file elsewhere and write where it is, or ask the operator for more room.",
        )


def _refuse(kind: type[DecisionInvalid], why: str, remedy: str) -> None:
    raise kind({"attachments": f"{why} {remedy}"})


def attach_file(comment: Comment, file: NewFile, acting: Acting, now: datetime) -> str:
    """Store the file and return its digest."""
    media_type = detect_media_type(file.content)
    kept = store_artifact(
        content=file.content, media_type=media_type, name=file.name[:200], now=now
    )
    Attachment.objects.create(
        case_id=comment.case_id,
        comment=comment,
        digest=kept["artifact"],
        name=file.name[:200],
        media_type=media_type,
        size=len(file.content),
        added_by=acting.user,
        at=now,
    )
    return str(kept["artifact"])
