"""What a service refuses is never answered as a fault of the server, whoever calls it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from flows.services import ServiceError
from reviews.errors import ReviewError
from tests.factories.queues import make_office
from tests.web.doors.test_api_bodies import DOCUMENT, JSON, everybody, smallest
from tests.web.pages import problem_of as code_of
from workbench.http.problems import problem_of

__all__ = ["everybody"]


def list_kinds(base: type[Exception]) -> Iterator[type[Exception]]:
    yield base
    for kind in base.__subclasses__():
        yield from list_kinds(kind)


@pytest.mark.parametrize("kind", [*list_kinds(ServiceError), *list_kinds(ReviewError)])
def test_every_refusal_of_a_service_is_a_problem(kind: type[Exception]) -> None:
    error = kind.__new__(kind, "It is refused.")
    vars(error).update(
        message="It is refused.", remedy="Ask again.", errors=[], problems=[], run_id=1
    )
    if issubclass(kind, ReviewError):
        vars(error)["problems"] = {}
    problem = problem_of(error)
    assert problem is not None
    assert problem.status >= 400
    assert problem.status != 500
    assert problem.code


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["application/json", "application/cloudevents+json"])
def test_an_event_with_an_artifact_that_is_not_there_is_refused(
    everybody: Client, kind: str
) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "paid"}
    data = {"scan": {"artifact": "0" * 64}}
    is_binary = kind == JSON
    headers = {f"ce-{name}": text for name, text in event.items()} if is_binary else {}
    body: Any = data if is_binary else {**event, "data": data}
    answer = everybody.post("/api/v1/events", body, kind, headers=headers)
    assert (answer.status_code, code_of(answer)) == (422, "input-invalid")
    assert answer.json()["errors"][0]["at"] == "scan/artifact"


# --- Times ----------------------------------------------------------------------------


def list_times() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Yield method, path and name of each instant that a query or a body takes, and the body."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            for each in operation.get("parameters", []):
                if each["in"] == "query" and "date-time" in str(each["schema"]):
                    yield method, path, each["name"], {}
            content = operation.get("requestBody", {}).get("content", {})
            schema = _resolved(content.get(JSON, {}).get("schema", {}))
            for name, inner in schema.get("properties", {}).items():
                if "date-time" in str(inner):
                    yield method, path, name, smallest(schema)


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return found


TIMES = list(list_times())


def test_the_times_are_those_of_the_document() -> None:
    assert len(TIMES) >= 5


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path", "name", "body"), TIMES)
@pytest.mark.parametrize(
    "text",
    ["2026-03-10", "2026-03-10T10:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"],
)
def test_every_time_has_an_offset_and_bounds(
    everybody: Client, method: str, path: str, name: str, body: dict[str, Any], text: str
) -> None:
    make_office()
    url = path.replace("{name}", "standard")
    if body:
        day = "2027-01-01T08:00:00Z"
        times = {each: day for _, where, each, _ in TIMES if where == path}
        sent = json.dumps({**body, **times, name: text})
        answer = everybody.generic(method.upper(), url, sent, JSON)
    else:
        answer = everybody.get(url, {name: text})
    assert answer.status_code == 422, answer.content
    assert name in answer.json()["errors"][0]["at"]
