"""Parts of a form that depend on another part's value."""

from typing import Any

from django.http import QueryDict

from reviews.rules.answers import find_schema_problems
from reviews.rules.posted import read_form
from reviews.rules.widgets import list_active_names, list_widgets

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"conditions": {"type": "boolean"}, "guarantor": {"type": "string"}},
    "if": {"properties": {"conditions": {"const": True}}, "required": ["conditions"]},
    "then": {"properties": {"text": {"type": "string"}}, "required": ["text"]},
    "else": {"properties": {"why_not": {"type": "string"}}},
    "dependentSchemas": {"guarantor": {"properties": {"income": {"type": "number"}}}},
    "dependentRequired": {"guarantor": ["income"]},
}


def names(values: dict[str, Any]) -> list[str]:
    return [name.removeprefix("form.") for name in list_active_names(SCHEMA, values, "form")]


def test_a_part_of_the_form_is_shown_only_while_its_condition_holds() -> None:
    assert names({"conditions": True}) == ["conditions", "guarantor", "text"]
    assert names({}) == ["conditions", "guarantor", "why_not"]
    assert names({"guarantor": "B."}) == ["conditions", "guarantor", "why_not", "income"]


def test_every_part_has_a_widget_and_those_that_do_not_stand_are_not_active() -> None:
    widgets = {widget.label: widget for widget in list_widgets(SCHEMA, {"guarantor": "B."}, "form")}
    assert [label for label, widget in widgets.items() if not widget.active] == ["Text"]
    assert widgets["Income"].required


def test_what_was_typed_into_a_part_that_no_longer_stands_is_not_sent() -> None:
    sent = "form.text=Life+insurance&form.why_not=none&form.income=900"
    assert read_form(SCHEMA, QueryDict(sent), "form") == {"conditions": False, "why_not": "none"}
    assert read_form(SCHEMA, QueryDict(sent + "&form.conditions=on"), "form") == {
        "conditions": True,
        "text": "Life insurance",
    }


def test_a_part_that_another_part_s_answer_shows_is_read_too() -> None:
    sent = QueryDict("form.guarantor=B.&form.income=900")
    assert read_form(SCHEMA, sent, "form")["income"] == 900


def test_what_is_lacking_is_told_at_its_own_field() -> None:
    problems = find_schema_problems(SCHEMA, {"conditions": True, "guarantor": "B."}, "form")
    assert problems == {"form.text": "Fill this in.", "form.income": "Fill this in."}


def test_a_list_is_written_a_line_each() -> None:
    schema = {"type": "object", "properties": {"terms": {"type": "array", "items": {}}}}
    read = read_form(schema, QueryDict("form.terms=one%0D%0A%0D%0Atwo"), "form")
    assert read == {"terms": ["one", "two"]}
    assert list_widgets(schema, read, "form")[0].kind == "lines"
