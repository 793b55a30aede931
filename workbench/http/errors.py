"""Answer every exception of an API route with a problem."""

import logging
from typing import Any, NoReturn

from django.core.exceptions import PermissionDenied
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from workbench.http.problems import ApiProblem, problem_of, problem_response, storage_problem
from workbench.values.refusals import NotJson, ValueRefused

logger = logging.getLogger(__name__)

# What a door refuses, and what the database refuses where no door did: a text that is too long, a
# number out of its range, half of a surrogate pair, a depth that a library cannot go.
REFUSED_VALUES = (ValueRefused, DataError, OverflowError, UnicodeEncodeError, RecursionError)


def add_error_handlers(api: NinjaAPI) -> None:
    """Have the API answer whatever its routes raise by ``answer_error``."""
    for kind in (ApiProblem, Http404, PermissionDenied, HttpError, ValidationError, Exception):
        api.add_exception_handler(kind, answer_error)
    for refused in REFUSED_VALUES:
        api.add_exception_handler(refused, _leave_to_gate)


def _leave_to_gate(request: HttpRequest, error: Any) -> NoReturn:
    """Raise it again, past the transaction around the route, so that nothing is kept."""
    raise error


def answer_error(request: HttpRequest, error: Any) -> HttpResponse:
    """Return the problem for an exception. One that nobody declared is logged and becomes a 500."""
    problem = (
        problem_of(error)
        or storage_problem(error)
        or refused_value_problem(error)
        or standard_problem(error)
    )
    if problem is None:
        logger.error("The API failed at %s %s", request.method, request.path, exc_info=error)
        problem = ApiProblem(
            500,
            "server-error",
            "The server failed at this request; its log has the cause.",
            "Tell the operator the time and the address.",
        )
    return problem_response(problem)


def refused_value_problem(error: Exception) -> ApiProblem | None:
    """Return the problem for a value that cannot be kept, else None."""
    match error:
        case NotJson():
            remedy = "Send one JSON document in UTF-8."
            return ApiProblem(400, "body-unreadable", error.message, remedy)
        case ValueRefused():
            errors = [{"at": error.at, "message": error.message}]
            detail = f"{error.at}: {error.message}" if error.at else error.message
            return ApiProblem(422, "value-refused", detail, error.remedy, errors)
        case DataError() | OverflowError() | UnicodeEncodeError() | RecursionError():
            # One line: it is the caller's fault. The name and the text lead to the missing check.
            logger.warning(
                "A value was refused only by the database: %s: %.200r",
                type(error).__name__,
                str(error),
            )
            return ApiProblem(
                422,
                "value-refused",
                "A value is too long, out of range, or holds a character that cannot be kept.",
                "Compare what you sent with /api/v1/openapi.json, and correct it.",
            )
    return None


def standard_problem(error: Exception) -> ApiProblem | None:
    """Return the problem for an exception of Django or django-ninja, else None."""
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


def replace_plain_405(response: HttpResponse) -> HttpResponse:
    """Return a problem in place of django-ninja's own 405, and any other response as it is."""
    if response.status_code != 405:  # noqa: PLR2004
        return response
    allowed = response.headers.get("Allow", "")
    detail, remedy = "This address does not take that method.", f"Use {allowed}."
    return problem_response(
        ApiProblem(405, "method-not-allowed", detail, remedy, headers={"Allow": allowed})
    )


def _invalid(error: ValidationError) -> ApiProblem:
    errors = [
        {"at": "/".join(str(part) for part in item["loc"]), "message": item["msg"]}
        for item in error.errors
    ]
    first = errors[0] if errors else {"at": "", "message": ""}
    detail = f"{first['at']}: {first['message']}."
    remedy = "Correct the fields named in errors; /api/v1/openapi.json has the schema."
    return ApiProblem(422, "request-invalid", detail, remedy, errors)
