"""Errors as problem+json (RFC 9457), each naming its remedy."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse

CONTENT_TYPE = "application/problem+json"


@dataclass
class ApiProblem(Exception):
    """Raise it from a route. ``code`` is kebab case and stable; ``errors`` are {at, message}."""

    status: int
    code: str
    detail: str
    remedy: str = ""
    errors: Sequence[Mapping[str, Any]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

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


_MAPPED: dict[type[Exception], _Mapped] = {}


def map_error(error: type[Exception], *, status: int, code: str, remedy: str) -> None:
    """Answer a service's exception with a problem; its message is the detail.

    ``map_error(CaseAlreadyDecided, status=409, code="case-already-decided", remedy="…")`` beside
    the router whose services raise it. Subclasses are answered alike.
    """
    _MAPPED[error] = _Mapped(status, code, remedy)


def problem_of(error: Exception) -> ApiProblem | None:
    """Return the problem for an exception, or None for one that nobody declared."""
    if isinstance(error, ApiProblem):
        return error
    for kind in type(error).__mro__:
        mapped = _MAPPED.get(kind)
        if mapped is not None:
            detail = str(error) or (kind.__doc__ or "").strip() or HTTPStatus(mapped.status).phrase
            return ApiProblem(mapped.status, mapped.code, detail, mapped.remedy)
    return None
