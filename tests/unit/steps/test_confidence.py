"""The confidence of an answer's fields from its tokens, whatever the tokens are."""

import json
import math
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.steps.confidence import _weigh_tokens
from flows.steps.language import ChatAnswer, TokenChance
from flows.steps.models import Provenance
from flows.steps.questions import Answered, Question
from flows.steps.structured import find_field_spans

MADE = Provenance("fake", "support", "1")


def weigh(value: Any, text: str, cuts: list[int], chances: list[float], over: str) -> Any:
    places = [0, *sorted({cut for cut in cuts if 0 < cut < len(text)}), len(text)]
    tokens = tuple(
        TokenChance(text[a:b], chances[at % len(chances)])
        for at, (a, b) in enumerate(pairwise(places))
    )
    answered = Answered(ChatAnswer(text, (), "stop", MADE, tokens), value)
    return tokens, _weigh_tokens(Question("support", (), {}), answered, over)


@given(
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), min_size=1),
    st.lists(st.integers(0, 80)),
    st.lists(st.floats(0.01, 1), min_size=1),
    st.sampled_from(["product", "min"]),
)
def test_each_field_has_the_tokens_that_it_shares_a_character_with(
    value: dict[str, Any], cuts: list[int], chances: list[float], over: str
) -> None:
    text = json.dumps(value)
    tokens, found = weigh(value, text, cuts, chances, over)
    for name, begin, end in find_field_spans(text, 0):
        expected, at = [], 0
        for token in tokens:
            if at < end and at + len(token.text) > begin:
                expected.append(token.probability)
            at += len(token.text)
        combined = min(expected) if over == "min" else math.prod(expected)
        assert found.fields[name] == pytest.approx(combined, abs=1e-6)
    assert found.confidence == min(found.fields.values())


def test_many_fields_of_many_tokens_take_no_time() -> None:
    value = {f"field {number}": number for number in range(20_000)}
    text = json.dumps(value)
    began = time.monotonic()
    weigh(value, text, list(range(0, len(text), 3)), [0.9], "product")
    assert time.monotonic() - began < 5


def test_tokens_of_another_text_tell_nothing() -> None:
    answered = Answered(
        ChatAnswer('{"a": 1}', (), "stop", MADE, (TokenChance('{"a": 2}', 0.9),)), {"a": 1}
    )
    found = _weigh_tokens(Question("support", (), {}), answered, "product")
    assert found.confidence is None
    assert "do not make up" in found.note


def test_an_empty_object_has_no_field_to_be_sure_of() -> None:
    _, found = weigh({}, "{}", [], [0.9], "product")
    assert (found.confidence, found.fields) == (None, {})
