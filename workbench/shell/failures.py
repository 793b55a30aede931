"""The error pages. They make no query, for the database may be what is away."""

import sys
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.template import loader

from workbench.http.problems import storage_problem


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """Return the 404 page. Rendered without the request, which would look up the person."""
    return HttpResponse(loader.render_to_string("404.html"), status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Return the 500 page, or the 503 page if the database is away or the disk is full.

    Django calls it while it handles the exception.
    """
    error = sys.exc_info()[1]
    problem = storage_problem(error) if isinstance(error, Exception) else None
    if problem is None:
        return HttpResponseServerError(loader.render_to_string("500.html"))
    page = loader.render_to_string("503.html", {"full": problem.code == "storage-full"})
    return HttpResponse(page, status=problem.status, headers=dict(problem.headers or {}))
