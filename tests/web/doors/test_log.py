"""A refused request is one line in the log; a fault of the server keeps its traceback."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from flows.views import flows as flow_pages
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def nobody(client_of: Callable[..., Client]) -> Client:
    client = client_of(Role.OPERATOR)
    client.raise_request_exception = False
    return client


def _check_lines(caplog: pytest.LogCaptureFixture) -> None:
    assert len(caplog.records) <= 1, caplog.text
    formatted = [logging.Formatter().format(record) for record in caplog.records]
    assert all("\n" not in line for line in formatted), formatted


REFUSED: dict[str, tuple[int, Callable[[Client], Any]]] = {
    "a page that one may not see": (403, lambda client: client.get("/accounts/people/")),
    "an act that one may not do": (403, lambda client: client.post("/flows/new/", {"name": "x"})),
    "a page that is not there": (404, lambda client: client.get("/nowhere/")),
    "a run that is not there": (404, lambda client: client.get("/runs/999999/")),
    "a method that a page has not": (405, lambda client: client.delete("/flows/")),
    "a form with a NUL": (422, lambda client: client.post("/flows/new/", {"name": "a\0"})),
    "a host of somebody else": (400, lambda client: client.get("/", headers={"Host": "evil"})),
    "a thousand fields too many": (
        400, lambda client: client.post("/flows/new/", {f"f{n}": "1" for n in range(2_000)}),
    ),
    "a form whose parts have no boundary": (
        400, lambda client: client.post("/flows/new/", b"x", content_type="multipart/form-data"),
    ),
    "JSON that is none": (
        400, lambda client: client.post("/api/v1/bulk-acts", "{", content_type="application/json"),
    ),
    "JSON that nests too deep": (
        422,
        lambda client: client.post(
            "/api/v1/bulk-acts", '{"a":' + "[" * 9_000, content_type="application/json"
        ),
    ),
    "a body with an unknown field": (
        403,
        lambda client: client.post(
            "/api/v1/flows", json.dumps({"nme": 1}), content_type="application/json"
        ),
    ),
    "a route that the API has not": (404, lambda client: client.get("/api/v1/nowhere")),
    "a method that a route has not": (405, lambda client: client.patch("/api/v1/runs")),
}  # fmt: skip


@pytest.mark.parametrize("name", list(REFUSED))
def test_a_refused_request_is_one_line(
    name: str, nobody: Client, caplog: pytest.LogCaptureFixture
) -> None:
    status, ask = REFUSED[name]
    answer = ask(nobody)
    assert answer.status_code in {status, 401}, (answer.status_code, answer.content[:300])
    _check_lines(caplog)


def test_a_form_without_its_token_is_one_line(
    nobody: Client, caplog: pytest.LogCaptureFixture
) -> None:
    nobody.handler.enforce_csrf_checks = True
    assert nobody.post("/flows/new/", {"name": "x"}).status_code == 403
    _check_lines(caplog)


def test_a_fault_of_the_server_keeps_its_traceback(
    nobody: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError("the server's own")

    monkeypatch.setattr(flow_pages, "render", fail)
    assert nobody.get("/flows/").status_code == 500
    [record] = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert "ZeroDivisionError: the server's own" in logging.Formatter().format(record)
