"""Filling a prompt: values are put in, and nothing in them is read again."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.assets.prompts.filling import (
    Prompt,
    digest_messages,
    fill_text,
    list_lone_braces,
    list_placeholders,
    split_placeholders,
    to_text,
)
from flows.steps.prompts import VariablesRefused
from tests.factories.prompts import TRIAGE

Json = Any
NAMES = st.sampled_from(["a", "b", "letter", "notes"])
# Values that look like what the template itself is made of.
NASTY = st.one_of(
    st.text(),
    st.text(alphabet="{}ab \n\"'$"),
    st.sampled_from(["{a}", "{{a}}", "{b}", "{{{letter}}}", "${ input }", "}{", "{", "}"]),
)
LEAVES = st.none() | st.booleans() | st.integers(-1000, 1000) | NASTY
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NASTY, inner), max_leaves=8
)


def make_prompt(text: str, **variables: Json) -> Prompt:
    return Prompt(
        "p@1",
        {
            "variables": variables or {"a": {}, "b": {}},
            "parts": [{"role": "system", "text": "Be brief: {a}"}, {"role": "user", "text": text}],
        },
    )


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Dear {a}!", "Dear Ada!"),
        ("{a}{a}", "AdaAda"),
        ("{{a}}", "{a}"),
        ("{{{a}}}", "{Ada}"),
        ("{{{{a}}}}", "{{a}}"),
        ("{b}", '{"x":[1,true,null,"ü"]}'),
        ("{absent}.", "."),
        ("{ a } {a b} {1}", "{ a } {a b} {1}"),
    ],
)
def test_a_placeholder_becomes_the_value_and_doubled_braces_one(text: str, filled: str) -> None:
    values = {"a": "Ada", "b": {"x": [1, True, None, "ü"]}}
    assert fill_text(text, values) == filled


@given(a=JSON, b=JSON)
def test_no_value_adds_a_message_or_changes_another_part(a: Json, b: Json) -> None:
    prompt = make_prompt("{a} and {b}, {{really}}")
    plain = prompt.fill({"a": "", "b": ""})
    filled = prompt.fill({"a": a, "b": b})
    assert [each.role for each in filled.messages] == [each.role for each in plain.messages]
    assert filled.messages[0].text == "Be brief: " + to_text(a)
    assert filled.messages[1].text == to_text(a) + " and " + to_text(b) + ", {really}"


@given(value=JSON, other=JSON)
def test_a_value_that_holds_a_placeholder_is_not_filled(value: Json, other: Json) -> None:
    given = {"a": {"text": "{b}", "more": value}, "b": other}
    text = fill_text("{a}", given)
    assert json.loads(text) == given["a"]
    assert fill_text("{a}", {"a": "{b} {{b}}", "b": other}) == "{b} {{b}}"


@given(text=st.text(alphabet="{}ab \n"))
def test_the_pieces_of_a_text_are_the_text(text: str) -> None:
    pieces = list(split_placeholders(text))
    assert "".join(piece for piece, _ in pieces) == text
    assert [piece[1:-1] for piece, named in pieces if named] == list_placeholders(text)


@given(name=st.text(alphabet="ab"), text=st.text())
def test_a_text_with_doubled_braces_is_filled_with_itself(name: str, text: str) -> None:
    doubled = text.replace("{", "{{").replace("}", "}}")
    assert list_placeholders(doubled) == []
    assert not list(list_lone_braces(doubled))
    assert fill_text(doubled, {name: "x"}) == text


def test_lone_braces_are_found() -> None:
    assert list(list_lone_braces("a { b")) == [2]
    assert list(list_lone_braces("{a} {{x}} }")) == [10]


def test_examples_are_turns_before_the_question() -> None:
    filled = Prompt("triage@3", TRIAGE).fill({"letter": "Hello {notes}", "notes": ["a", "b"]})
    assert filled.label == "triage@3"
    assert [(each.role, each.text) for each in filled.messages] == [
        ("system", "Sort letters to a bank. Answer with JSON."),
        ("user", "Letter:\nWhere is my money?\nNotes: "),
        ("assistant", '{"topic":"payment"}'),
        ("user", 'Letter:\nHello {notes}\nNotes: ["a","b"]'),
    ]
    assert filled.schema == TRIAGE["answer"]
    assert filled.parameters == {"temperature": 0}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "letter"),
        ({"letter": 7}, "letter"),
        ({"letter": "x", "notes": "none"}, "notes"),
        ({"letter": "x", "more": 1}, "more"),
    ],
)
def test_values_that_do_not_fit_are_refused_by_name(values: Json, field: str) -> None:
    with pytest.raises(VariablesRefused) as refused:
        Prompt("triage@1", TRIAGE).fill(values)
    assert refused.value.field == field


def test_the_place_in_a_nested_value_is_told() -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}}
    prompt = make_prompt("{a}", a=schema)
    with pytest.raises(VariablesRefused) as refused:
        prompt.fill({"a": {"age": "old"}})
    assert refused.value.field == "a.age"


def test_the_schema_of_the_variables_is_theirs_with_the_samples() -> None:
    schema = Prompt("triage@1", TRIAGE).variables_schema
    assert schema["required"] == ["letter"]
    assert schema["properties"]["letter"] == {
        "type": "string", "title": "Letter", "examples": ["My card is lost."],
    }  # fmt: skip
    assert schema["additionalProperties"] is False


def test_a_digest_tells_what_a_model_would_be_asked() -> None:
    prompt = Prompt("triage@1", TRIAGE)
    one = digest_messages(prompt.fill({"letter": "a"}))
    assert one == digest_messages(Prompt("triage@2", TRIAGE).fill({"letter": "a"}))
    assert one != digest_messages(prompt.fill({"letter": "b"}))
    warmer = Prompt("triage@1", {**TRIAGE, "parameters": {"temperature": 1}})
    assert one != digest_messages(warmer.fill({"letter": "a"}))
