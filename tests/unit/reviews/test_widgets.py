from typing import Any

from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from reviews.widgets import Widget, read_form, read_value, text_of, widgets_of

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
    widgets = widgets_of(SCHEMA, {}, "form")
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
    assert read_value(text_of(value), {}, old=value) == value
