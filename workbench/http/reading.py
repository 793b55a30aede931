"""Read what a request sends, and refuse what cannot be kept before any route sees it."""

from collections.abc import Mapping
from typing import Any, cast

from django.http import HttpRequest
from ninja.parser import Parser

from workbench.http.receiving import Received
from workbench.values.checking import check_text, check_value
from workbench.values.json_text import read_json

_READ = "body_that_was_read"


def read_body(request: HttpRequest) -> None:
    """Read the body as JSON, if there is one, and keep the value for the route.

    Raises: NotJson, ValueRefused.
    """
    if request.body:
        keep_body(request, read_json(request.body))


def keep_body(request: HttpRequest, value: object) -> None:
    """Keep what was read from the body for the route."""
    setattr(request, _READ, value)


def body_of(request: HttpRequest) -> Any:
    """Return what was read from the body before the route."""
    return getattr(request, _READ)


def get_body_bytes(request: HttpRequest) -> bytes:
    """Return what stands for the body in a digest: of a received file, its own digest."""
    read = getattr(request, _READ, None)
    return read.digest.encode() if isinstance(read, Received) else request.body


def close_body(request: HttpRequest) -> None:
    """Close the file that the body was received into, if it was."""
    read = getattr(request, _READ, None)
    if isinstance(read, Received):
        read.file.close()


def check_parameters(request: HttpRequest, of_path: Mapping[str, Any]) -> None:
    """Check the parameters of path and query. Raises: ValueRefused."""
    check_value(dict(of_path))
    for name, values in request.GET.lists():
        for text in (name, *values):
            check_text(text, at=f"/{name}")


class ReadBefore(Parser):
    """Hands the routes the JSON that the gate has read."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        return cast(dict[str, Any], body_of(request))
