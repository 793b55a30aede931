"""A client made from the description alone can call every operation and understands each answer."""

import json
import re
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client

from tests.web.flows.contract import DOCUMENT, make_program

Json = Any
OPERATIONS = [
    (method.upper(), path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
]
FORMATS = {"date": "2026-03-10", "date-time": "2026-03-10T10:00:00Z", "binary": "x"}
TEXTS = ("a", "loan", "1", "a1", "A", "")


def make_value(schema: dict[str, Json]) -> Json:
    """Return a smallest value that fits the schema."""
    if "$ref" in schema:
        return make_value(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return make_value(schema[key][0])
    return MAKERS.get(schema.get("type", ""), lambda _: None)(schema)


def make_text(schema: dict[str, Json]) -> str:
    if schema.get("format") in FORMATS:
        return FORMATS[schema["format"]]
    fitting = (text for text in TEXTS if re.search(schema.get("pattern", ""), text))
    return next(text for text in fitting if len(text) >= schema.get("minLength", 0))


def make_mapping(schema: dict[str, Json]) -> dict[str, Json]:
    needed = schema.get("required", [])
    made = {name: make_value(schema["properties"][name]) for name in needed}
    if len(made) < schema.get("minProperties", 0):
        # One is the most that any operation asks for.
        made[make_text(schema.get("propertyNames", {}))] = make_value(
            schema["additionalProperties"]
        )
    return made


MAKERS: dict[str, Any] = {
    "string": make_text,
    "integer": lambda schema: schema.get("minimum", 1),
    "number": lambda schema: schema.get("minimum", 1),
    "boolean": lambda _: False,
    "array": lambda schema: [make_value(schema["items"])] * schema.get("minItems", 0),
    "object": make_mapping,
    "null": lambda _: None,
}


@pytest.fixture
def program(db: None) -> Client:
    return make_program()


@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=[each[2]["operationId"] for each in OPERATIONS]
)
def test_the_smallest_call_of_an_operation_gets_a_documented_answer(
    method: str, path: str, operation: dict[str, Json], program: Client
) -> None:
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            value = make_value(parameter["schema"])
            path = path.replace(f"{{{parameter['name']}}}", str(value))
    query = {
        each["name"]: make_value(each["schema"])
        for each in operation["parameters"]
        if each["in"] == "query" and each["required"]
    }
    content = operation.get("requestBody", {}).get("content", {"": {"schema": {}}})
    media_type, given = next(iter(content.items()))
    body = make_value(given["schema"])
    data = body if isinstance(body, str) else json.dumps(body)
    more = {"content_type": media_type} if media_type else {}
    sent = program.generic(method, path, data if media_type else "", query_params=query, **more)
    check_answer(operation, sent)


def check_answer(operation: dict[str, Json], answer: Any) -> None:
    """Check that the answer's status, type and form are those of the description."""
    # A call that fits the description may still name what is not there, but its form holds.
    assert b"problem:request-invalid" not in answer.content, answer.content
    declared = operation["responses"].get(str(answer.status_code))
    assert declared is not None, (answer.status_code, answer.content)
    content = declared.get("content", {})
    if not content:
        assert answer.content == b""
    for media_type, described in content.items():
        if media_type == "*/*":
            continue
        assert answer["Content-Type"].startswith(media_type)
        schema = {**described["schema"], "components": DOCUMENT["components"]}
        jsonschema_rs.Draft202012Validator(schema).validate(answer.json())
