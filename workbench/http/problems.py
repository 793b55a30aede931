"""Errors as problem+json (RFC 9457), each with its remedy."""

import errno
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse

from workbench.dispatch.outage import AWAY
from workbench.files.errors import StoreAway

CONTENT_TYPE = "application/problem+json"
RETRY_LATER = {"Retry-After": "5"}
FULL = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})


@dataclass
class ApiProblem(Exception):
    """An error to raise in a route. ``code`` never changes; ``errors`` are {at, message}.

    ``more`` are further members of the body; workbench.http.description names them.
    """

    status: int
    code: str
    detail: str
    remedy: str = ""
    errors: Sequence[Mapping[str, Any]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(self.detail)

    @property
    def title(self) -> str:
        return self.code.replace("-", " ").capitalize()


def problem_response(problem: ApiProblem) -> HttpResponse:
    """Return the problem as a response."""
    body = {
        "type": f"urn:countersign:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "remedy": problem.remedy,
        "errors": list(problem.errors),
        **problem.more,
    }
    return HttpResponse(
        json.dumps(body, default=str),
        status=problem.status,
        content_type=CONTENT_TYPE,
        headers=dict(problem.headers),
    )


@dataclass(frozen=True, slots=True)
class _Mapped:
    status: int
    code: str
    remedy: str


ToProblem = Callable[[Any], ApiProblem]
_MAPPED: dict[type[Exception], _Mapped | ToProblem] = {}


def map_error(error: type[Exception], *, status: int, code: str, remedy: str) -> None:
    """Answer a service's exception, and its subclasses, with a problem. Its message is the detail.

    Call it beside the router whose services raise the exception:
    ``map_error(CaseAlreadyDecided, status=409, code="case-already-decided", remedy="…")``.
    """
    _MAPPED[error] = _Mapped(status, code, remedy)


def map_error_by(error: type[Exception], to_problem: ToProblem) -> None:
    """Answer a service's exception, and its subclasses, with the problem made of it."""
    _MAPPED[error] = to_problem


def storage_problem(error: Exception) -> ApiProblem | None:
    """Return the problem for a database or store that is away or a full disk, else None.

    Nothing was written, or its answer was lost: the same request may be sent again.
    """
    if _is_full(error):
        detail = "The disk is full, or cannot be written. Nothing was changed."
        remedy = "Tell the operator; once there is room, send the same again."
        return ApiProblem(503, "storage-full", detail, remedy, headers=RETRY_LATER)
    if isinstance(error, StoreAway):
        detail = "The store of files does not answer. Nothing was changed."
        return ApiProblem(503, "store-away", detail, "Send the same again.", headers=RETRY_LATER)
    if isinstance(error, AWAY):
        detail = "The database does not answer."
        remedy = "Send the same again, with the same Idempotency-Key."
        return ApiProblem(503, "database-away", detail, remedy, headers=RETRY_LATER)
    return None


def _is_full(error: Exception) -> bool:
    if isinstance(error, AWAY):
        # The first two are SQLite's words, the third are PostgreSQL's.
        return any(words in str(error) for words in ("is full", "disk I/O", "No space left"))
    return isinstance(error, OSError) and error.errno in FULL


def problem_of(error: Exception) -> ApiProblem | None:
    """Return the problem for an exception, or None for one that nobody declared."""
    if isinstance(error, ApiProblem):
        return error
    for kind in type(error).__mro__:
        mapped = _MAPPED.get(kind)
        if isinstance(mapped, _Mapped):
            detail = str(error) or (kind.__doc__ or "").strip() or HTTPStatus(mapped.status).phrase
            return ApiProblem(mapped.status, mapped.code, detail, mapped.remedy)
        if mapped is not None:
            return mapped(error)
    return None
