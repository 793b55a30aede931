"""Whatever JSON goes into a row comes out of it, also what looks like a mark."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.runtime.payloads import ESCAPED, MARK, escape, fetch, is_plain, reveal

pytestmark = pytest.mark.unit

KEYS = st.sampled_from([MARK, "size", ESCAPED, "artifact"]) | st.text(max_size=3)
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4)
)
MARKS = st.fixed_dictionaries({MARK: st.text(min_size=1), "size": st.integers()})


@given(VALUES | MARKS)
def test_what_goes_in_comes_out(value: Any) -> None:
    assert fetch(escape(value)) == reveal(escape(value)) == value


@given(VALUES | MARKS)
def test_what_was_kept_may_be_data_again(value: Any) -> None:
    assert fetch(fetch(escape(escape(value)))) == value


@given(VALUES | MARKS)
def test_only_what_could_be_taken_for_a_mark_is_kept_otherwise(value: Any) -> None:
    is_suspect = isinstance(value, dict) and MARK in value
    assert (escape(value) == value) is is_plain(value) is not is_suspect
