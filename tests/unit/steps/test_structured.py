"""A model's answer as JSON: what is read, what is refused, and where its parts stand."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.steps.structured import (
    LONGEST_FAULT,
    MOST_FAULTS,
    find_field_spans,
    make_schema_validator,
    read_structured,
    take_path,
)

ANYTHING = make_schema_validator({})
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats(-9, 9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(VALUES, st.sampled_from([None, 1]), st.booleans(), st.sampled_from(["", " ", "\n\t"]))
def test_each_value_of_an_object_is_found_where_it_stands(
    value: Any, indent: int | None, ascii_only: bool, space: str
) -> None:
    text = space + json.dumps(value, indent=indent, ensure_ascii=ascii_only) + space
    spans = list(find_field_spans(text, 0))
    fields = value if isinstance(value, dict) else {"": value}
    assert {name: json.loads(text[begin:end]) for name, begin, end in spans} == fields
    for _, begin, end in spans:
        assert text[begin:end].strip() == text[begin:end]


@given(st.text())
def test_no_text_is_an_error_of_the_reader(text: str) -> None:
    read = read_structured(text, ANYTHING)
    assert read.faults or read.value == json.loads(text[read.begins :].rstrip("` \n\t\r"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("```json\n[1]\n```", [1]),
        ("\n```\n[1]\n```\n", [1]),
        ("```JSON\r\n[1]\r\n```", [1]),
        ('```json\n"a ``` b"\n```', "a ``` b"),
    ],
)
def test_a_fence_around_all_of_it_is_taken_off(text: str, value: Any) -> None:
    read = read_structured(text, ANYTHING)
    assert (read.value, list(read.faults)) == (value, [])
    assert text[read.begins :].lstrip()[0] in '["'


@pytest.mark.parametrize(
    "text", ["Here you are:\n```json\n[1]\n```", "```json\n[1]\n```\nAnything else?", "[1] [2]", ""]
)
def test_words_beside_the_json_are_a_fault(text: str) -> None:
    assert read_structured(text, ANYTHING).faults


def test_faults_are_few_and_short() -> None:
    schema = {"type": "array", "items": {"type": "string", "maxLength": 3}}
    validator = make_schema_validator(schema)
    read = read_structured(json.dumps(["x" * 5000] * 100), validator)
    assert len(read.faults) == MOST_FAULTS
    assert all(len(fault.message) <= LONGEST_FAULT + 1 for fault in read.faults)
    assert read.faults[7].field == "/7"


def test_a_fault_names_its_place_as_a_pointer() -> None:
    schema = {"properties": {"a/b~c": {"type": "integer"}}}
    (fault,) = read_structured('{"a/b~c": "x"}', make_schema_validator(schema)).faults
    assert fault.field == "/a~1b~0c"


@pytest.mark.parametrize(
    ("path", "found"), [("a", {"b": 1}), ("a.b", 1), ("a.b.c", None), ("x", None), ("", None)]
)
def test_a_path_leads_to_a_value_or_to_nothing(path: str, found: Any) -> None:
    assert take_path({"a": {"b": 1}}, path) == found
