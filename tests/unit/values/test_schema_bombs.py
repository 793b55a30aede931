"""A schema and a value that were made to cost much are refused, or checked in bounded time."""

# ruff: noqa: E501 - a schema and its value stand on one line

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.processor_time import take_processor_time
from workbench.values.schema_work import MAX_PATTERN_SIZE, TooMuchWork, measure_pattern
from workbench.values.schemas import SCHEMA_ERRORS, TOO_MUCH, make_validator

Json = Any


def _nest(depth: int) -> Json:
    value: Json = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def _doubled(levels: int) -> Json:
    parts = {
        f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]}
        for n in range(levels)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**parts, f"d{levels}": {"type": "string"}}}


def _doubled_fields(levels: int) -> Json:
    part: Json = {"type": "string"}
    for _ in range(levels):
        part = {"anyOf": [{"properties": {"a": part}}, {"properties": {"a": part}, "minimum": 1}]}
    return part


TWICE = {"properties": {"a": {"$ref": "#"}}}
HOSTILE: dict[str, tuple[Json, Json]] = {
    "itself twice, then lacking": ({"anyOf": [TWICE | {"required": ["b"]}, TWICE | {"required": ["c"]}]}, _nest(60)),
    "itself twice, another type": ({"oneOf": [TWICE, TWICE], "type": ["object", "integer"]}, _nest(60)),
    "itself twice, negated": ({"not": {"anyOf": [TWICE, {"allOf": [TWICE, TWICE]}]}}, _nest(60)),
    "itself in each list": ({"items": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}}, [[[[[[1] * 9] * 9] * 9] * 9]]),
    "a doubled allOf": (_doubled(40), "a"),
    "doubled fields": (_doubled_fields(11), _nest(11)),
    "a large enum for each of many": ({"items": {"enum": [{"a": n} for n in range(3_000)]}}, [{"a": -n} for n in range(3_000)]),
    "many faults": ({"items": {"type": "string"}}, list(range(200_000))),
    "many alternatives for each of many": ({"items": {"anyOf": [{"const": n} for n in range(500)]}}, [-1] * 20_000),
    "unlike items": ({"uniqueItems": True}, [{"a": n} for n in range(100_000)]),
    "a part that repeats itself": ({"pattern": "^(a+)+$"}, "a" * 100_000 + "!"),
    "counted repetitions": ({"pattern": "(.{0,200}\\d){20}$"}, "ab1" * 300_000),
    "very many counted repetitions": ({"pattern": "((a{0,1000}){0,1000}){0,1000}"}, "a"),
    "many large patterns": ({"allOf": [{"pattern": f"\\w{{400}}{n}"} for n in range(2_000)]}, "a"),
    "a reference within a pattern": ({"items": {"pattern": "^(a|aa)+\\1b$"}}, ["a" * 60] * 5_000),
    "a look ahead": ({"pattern": "(?=(a|aa)+b)(a|aa)+\\1$"}, "a" * 100_000),
    "patterns of names": ({"patternProperties": {f"^(a|b)*a.{{{n}}}$": {} for n in range(60)}}, {f"ab{n}": 1 for n in range(20_000)}),
    "a schema of very many parts": ({"allOf": [{"minimum": n} for n in range(50_000)]}, 1),
    "a text of 4 MB": ({"allOf": [{"type": "string", "minLength": n} for n in range(90)] + [{"type": "number"}]}, "a" * 4_000_000),
    "a large value that no choice takes": ({"anyOf": [{"type": "string", "minLength": n} for n in range(40)]}, [{"a": n} for n in range(150_000)]),
    "itself and nothing else": ({"$ref": "#"}, _nest(60)),
    "a circle of references": ({"anyOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_schemas_and_values_are_answered_in_two_seconds(name: str) -> None:
    schema, value = HOSTILE[name]
    schema = json.loads(json.dumps(schema))  # no two parts are one object, as in what is sent
    with take_processor_time() as taken, suppress(*SCHEMA_ERRORS):
        found = make_validator(schema).iter_errors(value)
        assert sum(len(each.message) for each in found) < 20_000_000
    assert taken.seconds < 2


def test_a_value_that_is_too_large_for_its_schema_says_so() -> None:
    schema, value = HOSTILE["itself twice, then lacking"]
    validator = make_validator(schema)
    [fault] = validator.iter_errors(value)
    assert (fault.message, fault.instance_path) == (TOO_MUCH, ())
    assert not validator.is_valid(value)
    assert len(validator.iter_errors(_nest(3))) == 1


def test_what_people_write_is_checked_as_before() -> None:
    tree = {
        "$defs": {"node": {
            "type": "object", "required": ["name"],
            "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
        }},
        "$ref": "#/$defs/node",
    }  # fmt: skip
    whole: Json = {"name": "a", "children": [{"name": "b", "children": [{"name": "c"}] * 500}] * 20}
    assert make_validator(tree).is_valid(whole)
    whole["children"][7] = {"children": []}
    [fault] = make_validator(tree).iter_errors({"name": "a", "children": [{"children": []}]})
    assert list(fault.instance_path) == ["children", 0]
    assert not make_validator(tree).is_valid(whole)
    rows = {"items": {"properties": {"code": {"pattern": "^[A-Z0-9]{1,200}$"}}}}
    assert make_validator(rows).is_valid([{"code": "AB12"}] * 5_000)
    password = {"pattern": "^(?=.*[a-z])(?=.*\\d).{8,}$"}
    assert make_validator(password).is_valid("sesame 123")
    assert not make_validator(password).is_valid("sesame")


@pytest.mark.parametrize(
    ("pattern", "size"),
    [("abc", 3), ("a{3}", 3), ("(ab){10}", 20), ("(a{10}){10}", 100), ("[a-z]{2,5}x", 6),
     ("\\d{3}", 12), ("a{2,}", 2), ("\\{3}", 3)],
)  # fmt: skip
def test_a_pattern_s_size_is_that_of_its_repetitions_written_out(pattern: str, size: int) -> None:
    assert measure_pattern(pattern) == size


@given(st.text(alphabet="ab(){}[]\\,0123456789+*?|.^$", max_size=60))
def test_any_text_has_a_pattern_s_size(text: str) -> None:
    assert 0 <= measure_pattern(text) <= 10 * MAX_PATTERN_SIZE


ROUND = [
    {"$ref": "#"},
    {"not": {"$ref": "#"}},
    {"$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"$ref": "#/$defs/a"}},
     "items": {"$ref": "#/$defs/a"}},
    {"if": {"$ref": "#"}, "then": True},
    # It took 8 seconds for a value of 12 levels: each reference went round once by itself.
    {"$defs": {"a": {"not": {"$ref": "#"}}},
     "anyOf": [{"$ref": "#/$defs/a"},
               {"patternProperties": {"a": {"oneOf": [{"$ref": "#"}, {"$ref": "#"}]}}}]},
]  # fmt: skip


@pytest.mark.parametrize("schema", ROUND)
def test_a_schema_that_goes_round_at_one_value_is_refused(schema: Json) -> None:
    with pytest.raises(TooMuchWork, match="refers to itself for the same value"):
        make_validator(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"$ref": "#"}}, "items": {"$ref": "#"}},
        {"propertyNames": {"$ref": "#"}},
        {"$defs": {"x": {"$anchor": "x", "type": "object"}}, "$ref": "#x"},
        {"$defs": {"a": {"type": "integer"}}, "allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]},
    ],
)  # fmt: skip
def test_a_schema_that_goes_a_level_deeper_may_refer_to_itself(schema: Json) -> None:
    make_validator(schema).iter_errors({"a": {"a": {}}})


SCHEMAS = st.recursive(
    st.sampled_from([{"type": "integer"}, {"$ref": "#"}, {"const": 1}, {}, {"$ref": "#/$defs/a"}]),
    lambda inner: st.one_of(
        st.builds(lambda *parts: {"anyOf": list(parts)}, inner, inner),
        st.builds(lambda *parts: {"oneOf": list(parts)}, inner, inner),
        st.builds(lambda *parts: {"allOf": list(parts)}, inner, inner),
        st.builds(lambda part: {"not": part}, inner),
        st.builds(lambda one, two: {"properties": {"a": one}, "additionalProperties": two}, inner, inner),
        st.builds(lambda part: {"patternProperties": {"a": part}}, inner),
        st.builds(lambda part: {"items": part}, inner),
    ),
    max_leaves=12,
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(SCHEMAS, SCHEMAS, st.integers(1, 60))
def test_no_schema_of_these_parts_takes_long(schema: Json, other: Json, depth: int) -> None:
    whole = {"$defs": {"a": other}, **schema}
    value: Json = 1
    for n in range(depth):
        value = (
            {"a": value, "b": value}
            if n % 20 == 0
            else ([value, value] if n % 20 == 1 else {"a": value})
        )
    with take_processor_time() as taken, suppress(TooMuchWork):
        make_validator(whole).iter_errors(value)
    assert taken.seconds < 2
