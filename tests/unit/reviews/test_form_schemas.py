"""Schemas of forms and fields are checked when they are saved."""

from typing import Any

import pytest
from pydantic import ValidationError

from flows.graph.model import Step
from reviews.checkpoint.step import ReviewCase
from reviews.rules.checkpoint_config import CheckpointConfig
from reviews.rules.widgets import list_widgets

USELESS: list[tuple[dict[str, Any], str]] = [
    ({"type": "strin"}, "type"),
    ({"type": "string", "pattern": "("}, "pattern"),
    ({"$ref": "#/$defs/none"}, ""),
    ({"$ref": "https://example.com/schema.json"}, ""),
]
NOT_SHOWN: list[tuple[dict[str, Any], str]] = [
    (
        {"type": "object", "properties": {"b": {}}, "patternProperties": {"x": {}}},
        "patternProperties",
    ),
    ({"type": "array", "prefixItems": [{}]}, "prefixItems"),
    ({"type": "string", "nullable": True}, "nullable"),
    ({"anyOf": [{"type": "string"}, {"type": "number"}]}, "anyOf"),
    ({"type": ["string", "number"]}, "type"),
    ({"type": "object"}, "type"),
    ({"type": "array", "items": {"type": "array"}}, "items"),
]


def check(config: dict[str, Any]) -> list[tuple[str, str]]:
    step = Step(id="review", type="review.case", config=config)
    return [(p.field, p.message) for p in ReviewCase().check(step) if p.severity == "error"]


def form(part: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"form": {"type": "object", "properties": {"a": part}, **more}}


@pytest.mark.parametrize(("part", "place"), USELESS)
def test_a_form_that_no_case_could_use_stops_publishing(part: dict[str, Any], place: str) -> None:
    [(field, _)] = check(form(part))
    assert field.startswith("with.form")
    assert field.endswith(place)


@pytest.mark.parametrize(("part", "place"), USELESS)
def test_a_field_whose_schema_is_none_stops_publishing(part: dict[str, Any], place: str) -> None:
    field = {"key": "a", "label": "A", "value": 1, "editable": True, "schema": part}
    [(found, _)] = check({"show": [{"title": "G", "fields": [field]}]})
    assert found.startswith("with.show[0].fields[0].schema")


@pytest.mark.parametrize(("part", "keyword"), NOT_SHOWN)
def test_a_keyword_that_the_page_cannot_show_is_refused_by_name(
    part: dict[str, Any], keyword: str
) -> None:
    [(field, _)] = check(form(part))
    assert field == f"with.form.properties.a.{keyword}"


@pytest.mark.parametrize(
    "part",
    [
        {"$ref": "#/$defs/a", "title": "A"},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"oneOf": [{"const": 1}, {"const": 2}]},
        {"const": "x"},
        {"type": ["number", "null"]},
        {"type": "string", "default": "${ steps.a.output }"},
        {"type": "number", "maximum": "${ input.most }"},
        {"enum": "${ input.choices }"},
    ],
)
def test_what_the_page_shows_is_published(part: dict[str, Any]) -> None:
    assert check(form(part, **{"$defs": {"a": {"type": "integer"}}})) == []


def test_names_with_dots_and_schemas_without_end_are_refused() -> None:
    assert check({"form": {"type": "object", "properties": {"a.b": {}}}})
    [(field, _)] = check(form({"$ref": "#"}))
    assert field == "with.form.properties.a.$ref"


def test_references_nulls_and_constants_get_the_input_of_what_they_name() -> None:
    schema = {
        "$defs": {"amount": {"type": "number", "minimum": 1}},
        "properties": {
            "a": {"$ref": "#/$defs/amount"},
            "b": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
            "c": {"oneOf": [{"const": 1, "title": "One"}, {"const": 2, "title": "Two"}]},
            "d": {"const": "x"},
        },
    }
    widgets = list_widgets(schema, {}, "form")
    assert [widget.kind for widget in widgets] == ["number", "date", "radio", "radio"]
    assert widgets[2].choices == (("1", "One"), ("2", "Two"))


@pytest.mark.parametrize(("part", "place"), USELESS)
def test_a_case_is_not_opened_with_a_schema_that_is_none(part: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError, match="not a JSON Schema"):
        CheckpointConfig(queue="q", title="t", sla="s", **form(part))
