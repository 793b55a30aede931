"""The gate in front of every API route: size, type, sign-in, idempotency, errors as problems."""

import logging
from collections.abc import Callable, Collection
from functools import partial, wraps
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path, re_path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.views import openapi_json

from workbench.accounts.permissions import Principal, public
from workbench.dispatch.patience import AWAY
from workbench.http.idempotency import answer_once
from workbench.http.problems import ApiProblem, problem_of, problem_response, storage_problem
from workbench.http.sign_in import authenticate

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponse]
Route = TypeVar("Route", bound=Callable[..., Any])
JSON = frozenset({"application/json"})
WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# A step's input may be MAX_PAYLOAD_BYTES; the request around it a little more.
ENVELOPE_BYTES = 64 * 1024


def accepts(*content_types: str, max_bytes: int | None = None) -> Callable[[Route], Route]:
    """Let a route take other bodies than JSON, and larger ones. Stands under ``@router.post``."""

    def mark(route: Route) -> Route:
        route.accepted_types = frozenset(content_types)  # type: ignore[attr-defined]
        route.max_bytes = max_bytes  # type: ignore[attr-defined]
        return route

    return mark


class GuardedApi(NinjaAPI):
    """An API whose every route is behind the gate; what is no route gets a problem too."""

    def _get_urls(self) -> list[URLResolver | URLPattern]:
        document = partial(openapi_json, api=self)
        patterns: list[URLResolver | URLPattern] = [
            path("openapi.json", public(require_safe(document)), name="openapi-json")
        ]
        for router in self._get_bound_routers():
            made = iter(router.urls_paths(router.prefix))
            for path_view in router.path_operations.values():
                for _ in path_view.operations:
                    pattern = next(made)
                    pattern.callback = guard_view(pattern.callback, path_view.operations)
                    patterns.append(pattern)
        return [
            *patterns,
            path("", no_such_route, name="api-root"),  # the description names it
            re_path(r"", no_such_route, name="no-such-route"),
        ]


def guard_view(view: View, routes: Collection[Any]) -> View:
    """Put the gate before a django-ninja view that serves ``routes`` (one for each method)."""

    @wraps(view)
    def gated(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            _check_body(request, routes)
            principal = authenticate(request)
            request.auth = principal  # type: ignore[attr-defined]
            _check_permission(request, principal, routes, kwargs)
            key = request.headers.get("Idempotency-Key") if request.method == "POST" else None

            def run() -> HttpResponse:
                return _as_problem(view(request, *args, **kwargs))

            return (
                run() if key is None else answer_once(request, key, principal, timezone.now(), run)
            )
        except ApiProblem as problem:
            return problem_response(problem)
        except (*AWAY, OSError) as error:
            # Signing in and the idempotency key need the database too.
            return _answer(request, error)
        except RequestDataTooBig:
            return problem_response(_too_large(settings.DATA_UPLOAD_MAX_MEMORY_SIZE))

    # The matrix test reads what each of them requires.
    gated.operations = routes  # type: ignore[attr-defined]
    gated.csrf_exempt = True  # type: ignore[attr-defined] # sign-in checks it where a session is used
    return gated


def add_error_answers(api: NinjaAPI) -> None:
    """Answer every exception of the routes with a problem."""
    for kind in (ApiProblem, Http404, PermissionDenied, HttpError, ValidationError, Exception):
        api.add_exception_handler(kind, _answer)


@csrf_exempt
@public
def no_such_route(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Answer any path under the API that no route has."""
    detail = f"There is no {request.path}."
    remedy = "See /api/v1/openapi.json for what there is."
    return problem_response(ApiProblem(404, "not-found", detail, remedy))


def _answer(request: HttpRequest, error: Any) -> HttpResponse:
    problem = problem_of(error) or storage_problem(error) or _standard_problem(error)
    if problem is None:
        logger.error("The API failed at %s %s", request.method, request.path, exc_info=error)
        problem = ApiProblem(
            500,
            "server-error",
            "The server failed. What you sent is not at fault.",
            "Try again; if it fails again, tell the operator the time and the address.",
        )
    return problem_response(problem)


def _standard_problem(error: Exception) -> ApiProblem | None:
    match error:
        case Http404():
            detail = str(error) or "There is nothing here, or you may not know of it."
            return ApiProblem(404, "not-found", detail, "Check the name or id.")
        case PermissionDenied():
            remedy = "Ask an admin for a role that has it, or use a token with that scope."
            return ApiProblem(403, "not-permitted", str(error) or "You may not do this.", remedy)
        case ValidationError():
            return _invalid(error)
        case HttpError():
            code = {400: "body-unreadable"}.get(error.status_code, f"http-{error.status_code}")
            remedy = "Send one JSON document in UTF-8." if error.status_code == 400 else ""  # noqa: PLR2004
            return ApiProblem(error.status_code, code, error.message, remedy)
    return None


def _invalid(error: ValidationError) -> ApiProblem:
    errors = [
        {"at": "/".join(str(part) for part in item["loc"]), "message": item["msg"]}
        for item in error.errors
    ]
    first = errors[0] if errors else {"at": "", "message": ""}
    detail = f"{first['at']}: {first['message']}."
    remedy = "Correct the fields named in errors; /api/v1/openapi.json has the schema."
    return ApiProblem(422, "request-invalid", detail, remedy, errors)


def _as_problem(response: HttpResponse) -> HttpResponse:
    """Turn django-ninja's own plain 405 into a problem."""
    if response.status_code != 405:  # noqa: PLR2004
        return response
    allowed = response.headers.get("Allow", "")
    detail, remedy = "This address does not take that method.", f"Use {allowed}."
    return problem_response(
        ApiProblem(405, "method-not-allowed", detail, remedy, headers={"Allow": allowed})
    )


def _check_body(request: HttpRequest, routes: Collection[Any]) -> None:
    if request.method not in WITH_BODY:
        return
    types: frozenset[str] = JSON
    limit = settings.MAX_PAYLOAD_BYTES + ENVELOPE_BYTES
    for route in routes:
        if request.method in route.methods:
            types = getattr(route.view_func, "accepted_types", types)
            limit = getattr(route.view_func, "max_bytes", None) or limit
    declared = request.META.get("CONTENT_LENGTH") or "0"
    length = int(declared) if declared.isdigit() else 0
    # The declared length first: what is too large must not be read at all.
    if length > limit or (types == JSON and len(request.body) > limit):
        raise _too_large(limit)
    if length and request.content_type not in types:
        raise ApiProblem(
            415,
            "content-type-unsupported",
            f"The body is {request.content_type or 'of no declared type'}.",
            f"Send it as {' or '.join(sorted(types))} and say so in Content-Type.",
        )


def _check_permission(
    request: HttpRequest, principal: Principal, routes: Collection[Any], arguments: dict[str, Any]
) -> None:
    """Refuse before the body is parsed: what is wrong with it is not for everyone to know."""
    for route in routes:
        if request.method in route.methods and hasattr(route.view_func, "check_permission"):
            try:
                route.view_func.check_permission(principal, arguments)
            except (Http404, PermissionDenied) as error:
                problem = _standard_problem(error)
                assert problem is not None
                raise problem from error


def _too_large(limit: int) -> ApiProblem:
    return ApiProblem(
        413,
        "body-too-large",
        f"The body is larger than {limit:,} bytes.",
        "Upload the large part as an artifact and refer to it.",
    )
