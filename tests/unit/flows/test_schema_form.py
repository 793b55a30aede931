"""A form made of a JSON Schema."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.template.loader import render_to_string
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.views.schema_form import SchemaForm, schema_errors
from tests.browsers import post_untouched

BERLIN = ZoneInfo("Europe/Berlin")

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


@pytest.mark.parametrize("typed", ["1,5", "12,50", "1.500,00", "9007199254740993", "١٢"])
def test_a_number_is_refused_rather_than_guessed_or_rounded(typed: str) -> None:
    form = SchemaForm(SCHEMA)
    value = form.read(GOOD | {"f.amount": typed, "f.months": typed})
    assert "amount" not in value
    assert {error.field.path for error in form.errors if error.field} == {("amount",), ("months",)}
    if typed == "1,5":
        assert form.errors[0].message.endswith("Write it as 1,234.5.")
    assert form.fields[0].value == typed


def test_a_local_time_is_meant_in_the_zone_of_the_person() -> None:
    form = SchemaForm(SCHEMA, zone=BERLIN)
    assert form.read(GOOD | {"f.at": "2026-07-01T10:00"})["at"] == "2026-07-01T08:00:00Z"


@pytest.mark.parametrize("typed", ["2026-03-29T02:30", "2026-10-25T02:30", "banana"])
def test_a_time_that_is_no_instant_is_refused(typed: str) -> None:
    form = SchemaForm(SCHEMA, zone=BERLIN)
    form.read(GOOD | {"f.at": typed})
    [error] = form.errors
    assert error.field is not None
    assert error.field.path == ("at",)
    assert not error.field.fits


PARTS: list[dict[str, Any]] = [
    {},
    {"type": "string"},
    {"type": "string", "maxLength": 500},
    {"type": "string", "format": "date"},
    {"type": "string", "format": "date-time"},
    {"type": "number"},
    {"type": "integer"},
    {"type": "boolean"},
    {"enum": ["a", 5, None]},
    {"type": "array", "items": {"type": "string"}},
    {"type": ["string", "null"]},
]
ODD = [
    "two\nlines", "two\r\nlines", "\r", "\nfirst", " spaced ", "2026-03-31", "2026-03-31T09:00:00Z",
    "2026-10-25T00:30:00.123456Z", "", "1,5", 9007199254740993, 10**30, 1e22, 0.1, -0.0, None,
    True, False, [], {}, ["a\nb"], {"a": None}, "b", 5,
]  # fmt: skip


@pytest.mark.parametrize("part", PARTS, ids=json.dumps)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    value=st.sampled_from(ODD)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
)
def test_a_form_posted_untouched_gives_the_sample_it_was_rendered_with(
    part: dict[str, Any], value: Any
) -> None:
    schema = {"properties": {"v.w": part, "g": {"type": "object", "properties": {"v": part}}}}
    sample = {"v.w": value, "g": {"v": value, "other": 1}}
    fields = SchemaForm(schema, sample, BERLIN).fields
    html = render_to_string("flows/_schema_fields.html", {"fields": fields})
    posted = {name: str(text) for name, text in post_untouched(html).items()}
    read = SchemaForm(schema, zone=BERLIN).read(posted)
    assert json.dumps(read, sort_keys=True) == json.dumps(sample, sort_keys=True)


def test_choices_that_differ_in_type_alone_have_labels_of_their_own() -> None:
    form = SchemaForm({"type": "object", "properties": {"a": {"enum": [1, "1"]}}})
    assert form.fields[0].choices == [("1", "1"), ('"1"', '"1"')]
