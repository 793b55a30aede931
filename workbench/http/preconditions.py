"""ETag, If-Match and If-None-Match: a write over the API says which revision it changes.

``@edits`` guards a route that replaces, changes or removes an Editable; ``@shows`` is for the GET
beside it, which tells the revision. The gate puts it into the answer's ETag. ``@rests_on`` guards a
route that makes something else of an Editable, such as a version of a draft.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from ninja import Status

from workbench.http.problems import ApiProblem
from workbench.http.revisions import Editable

Json = Any
Route = TypeVar("Route", bound=Callable[..., Any])
Identify = Callable[[HttpRequest, Mapping[str, Json]], Sequence[Json]]

ANY = "*"
TAG = r'(?:W/)?"[\x21\x23-\x7e]{0,100}"'
TAGS = re.compile(rf"{TAG}(?:\s*,\s*{TAG}){{0,9}}")
_REVISION = "revision_of_answer"
_SEEN = "revision_seen"


def edits(
    editable: Editable[Any], identify: Identify, *, creates: bool = False
) -> Callable[[Route], Route]:
    """Run a route on the revision that its caller knows, in one transaction with the comparison.

    ``identify(request, arguments)`` returns what ``editable.by`` looks for, and refuses an object
    that the caller may not know of. With ``creates`` the route makes an object that is not there.
    Put it below ``@requires``.
    """

    def guard(route: Route) -> Route:
        @wraps(route)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            with editable.hold(*identify(request, kwargs)) as row:
                if row is not None:
                    _check_present(request, editable, row)
                elif creates and "If-Match" in request.headers:
                    raise _gone(editable)
                return _tell(request, editable, route(request, *args, **kwargs))

        guarded.edits = editable  # type: ignore[attr-defined]
        guarded.creates = creates  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return guard


def rests_on(editable: Editable[Any], identify: Identify) -> Callable[[Route], Route]:
    """Run a route on the revision that its caller knows, without holding the object meanwhile.

    The route gets that revision from ``get_revision_seen``, and hands it to a service that compares
    it once more under its own lock. ``identify`` is as for ``edits``. Put it below ``@requires``.
    """

    def guard(route: Route) -> Route:
        @wraps(route)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            row = editable.find(*identify(request, kwargs))
            if row is not None:
                _check_present(request, editable, row, "This rests on")
                setattr(request, _SEEN, editable.revision_of(row))
            return route(request, *args, **kwargs)

        guarded.rests_on = editable  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return guard


def get_revision_seen(request: HttpRequest) -> str:
    """Return the revision on which a ``rests_on`` route rests: the one that its caller knows."""
    return str(getattr(request, _SEEN))


def shows(editable: Editable[Any]) -> Callable[[Route], Route]:
    """Put the revision that a GET returns into its ETag. Put it below ``@requires``."""

    def tell(route: Route) -> Route:
        @wraps(route)
        def told(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return _tell(request, editable, route(request, *args, **kwargs))

        told.shows = editable  # type: ignore[attr-defined]
        return told  # type: ignore[return-value]

    return tell


def add_etag(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Return the response with the ETag of what it shows, if it shows an Editable."""
    revision = getattr(request, _REVISION, None)
    if revision is not None and response.status_code < 300:  # noqa: PLR2004
        response["ETag"] = f'"{revision}"'
    return response


def _tell(request: HttpRequest, editable: Editable[Any], answer: Any) -> Any:
    body = answer.value if isinstance(answer, Status) else answer
    if body is not None:
        setattr(request, _REVISION, str(body[editable.field]))
    return answer


def _check_present(
    request: HttpRequest, editable: Editable[Any], row: Any, does: str = "This would change"
) -> None:
    """Raises: ApiProblem: 428 without a condition, 412 where it does not hold, 422 unreadable."""
    if "If-None-Match" in request.headers:
        raise _stale(editable, row)
    wanted = request.headers.get("If-Match")
    if wanted is None:
        raise ApiProblem(
            428,
            "revision-missing",
            f"{does} {editable.named}, and does not say which revision of it.",
            "GET it and send its ETag as If-Match; `If-Match: *` takes whatever is there.",
        )
    if wanted.strip() == ANY:
        return
    if not TAGS.fullmatch(wanted.strip()):
        raise ApiProblem(
            422,
            "if-match-invalid",
            "If-Match is not an ETag.",
            "Send the ETag as it came, in its double quotes.",
            [{"at": "header/If-Match", "message": "This is not an ETag in double quotes."}],
        )
    # A weak tag never matches: RFC 9110 has If-Match compare strongly.
    if f'"{editable.revision_of(row)}"' not in re.findall(TAG, wanted):
        raise _stale(editable, row)


def _stale(editable: Editable[Any], row: Any) -> ApiProblem:
    change, revision = editable.find_last_change(row), editable.revision_of(row)
    by = f" {change.by} saved it at {change.at.isoformat(timespec='seconds')}." if change else ""
    return ApiProblem(
        412,
        "revision-stale",
        f"There is another revision of {editable.named} now: {revision}.{by}",
        "GET it, bring your change into it, and send its ETag as If-Match.",
        headers={"ETag": f'"{revision}"'},
        more={
            "revision": revision,
            "changed_by": change.by if change else None,
            "changed_at": change.at.isoformat() if change else None,
        },
    )


def _gone(editable: Editable[Any]) -> ApiProblem:
    return ApiProblem(
        412,
        "revision-stale",
        f"There is no such object any more: somebody removed {editable.named}.",
        "Send it without If-Match to make it again.",
    )
