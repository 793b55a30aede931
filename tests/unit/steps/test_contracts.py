"""A breach of a contract names the field and what stands in it."""

from typing import Any

import pytest

from flows.steps.contracts import Contract, explain_schema_fault

PRICED = {
    "type": "object",
    "properties": {"rate": {"type": "number", "maximum": 1}, "rows": {"items": {"type": "string"}}},
    "required": ["rate"],
}


@pytest.mark.parametrize(
    ("value", "field", "says"),
    [
        ({"rate": 3}, "rate", "3"),
        ({"rate": "high"}, "rate", '"high"'),
        ({"rate": 0.1, "rows": ["a", 7]}, "rows.1", "7"),
        ({}, "", '"rate"'),
        ("x", "", '"x"'),
    ],
)
def test_the_field_and_the_value_are_named(value: Any, field: str, says: str) -> None:
    fault = Contract(PRICED).find_fault(value)
    assert fault is not None
    assert fault.field == field
    assert says in fault.message


def test_an_empty_contract_promises_nothing() -> None:
    assert Contract({}).find_fault({"any": "thing"}) is None
    assert Contract(PRICED).find_fault({"rate": 0.5}) is None


def test_a_very_long_value_is_not_written_out() -> None:
    fault = Contract({"type": "number"}).find_fault("x" * 100_000)
    assert fault is not None
    assert len(fault.message) < 1_000


@pytest.mark.parametrize(
    "schema", [{"type": "nothing"}, {"$ref": "https://elsewhere.example/s.json"}, [], "x"]
)
def test_what_is_no_schema_is_refused_with_the_reason(schema: Any) -> None:
    assert explain_schema_fault(schema)
    assert explain_schema_fault({"type": "object"}) == ""
