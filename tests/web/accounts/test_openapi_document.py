"""The OpenAPI document: one schema a name, every error, scope, key and bound of each operation."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client
from ninja import Router, Schema

from workbench.accounts.gate import requires
from workbench.accounts.permissions import PERMISSIONS, SIGNED_IN
from workbench.api import api
from workbench.http.description import SchemaNamedTwice
from workbench.http.gateway import GuardedApi

Json = Any
DOCUMENT: dict[str, Json] = json.loads(json.dumps(api.get_openapi_schema(path_prefix="/api/v1/")))
OPERATIONS = {
    each["operationId"]: (method, path, each)
    for path, item in DOCUMENT["paths"].items()
    for method, each in item.items()
}
BOUNDS = {"maxLength", "enum", "const", "format"}


def resolve(schema: dict[str, Json]) -> dict[str, Json]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Json] = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def walk(
    schema: Json, at: str, seen: tuple[str, ...] = ()
) -> Iterator[tuple[str, dict[str, Json]]]:
    """Yield the place of each schema inside a schema, and the schema."""
    if not isinstance(schema, dict) or schema.get("$ref") in seen:
        return
    seen = (*seen, schema["$ref"]) if "$ref" in schema else seen
    schema = resolve(schema)
    yield at, schema
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for each in schema.get(key, []):
            yield from walk(each, at, seen)
    for key in ("items", "additionalProperties"):
        yield from walk(schema.get(key), f"{at}/*", seen)
    for name, each in schema.get("properties", {}).items():
        yield from walk(each, f"{at}/{name}", seen)


def list_body_schemas() -> Iterator[tuple[str, dict[str, Json]]]:
    for name, (_, _, operation) in OPERATIONS.items():
        for content in operation.get("requestBody", {}).get("content", {}).values():
            yield from walk(content["schema"], name)


def test_every_text_of_a_request_body_has_a_bound() -> None:
    texts = [(at, each) for at, each in list_body_schemas() if each.get("type") == "string"]
    assert len(texts) > 50
    assert [at for at, each in texts if not BOUNDS & each.keys()] == []


def test_every_number_of_a_request_body_has_bounds() -> None:
    numbers = [
        (at, each) for at, each in list_body_schemas() if each.get("type") in {"integer", "number"}
    ]
    lower, upper = {"minimum", "exclusiveMinimum", "enum"}, {"maximum", "exclusiveMaximum", "enum"}
    unbounded = [at for at, each in numbers if not (lower & each.keys() and upper & each.keys())]
    assert unbounded == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_declares_its_errors_its_scope_and_its_key(name: str) -> None:
    method, path, operation = OPERATIONS[name]
    problems = {
        int(status): answer
        for status, answer in operation["responses"].items()
        if int(status) >= 400
    }
    assert {401, 403, 422, 503} <= problems.keys()
    assert 404 in problems or "{" not in path
    assert method == "get" or {404, 409, 413, 415} <= problems.keys()
    for answer in problems.values():
        schema = answer["content"]["application/problem+json"]["schema"]
        assert resolve(schema)["title"] == "Problem"
    assert operation["x-permission"] in {*PERMISSIONS, SIGNED_IN}
    assert {"BearerToken": [operation["x-permission"]]} in operation["security"]
    headers = [each["name"] for each in operation["parameters"] if each["in"] == "header"]
    assert ("Idempotency-Key" in headers) == (method == "post")


def test_operations_have_names_of_their_own() -> None:
    assert len(OPERATIONS) == sum(len(item) for item in DOCUMENT["paths"].values())


@pytest.mark.parametrize("name", ["store_artifact", "attach_to_case"])
def test_an_upload_has_its_body(name: str) -> None:
    content = OPERATIONS[name][2]["requestBody"]["content"]
    assert content["application/pdf"]["schema"] == {"type": "string", "format": "binary"}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_list_answers_items_and_next(name: str) -> None:
    for answer in OPERATIONS[name][2]["responses"].values():
        for content in answer.get("content", {}).values():
            schema = resolve(content["schema"])
            assert schema.get("type") != "array"
            assert "items" not in schema.get("properties", {}) or "next" in schema["properties"]


def test_every_schema_is_a_schema() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        assert jsonschema_rs.meta.is_valid(schema)


def make_router(path: str, answer: type[Schema]) -> Router:
    router = Router()

    @router.get(path, response=answer, operation_id=path)
    @requires(SIGNED_IN, scope="own")
    def read(request: Any) -> Any:
        raise NotImplementedError

    return router


def test_two_schemas_of_one_name_are_refused() -> None:
    one = type("BulkOut", (Schema,), {"__annotations__": {"id": int}})
    other = type("BulkOut", (Schema,), {"__annotations__": {"name": str}})
    twice = GuardedApi(docs_url=None, urls_namespace="twice")
    twice.add_router("", make_router("/one", one))
    twice.add_router("", make_router("/other", other))
    with pytest.raises(SchemaNamedTwice, match="BulkOut"):
        twice.get_openapi_schema(path_prefix="/")


@pytest.mark.django_db
def test_a_query_parameter_that_is_not_there_is_refused(designer: Client) -> None:
    answer = designer.get("/api/v1/flows?serach=loan&limit=5")
    assert answer.status_code == 422
    made = answer.json()
    assert made["errors"] == [{"at": "query/serach", "message": "There is no such parameter."}]
    assert made["remedy"] == "Use text, cursor, limit."
    assert "takes none" in designer.get("/api/v1/me?x=1").json()["remedy"]
    assert designer.get("/api/v1/flows?limit=5").status_code == 200
