"""The published schema accepts what the codec writes and agrees with the committed copy."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from flows.graph.codec import parse, to_mapping
from flows.graph.model import Cache, Document, Edge, Limit, Retry, Step
from flows.graph.schema import json_schema, schema_text, schema_validator

ROOT = Path(__file__).parents[3]

FULL = Document(
    name="loan",
    title="Loan",
    description="d",
    input={"type": "object"},
    output={"a": "${ input.a }"},
    steps={
        "a": Step(
            "a",
            "end",
            "A",
            {"x": 1},
            Retry(3, deadline_seconds=5),
            2.5,
            3,
            "a",
            "Ring.",
            Limit("k", 2),
            Cache(60),
        )
    },
    edges=(Edge("a", "error", "a"),),
    layout={"a": (1, 2.5)},
    notes={"n": {"text": "x"}},
    groups={"g": {"steps": ["a"]}},
    tests=({"name": "t"},),
    samples={"s": {}},
    lane="bulk",
)


def test_the_committed_schema_is_the_published_one() -> None:
    committed = (ROOT / "docs/flow-document.schema.json").read_text(encoding="utf-8")
    assert committed == schema_text(), "run: python -m flows.graph.schema"


def test_the_schema_is_a_schema() -> None:
    assert jsonschema_rs.meta.is_valid(json_schema())


def test_the_schema_accepts_every_field_the_codec_writes() -> None:
    data = to_mapping(FULL)
    schema_validator(json_schema()).validate(data)
    assert set(data) == set(json_schema()["properties"])
    assert set(data["steps"]["a"]) == set(json_schema()["$defs"]["step"]["properties"])


def with_field(**fields: Any) -> dict[str, Any]:
    return {"schema": "countersign/flow@1", "name": "x", **fields}


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "x"},
        with_field(titel="x"),
        with_field(schema="countersign/flow@2"),
        with_field(steps={"a": {}}),
        with_field(steps={"a.b": {"type": "end"}}),
        with_field(steps={"a": {"type": "end", "extra": 1}}),
        with_field(edges=["a -> b"]),
        with_field(layout={"a": [1]}),
        with_field(layout={"a": [1, 2, 3]}),
    ],
)
def test_the_schema_refuses_what_the_codec_refuses(bad: dict[str, Any]) -> None:
    assert not schema_validator(json_schema()).is_valid(bad)
    with pytest.raises(ValueError, match=r"\w"):
        parse(bad)


@pytest.mark.parametrize(
    "reference", ["file:///etc/passwd", "http://127.0.0.1:1/x", "https://example.org/schema"]
)
def test_a_schema_never_leaves_itself(reference: str) -> None:
    with pytest.raises(ValueError, match="RemoteReference"):
        schema_validator({"$ref": reference})


def test_definitions_inside_work() -> None:
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer"}}}
    assert schema_validator(schema).is_valid(3)
    assert json.loads(schema_text()) == json_schema()
