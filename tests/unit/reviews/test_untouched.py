"""A field that nobody touched did not change, whatever its value and its schema."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviews.models import Case
from reviews.panes import groups_of
from reviews.rules.posted import read_changes, read_field, read_form
from reviews.rules.widgets import list_widgets
from tests.browsers import post_untouched

BERLIN = ZoneInfo("Europe/Berlin")
PARTS: list[dict[str, Any]] = [
    {},
    {"type": "string"},
    {"type": "string", "maxLength": 500},
    {"type": "string", "format": "date"},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "time"},
    {"type": "string", "format": "email"},
    {"type": "string", "format": "uri"},
    {"type": "number"},
    {"type": ["integer", "null"]},
    {"type": "boolean"},
    {"type": ["boolean", "null"]},
    {"enum": ["low", "high"]},
    {"enum": ["a", "b", "c", "d", 5, None]},
    {"const": "fixed"},
    {"oneOf": [{"const": 1, "title": "One"}, {"const": 2, "title": "Two"}]},
    {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
    {"type": "array", "items": {"type": "string"}},
    {"type": "array", "items": {"type": "number"}},
    {"type": "array", "items": {"enum": ["x", "y"]}},
    {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "boolean"}}},
    {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"a": {"type": "number"}, "b": {"type": "boolean"}},
        },
    },
]
ODD = [
    "two\nlines", "two\r\nlines", "\r", "\nfirst", " spaced ", "2026-03-31", "2026-03-31T09:00:00Z",
    "2026-10-25T00:30:00.123456Z", "2026-03-31T09:00:00+02:00", "09:30", "09:30:00", "", "1,5",
    "a@b.de ", "false", "null", 9007199254740993, 10**30, 1e22, 0.1, -0.0, None, True, False,
    [], {}, [[]], ["a\nb"], {"a": None}, {"a": "x", "other": 1}, [{"a": None, "other": [1]}],
    [{"a": 1, "b": None}, {}], ["x", "z"], "fixed", 1, 2, "low", "middle", 5, {"b": None},
]  # fmt: skip
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)  # fmt: skip
VALUES = st.sampled_from(ODD) | st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)


def write(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def post_form(part: dict[str, Any], value: Any) -> tuple[dict[str, Any], QueryDict]:
    schema = {"type": "object", "properties": {"v": part}}
    widgets = list_widgets(schema, {"v": value}, "form", BERLIN)
    html = render_to_string("reviews/_widget.html", {"widget": widgets[0], "problems": {}})
    return schema, post_untouched(html)


@pytest.mark.parametrize("part", PARTS, ids=write)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=VALUES)
def test_a_form_posted_untouched_gives_the_values_it_was_rendered_with(
    part: dict[str, Any], value: Any
) -> None:
    schema, posted = post_form(part, value)
    assert write(read_form(schema, posted, "form", BERLIN)) == write({"v": value})


@pytest.mark.parametrize("part", PARTS, ids=write)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=VALUES)
def test_a_field_of_a_case_posted_untouched_is_no_override(
    part: dict[str, Any], value: Any
) -> None:
    field = {"key": "v", "label": "V", "editable": True, "value": value, "schema": part}
    case = Case(shown={"show": [{"title": "G", "fields": [field]}]}, fields={"v": value}, rules={})
    [group] = groups_of(case, {}, {}, {})
    html = render_to_string(
        "reviews/_shown_field.html", {"field": group["fields"][0], "can_decide": True, "since": {}}
    )
    assert write(read_field(post_untouched(html), "v", part, value, BERLIN)) == write(value)


def test_a_value_that_changed_meanwhile_is_not_changed_back() -> None:
    posted = QueryDict("field.income=3000&field.income:was=3000")
    assert read_field(posted, "income", {}, 2800) == 2800


def test_a_reply_sends_what_was_touched_and_no_more() -> None:
    schema, posted = post_form({"type": "number"}, 3000)
    assert read_changes(schema, posted, "form") == {}
    posted["form.v"] = "2,800"
    assert read_changes(schema, posted, "form") == {"v": 2800}


def test_what_was_touched_is_what_was_typed() -> None:
    schema, posted = post_form({"type": "string", "format": "date-time"}, "2026-03-31T09:00:00Z")
    posted["form.v"] = "2026-03-31T12:00"
    assert read_form(schema, posted, "form", BERLIN) == {"v": "2026-03-31T10:00:00Z"}


def test_a_touched_row_keeps_what_the_page_does_not_show() -> None:
    schema, posted = post_form(PARTS[-1], [{"a": 1, "b": None, "other": [1]}])
    posted["form.v.0.a"] = "2"
    assert read_form(schema, posted, "form") == {"v": [{"a": 2, "b": None, "other": [1]}]}
