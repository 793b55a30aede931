"""What a browser says of itself on a canvas is reduced to what others may trust."""

from typing import Any

import pytest

from flows.editor.presence import clean_state


@pytest.mark.parametrize(
    "content", [None, [], "x", 1, {}, {"tab": None}, {"tab": 5}, {"tab": True}, {"tab": ""},
                {"tab": ["a"]}, {"tab": "a b"}, {"tab": "a\n"}],
)  # fmt: skip
def test_a_message_that_names_no_tab_is_not_heard(content: Any) -> None:
    assert clean_state(content) is None


@pytest.mark.parametrize("at", [None, "x", [1], [1, "2"], [1e300, 0], {"x": 1}])
def test_a_place_that_is_none_is_left_out(at: Any) -> None:
    state = clean_state({"tab": "one", "at": at, "selected": ["a", 1, "x" * 81]})
    assert state == {"tab": "one", "at": None, "selected": ["a"]}
