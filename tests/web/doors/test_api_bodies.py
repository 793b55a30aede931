"""Every operation of the API refuses what cannot be kept, wherever it stands in the body."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client

from tests.web.doors.unfit import UNFIT, plant
from workbench.accounts.models import Role
from workbench.api import api

pytestmark = pytest.mark.django_db
Schema = dict[str, Any]
JSON = "application/json"
EVENTS = "/api/v1/events"
# These take files: their bytes are kept as they are, whatever they hold.
FILES = {"/api/v1/artifacts", "/api/v1/cases/{case_id}/attachments"}


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    schema: Schema

    @property
    def url(self) -> str:
        return re.sub(r"\{[^}]*\}", "1", self.path)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


DOCUMENT: Schema = api.get_openapi_schema(path_prefix="/api/v1/")


def list_operations() -> Iterator[Operation]:
    for path, methods in DOCUMENT["paths"].items():
        for method, each in methods.items():
            content = each.get("requestBody", {}).get("content", {})
            if JSON in content and path not in FILES:
                yield Operation(method.upper(), path, content[JSON].get("schema", {}))


OPERATIONS = list(list_operations())


def smallest(schema: Schema) -> Any:
    """Return the smallest value that the schema allows, of what the API's own schemas use."""
    if "$ref" in schema:
        return smallest(DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]])
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return smallest(schema[choice][0])
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    return _smallest_of_type(schema)


def _smallest_of_type(schema: Schema) -> Any:
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {name: smallest(properties[name]) for name in schema.get("required", ())}
        case "array":
            return [smallest(schema["items"])] * schema.get("minItems", 0)
        case "string":
            return "x" * schema.get("minLength", 1)
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
    return {}


@pytest.fixture
def everybody(client_of: Callable[..., Client]) -> Client:
    """Someone with every role, so that no permission hides a door."""
    client = client_of(*Role)
    client.raise_request_exception = False
    return client


def count_rows() -> dict[str, int]:
    tables = [model._meta.db_table for model in apps.get_models() if model._meta.managed]
    parts = " UNION ALL ".join(f"SELECT '{name}', COUNT(*) FROM {name}" for name in tables)
    with connection.cursor() as cursor:
        cursor.execute(parts)
        return dict(cursor.fetchall())


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_value_that_cannot_be_kept_is_refused_wherever_it_stands(
    everybody: Client, operation: Operation
) -> None:
    body = smallest(operation.schema)
    # The route of events reads its body itself, after the key has been claimed.
    is_event = operation.path == EVENTS
    code = "event-malformed" if is_event else "value-refused"
    before = count_rows()
    for name, unfit in UNFIT.items():
        for text in plant(body, unfit):
            headers = {} if is_event else {"Idempotency-Key": name}
            answer = everybody.generic(operation.method, operation.url, text, JSON, headers=headers)
            assert answer.status_code == 422, (name, text[:200], answer.content[:300])
            problem = answer.json()
            assert problem["type"].endswith(f":{code}"), (name, text[:200], problem)
            assert problem["remedy"]
            assert problem["errors"][0]["message"]
    assert count_rows() == before


def test_the_operations_are_those_of_the_document() -> None:
    assert len(OPERATIONS) > 40


def test_the_place_is_a_json_pointer(everybody: Client) -> None:
    body = '{"input": {"lines": [1, {"a/b": 9007199254740993}]}}'
    answer = everybody.post("/api/v1/flows/loan/runs", body, JSON)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["at"] == "/input/lines/1/a~1b"
    assert "as text" in answer.json()["remedy"]


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("POST", "/api/v1/artifacts?name=a%00b"),
        ("GET", "/api/v1/flows/a%00b"),
        ("GET", "/api/v1/cases?queue=a%00b"),
        ("GET", "/api/v1/runs?%00=1"),
    ],
)
def test_a_nul_in_path_or_query_is_refused(everybody: Client, method: str, url: str) -> None:
    answer = everybody.generic(method, url, "x" if method == "POST" else "", "text/plain")
    assert answer.status_code == 422, answer.content
    assert answer.json()["type"].endswith(":value-refused")


@pytest.mark.parametrize(
    ("method", "url", "at"),
    [
        ("GET", "/api/v1/quality/figures?flow=a%00b", "/flow"),
        ("PUT", "/api/v1/quality/queues/a%00b", "/name"),
        ("GET", "/api/v1/flows?text=a%00b", "/text"),
    ],
)
def test_no_route_takes_the_nul_out_by_itself(
    everybody: Client, method: str, url: str, at: str
) -> None:
    answer = everybody.generic(method, url, "{}", "application/json")
    assert (answer.status_code, answer.json()["errors"][0]["at"]) == (422, at)
