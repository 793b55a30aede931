import json
from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from reviews.rules.posted import read_field, read_form, read_value
from reviews.rules.widgets import (
    MOST_ROWS,
    Widget,
    format_value,
    list_active_names,
    list_widgets,
)

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["term"],
    "properties": {
        "term": {"type": "integer", "minimum": 1, "title": "Term"},
        "rate": {"type": "number"},
        "risk": {"enum": ["low", "high"]},
        "branch": {"enum": ["a", "b", "c", "d", "e"]},
        "checked": {"type": "boolean"},
        "day": {"type": "string", "format": "date"},
        "why": {"type": "string", "maxLength": 2000},
        "marks": {"type": "array", "items": {"enum": ["x", "y"]}},
        "address": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def test_each_property_gets_the_widget_of_its_schema() -> None:
    widgets = list_widgets(SCHEMA, {}, "form")
    assert [widget.kind for widget in widgets] == [
        "number", "number", "radio", "select", "check", "date", "textarea", "checks", "group",
    ]  # fmt: skip
    assert widgets[0] == Widget(
        kind="number", name="form.term", label="Term", required=True,
        attributes={"min": 1, "step": 1},
    )  # fmt: skip
    assert widgets[-1].parts[0].name == "form.address.city"


def test_what_was_posted_comes_back_typed_and_without_what_was_left_empty() -> None:
    posted = QueryDict(
        "form.term=36&form.rate=1.5&form.risk=&form.checked=on&form.marks=x&form.marks=y"
        "&form.address.city=Bonn"
    )
    assert read_form(SCHEMA, posted, "form") == {
        "term": 36,
        "rate": 1.5,
        "checked": True,
        "marks": ["x", "y"],
        "address": {"city": "Bonn"},
    }


DEBTS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "debts": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "title": "Debt",
                "required": ["lender"],
                "properties": {
                    "lender": {"type": "string"},
                    "rate": {"type": ["number", "null"]},
                    "secured": {"type": "boolean"},
                    "parts": {
                        "type": "array",
                        "items": {"type": "object", "properties": {"due": {"type": "integer"}}},
                    },
                },
                "if": {"properties": {"secured": {"const": True}}, "required": ["secured"]},
                "then": {"properties": {"security": {"type": "string"}}},
            },
        }
    },
}


def test_a_list_of_objects_is_rows_with_a_blank_one_to_copy() -> None:
    (debts,) = list_widgets(DEBTS, {"debts": [{"lender": "A"}, {"lender": "B"}]}, "form")
    assert (debts.kind, [row.name for row in debts.parts]) == (
        "rows",
        ["form.debts.0", "form.debts.1"],
    )
    assert debts.parts[1].parts[0].value == "B"
    assert [(row.label, row.number) for row in debts.parts] == [("Debt", "1"), ("Debt", "2")]
    assert debts.blank is not None
    assert debts.blank.parts[0].name == "form.debts.new.lender"
    assert [part.kind for part in debts.blank.parts] == ["text", "number", "check", "rows", "text"]


def test_as_many_rows_are_there_from_the_start_as_are_asked_for() -> None:
    (debts,) = list_widgets(DEBTS, {}, "form")
    assert [row.name for row in debts.parts] == ["form.debts.0"]


def test_rows_come_back_in_the_order_sent_whatever_their_numbers() -> None:
    posted = QueryDict(
        "form.debts.rows=3&form.debts.3.lender=C&form.debts.rows=1&form.debts.1.rate=4.5"
        "&form.debts.1.parts.rows=0&form.debts.1.parts.0.due=12&form.debts.2.lender=removed"
    )
    assert read_form(DEBTS, posted, "form") == {
        "debts": [
            {"lender": "C", "secured": False},
            {"rate": 4.5, "secured": False, "parts": [{"due": 12}]},
        ]
    }


def test_each_row_has_its_own_conditions() -> None:
    values = {"debts": [{"secured": True}, {"secured": False}]}
    names = list_active_names(DEBTS, values, "form")
    assert "form.debts.0.security" in names
    assert "form.debts.1.security" not in names
    assert "form.debts.1" in names


def test_rows_without_end_are_not_read() -> None:
    posted = QueryDict("&".join(f"form.debts.rows={n}" for n in range(MOST_ROWS + 50)))
    assert len(read_form(DEBTS, posted, "form")["debts"]) == MOST_ROWS


def test_a_text_that_is_no_number_stays_a_text_for_the_schema_to_name() -> None:
    assert read_value("twelve", {"type": "integer"}) == "twelve"
    assert read_value("1e999", {"type": "number"}) == "1e999"


def test_a_value_without_a_schema_keeps_the_type_it_replaces() -> None:
    assert read_value("2,800", {}, old=3000) == 2800
    assert read_value("false", {}, old=True) is False
    assert read_value("12", {}, old="11") == "12"
    assert read_value("", {}, old=3) is None


VALUES = st.one_of(
    st.integers(-(10**12), 10**12), st.booleans(), st.text(min_size=1), st.floats(-1e9, 1e9)
)


@given(VALUES)
def test_a_value_that_nobody_touched_is_no_change(value: Any) -> None:
    assert read_value(format_value(value), {}, old=value) == value


MIXED: list[Any] = [1, "1", True, "true", "x", None]


@pytest.mark.parametrize(
    "part", [{"enum": MIXED}, {"oneOf": [{"const": value} for value in MIXED]}]
)
def test_choices_that_differ_in_type_alone_are_kept_apart(part: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {"a": part}}
    [widget] = list_widgets(schema, {}, "form")
    texts = [text for text, _ in widget.choices]
    assert len(set(texts)) == len(MIXED)
    assert len({label for _, label in widget.choices}) == len(MIXED)
    for text, value in zip(texts, MIXED, strict=True):
        sent = QueryDict(mutable=True)
        sent["form.a"] = text
        assert json.dumps(read_form(schema, sent, "form")["a"]) == json.dumps(value)
        [chosen] = list_widgets(schema, {"a": value}, "form")
        assert value is None or chosen.chosen == (text,)
        assert json.dumps(read_value(text, part, "1")) == json.dumps(value)


def test_several_choices_that_differ_in_type_alone_are_kept_apart() -> None:
    part = {"type": "array", "items": {"enum": [1, "1", "x"]}}
    schema = {"type": "object", "properties": {"a": part}}
    [widget] = list_widgets(schema, {"a": ["1", "x"]}, "form")
    assert widget.chosen == ('"1"', '"x"')
    sent = QueryDict(mutable=True)
    sent.setlist("form.a", ["1", '"x"'])
    assert read_form(schema, sent, "form") == {"a": [1, "x"]}


def test_a_correction_keeps_choices_apart() -> None:
    part = {"enum": [1, "1"]}
    sent = QueryDict(mutable=True)
    sent["field.a"] = "1"
    new = read_field(sent, "a", part, "1")
    assert (new, type(new)) == (1, int)
    sent["field.a"] = '"1"'
    assert read_field(sent, "a", part, "1") == "1"
