"""What cannot be kept is refused with its place and a remedy; all else comes back as it was."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.values.checking import MAX_DEPTH, MAX_INTEGER, check_value, fits
from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused

KEPT = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ('{"a": 9007199254740992}', "/a"),
        ('{"a": [1, -9007199254740993]}', "/a/1"),
        ('{"a": 1e400}', "/a"),
        ('{"a": "\\ud800"}', "/a"),
        ('{"a": "x\\u0000y"}', "/a"),
        ('{"a/b": {"~": "\\u0000"}}', "/a~1b/~0"),
        ('{"\\u0000": 1}', ""),
        ("NaN", ""),
        ('{"a": -Infinity}', ""),
        ('{"a": 1, "a": 2}', ""),
        ('{"a": }', ""),
        ("9" * 5000, ""),
        ("[" * 5000 + "]" * 5000, ""),
        ("[" * 200_000, ""),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_place(text: str, at: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        read_json(text)
    assert refused.value.at == at
    assert refused.value.message
    assert refused.value.remedy


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    with pytest.raises(ValueRefused, match="not UTF-8"):
        read_json(b'{"a": "\xff"}')


def test_a_byte_order_mark_is_not_part_of_the_value() -> None:
    assert read_json(b"\xef\xbb\xbf[1]") == [1]


@pytest.mark.parametrize("depth", [MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 700])
def test_a_value_may_nest_to_the_limit_and_no_deeper(depth: int) -> None:
    text = "[" * depth + "]" * depth
    if depth <= MAX_DEPTH:
        read_json(text)
    else:
        with pytest.raises(ValueRefused, match="too deep"):
            read_json(text)


@pytest.mark.parametrize("value", [{1: "a"}, b"bytes", {"a": {"b": object()}}, float("nan"), {2.5}])
def test_a_python_value_that_is_not_json_is_refused(value: Any) -> None:
    assert not fits(value)


@given(KEPT)
def test_what_is_kept_comes_back_unchanged(value: Any) -> None:
    check_value(value)
    assert read_json(json.dumps(value)) == value
    assert read_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(KEPT, st.sampled_from([2**53, -(2**53), float("inf"), "\x00", "\ud800", {"k\x00": 1}]))
def test_one_bad_part_is_found_wherever_it_stands(value: Any, bad: Any) -> None:
    with pytest.raises(ValueRefused) as refused:
        check_value({"good": value, "list": [value, {"bad": bad}]})
    assert refused.value.at.startswith("/list/1/bad")
