"""The gate in front of every API route: sign-in, the body and its values, idempotency."""

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
from ninja.openapi.views import openapi_json

from workbench.accounts.gate import public
from workbench.accounts.permissions import Principal
from workbench.dispatch.outage import AWAY
from workbench.http.description import Description, ensure_unique_names
from workbench.http.errors import (
    REFUSED_VALUES,
    answer_error,
    replace_plain_405,
    standard_problem,
)
from workbench.http.idempotency import answer_once
from workbench.http.limits import JSON, WITH_BODY, get_body_limit
from workbench.http.preconditions import add_etag
from workbench.http.problems import ApiProblem, problem_response
from workbench.http.reading import (
    ReadBefore,
    check_parameters,
    close_body,
    keep_body,
    read_body,
)
from workbench.http.receiving import too_large
from workbench.http.sign_in import authenticate

View = Callable[..., HttpResponse]
Route = TypeVar("Route", bound=Callable[..., Any])


def accepts(
    *content_types: str,
    max_bytes: int | None = None,
    read: Callable[[HttpRequest], object] | None = None,
) -> Callable[[Route], Route]:
    """Let a route take other bodies than JSON, or larger ones. Put it below ``@router.post``.

    ``read`` reads such a body before an idempotency key is claimed; the route gets what it returned
    from ``body_of``.
    """

    def mark(route: Route) -> Route:
        route.accepted_types = frozenset(content_types)  # type: ignore[attr-defined]
        route.max_bytes = max_bytes  # type: ignore[attr-defined]
        route.read_body = read  # type: ignore[attr-defined]
        return route

    return mark


def may_answer(*statuses: int) -> Callable[[Route], Route]:
    """Declare errors that a route may give beside those of its kind. Put it below ``@router``."""

    def mark(route: Route) -> Route:
        route.further_errors = frozenset(statuses)  # type: ignore[attr-defined]
        return route

    return mark


class GuardedApi(NinjaAPI):
    """An API with the gate before every route. An address without a route gets a problem too."""

    def __init__(self, **options: Any) -> None:
        super().__init__(parser=ReadBefore(), **options)

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> Description:
        """Return the OpenAPI document. Raises: SchemaNamedTwice."""
        prefix = self.get_root_path(path_params or {}) if path_prefix is None else path_prefix
        return Description(self, prefix)

    def _get_urls(self) -> list[URLResolver | URLPattern]:
        ensure_unique_names(self._get_bound_routers())
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
            check_parameters(request, kwargs)
            _check_query(request, routes)
            _read_body(request, routes)
            run = partial(view, request, *args, **kwargs)
            answer = _run(request, principal, run, outside=_runs_outside(request, routes))
            return add_etag(request, answer)
        except RequestDataTooBig:
            return problem_response(too_large(settings.DATA_UPLOAD_MAX_MEMORY_SIZE))
        except (ApiProblem, *REFUSED_VALUES, *AWAY, OSError) as error:
            # Signing in and the idempotency key need the database too.
            return answer_error(request, error)
        finally:
            close_body(request)

    # The matrix test reads what each of them requires.
    gated.operations = routes  # type: ignore[attr-defined]
    gated.csrf_exempt = True  # type: ignore[attr-defined] # sign-in checks it where a session is used
    return gated


@csrf_exempt
@public
def no_such_route(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Answer an address under the API that has no route."""
    detail = f"There is no {request.path}."
    remedy = "See /api/v1/openapi.json for what there is."
    return problem_response(ApiProblem(404, "not-found", detail, remedy))


def _runs_outside(request: HttpRequest, routes: Collection[Any]) -> bool:
    """Return whether the request's route runs outside of any transaction."""
    return any(
        getattr(route.view_func, "outside_transaction", False)
        for route in routes
        if request.method in route.methods
    )


def _run(
    request: HttpRequest, principal: Principal, view: Callable[[], HttpResponse], *, outside: bool
) -> HttpResponse:
    """Run the view, or repeat its earlier answer where the request names an Idempotency-Key."""

    def run() -> HttpResponse:
        return replace_plain_405(view())

    key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
    if key is None:
        return run()
    return answer_once(request, key, principal, timezone.now(), run, outside=outside)


def _check_body(request: HttpRequest, routes: Collection[Any]) -> None:
    if request.method not in WITH_BODY:
        return
    types = _accepted_types(request, routes)
    limit = get_body_limit()
    for route in routes:
        if request.method in route.methods:
            limit = getattr(route.view_func, "max_bytes", None) or limit
    declared = request.META.get("CONTENT_LENGTH") or "0"
    length = int(declared) if declared.isdecimal() else 0
    # The declared length comes first: a body that is too large must not be read at all.
    if length > limit or (types == JSON and len(request.body) > limit):
        raise too_large(limit)
    if length and request.content_type not in types:
        raise ApiProblem(
            415,
            "content-type-unsupported",
            f"The body is {request.content_type or 'of no declared type'}.",
            f"Send it as {' or '.join(sorted(types))} and say so in Content-Type.",
        )


def _read_body(request: HttpRequest, routes: Collection[Any]) -> None:
    """Read the body and refuse what cannot be kept, before the request is taken for begun."""
    if request.method not in WITH_BODY:
        return
    if _accepted_types(request, routes) == JSON:
        read_body(request)
        return
    for route in routes:
        if request.method in route.methods and (
            read := getattr(route.view_func, "read_body", None)
        ):
            keep_body(request, read(request))


def _accepted_types(request: HttpRequest, routes: Collection[Any]) -> frozenset[str]:
    for route in routes:
        if request.method in route.methods:
            accepted: frozenset[str] = getattr(route.view_func, "accepted_types", JSON)
            return accepted
    return JSON


def _check_permission(
    request: HttpRequest, principal: Principal, routes: Collection[Any], arguments: dict[str, Any]
) -> None:
    """Refuse before the body is parsed: what is wrong with it is for those who may send it.

    Raises: ApiProblem (403 or 404).
    """
    for route in routes:
        if request.method in route.methods and hasattr(route.view_func, "check_permission"):
            try:
                route.view_func.check_permission(principal, arguments)
            except (Http404, PermissionDenied) as error:
                problem = standard_problem(error)
                assert problem is not None
                raise problem from error


def _check_query(request: HttpRequest, routes: Collection[Any]) -> None:
    """Refuse a query parameter that the route does not have, which it would leave unread.

    Raises: ApiProblem (422).
    """
    for route in routes:
        if request.method in route.methods:
            known = list_query_parameters(route)
            unknown = [name for name in request.GET if name not in known]
            if unknown:
                raise _unknown_query(unknown, known)


def list_query_parameters(route: Any) -> list[str]:
    """Return the names of the query parameters of a route."""
    models = [model for model in route.models if model.__ninja_param_source__ == "query"]
    return [name for model in models for name in model.__ninja_flatten_map__]


def _unknown_query(unknown: list[str], known: list[str]) -> ApiProblem:
    errors = [{"at": f"query/{name}", "message": "There is no such parameter."} for name in unknown]
    remedy = f"Use {', '.join(known)}." if known else "Send no query: this address takes none."
    detail = f"There is no query parameter {unknown[0]!r} here."
    return ApiProblem(422, "query-unknown", detail, remedy, errors)
