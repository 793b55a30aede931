"""The pages for what went wrong. They ask the database nothing: it may be what is away."""

import sys
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.template import loader

from workbench.http.problems import storage_problem


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """Say that there is nothing. Without the request's context: it would look up the person."""
    return HttpResponse(loader.render_to_string("404.html"), status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Say what broke: our code, or, as 503, the database or the disk. Django calls it where the
    exception is handled."""
    error = sys.exc_info()[1]
    problem = storage_problem(error) if isinstance(error, Exception) else None
    if problem is None:
        return HttpResponseServerError(loader.render_to_string("500.html"))
    page = loader.render_to_string("503.html", {"full": problem.code == "storage-full"})
    return HttpResponse(page, status=problem.status, headers=dict(problem.headers or {}))
