"""A form made of a JSON Schema."""

from typing import Any

import pytest

from flows.views.schema_form import SchemaForm, schema_errors

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["amount", "applicant"],
    "additionalProperties": False,
    "properties": {
        "amount": {"type": "number", "minimum": 1},
        "months": {"type": "integer"},
        "purpose": {"enum": ["car", 2, None]},
        "urgent": {"type": "boolean"},
        "due": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "applicant": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string", "title": "Full name"}},
        },
    },
}
GOOD = {"f.amount": "1200", "f.applicant.name": "Ada"}


def test_each_kind_of_field_gives_its_own_type() -> None:
    form = SchemaForm(SCHEMA)
    value = form.read(
        GOOD
        | {
            "f.months": "12", "f.purpose": "2", "f.urgent": "on", "f.due": "2026-03-31",
            "f.at": "2026-03-31T10:00", "f.tags": '["a"]',
        }
    )  # fmt: skip
    assert not form.errors
    assert value == {
        "amount": 1200, "months": 12, "purpose": 2, "urgent": True, "due": "2026-03-31",
        "at": "2026-03-31T10:00:00Z", "tags": ["a"], "applicant": {"name": "Ada"},
    }  # fmt: skip


def test_what_is_left_empty_is_left_out() -> None:
    assert SchemaForm(SCHEMA).read(GOOD) == {
        "amount": 1200,
        "urgent": False,
        "applicant": {"name": "Ada"},
    }


@pytest.mark.parametrize(
    ("name", "typed", "path"),
    [
        ("f.amount", "many", ("amount",)),
        ("f.amount", "nan", ("amount",)),
        ("f.amount", "1e999", ("amount",)),
        ("f.amount", "0.5", ("amount",)),
        ("f.months", "1.5", ("months",)),
        ("f.due", "31 March", ("due",)),
        ("f.tags", "[", ("tags",)),
        ("f.tags", "[1]", ("tags",)),
        ("f.purpose", '"boat"', ("purpose",)),
        ("f.applicant.name", "", ("applicant", "name")),
    ],
)
def test_an_error_stands_at_its_field(name: str, typed: str, path: tuple[str, ...]) -> None:
    form = SchemaForm(SCHEMA)
    form.read(GOOD | {name: typed})
    assert [error.field.path for error in form.errors if error.field] == [path]


def test_what_was_typed_is_kept() -> None:
    form = SchemaForm(SCHEMA)
    form.read(GOOD | {"f.amount": "many"})
    assert form.fields[0].value == "many"


def test_a_sample_fills_the_form_and_comes_back_as_it_was() -> None:
    sample = {
        "amount": 5.5,
        "purpose": None,
        "urgent": True,
        "tags": ["a"],
        "applicant": {"name": "A"},
    }
    filled = SchemaForm(SCHEMA, sample)

    def typed(fields: Any) -> dict[str, str]:
        found: dict[str, str] = {}
        for field in fields:
            found |= typed(field.children) if field.children else {field.name: field.value}
        return found

    assert SchemaForm(SCHEMA).read(typed(filled.fields)) == sample


def test_a_schema_may_not_reach_outside() -> None:
    [(path, message)] = schema_errors({"$ref": "file:///etc/passwd"}, {})
    assert path == ()
    assert "not a valid JSON Schema" in message


def test_a_schema_without_fields_is_filled_in_as_json() -> None:
    assert not SchemaForm({"type": "array"}).is_plain
