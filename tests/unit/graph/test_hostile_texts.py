"""A text of the largest size that is taken is read or refused in less than a second."""

# ruff: noqa: E501 - a text stands on one line

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.graph.codec import MAX_TEXT_BYTES, parse
from flows.graph.model import SCHEMA
from flows.graph.problems import DocumentError
from flows.graph.validation import validate
from flows.steps.catalogue import catalogue
from tests.processor_time import take_processor_time

SIZE = MAX_TEXT_BYTES
TEN_ALIASES = ", ".join(["*a"] * 10)
HOSTILE = {
    "brackets": "[" * SIZE,
    "closed brackets": "[" * (SIZE // 2) + "]" * (SIZE // 2),
    "braces": "{" * SIZE,
    "braces with keys": '{"a":' * (SIZE // 5),
    "braces of YAML": "{a: " * (SIZE // 4),
    "brackets of JSON in a mapping": '{"a":' + "[" * (SIZE - 5),
    "nested sequences": "- " * (SIZE // 2),
    "nested mappings": "".join(" " * depth + "a:\n" for depth in range(1_400)),
    "question marks": "? " * (SIZE // 2),
    "dashes in brackets": "[" + "- " * (SIZE // 2 - 1),
    "colons": ": " * (SIZE // 2),
    "one long word": "a" * SIZE,
    "one long quoted text": '"' + "a" * (SIZE - 2) + '"',
    "an open quoted text": '"' + "a" * (SIZE - 1),
    "escapes": '"' + "\\u0041" * (SIZE // 6 - 1) + '"',
    "one long digit": "9" * SIZE,
    "digits in JSON": '{"a": ' + "9" * (SIZE - 7) + "}",
    "many lines": "a\n" * (SIZE // 2),
    "one long block": "a: |\n" + " x\n" * (SIZE // 3 - 5),
    "empty lines": "\n" * SIZE,
    "blanks": " " * SIZE,
    "many keys": "".join(f"k{n}: {n}\n" for n in range(SIZE // 14)),
    "many steps": "steps:\n" + "".join(f" k{n}: {n}\n" for n in range(SIZE // 16)),
    "many keys in braces": "{" + ",".join(f"k{n}: 1" for n in range(SIZE // 12)) + "}",
    "many keys in JSON": "{" + ",".join(f'"k{n}":1' for n in range(SIZE // 12)) + "}",
    "many edges": "edges:\n" + "- a.out -> b\n" * (SIZE // 13 - 1),
    "many edges of nothing": "edges:\n" + "- \n" * (SIZE // 3 - 3),
    "many tests": "tests:\n" + "- {}\n" * (SIZE // 5 - 3),
    "many numbers": "[" + "1," * (SIZE // 2 - 1) + "]",
    "many numbers in JSON": '{"a":[' + "1," * (SIZE // 2 - 8) + "1]}",
    "many lists in JSON": '{"a":[' + "[]," * (SIZE // 3 - 8) + "1]}",
    "comments": "# x\n" * (SIZE // 4),
    "tags": "- !a b\n" * (SIZE // 7),
    "one long tag": "!" + "a" * (SIZE - 1),
    "anchors": "".join(f"- &a{n} b\n" for n in range(SIZE // 14)),
    "billion laughs": "a: &a [x]\n" + f"b: &b [{TEN_ALIASES}]\n" * 100,
    "aliases": "- &a b\n" + "- *a\n" * (SIZE // 5 - 2),
    "documents": "---\n" * (SIZE // 4),
    "directives": "%TAG ! a\n" * (SIZE // 9),
    "merges": "<<: {a: 1}\n" * (SIZE // 11),
    "emoji": "😀" * (SIZE // 4),
    "half a letter": "a: \ud800",
    "a NUL": "a: \x00",
}
PIECES = ["[", "]", "{", "}", "- ", "? ", ": ", "a", "\n", " ", "'", '"', "|", ">", "&a ", "*a ",
          "!x ", "#", ",", "%", "---\n", "<<: ", "\t", "\u2028", "9", "\\"]  # fmt: skip


def _read(text: str) -> None:
    with suppress(DocumentError):
        parse(text)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_a_hostile_text_is_answered_in_a_second(text: str) -> None:
    assert len(text.encode("utf-8", "replace")) <= SIZE
    with take_processor_time() as taken:
        _read(text)
    assert taken.seconds < 1


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4), st.integers(1, 100_000))
def test_no_repeated_piece_takes_long(pieces: list[str], times: int) -> None:
    piece = "".join(pieces)
    with take_processor_time() as taken:
        _read((piece * times)[: SIZE // 4])
    assert taken.seconds < 1


@pytest.mark.parametrize("name", ["many numbers", "many numbers in JSON"])
def test_a_text_with_too_many_values_says_so(name: str) -> None:
    with pytest.raises(DocumentError) as refused:
        parse(HOSTILE[name])
    assert [problem.code for problem in refused.value.problems] == ["document.too_large"]


STEPS = f"schema: {SCHEMA}\nname: a\nsteps:\n"
COSTLY = {
    "distinct expressions": STEPS + "".join(
        f" s{n}: {{type: transform, with: {{output: '${{ input.x{n} + 1 }}'}}}}\n"
        for n in range(2_400)
    ),
    "expressions in one list": STEPS + " a: {type: transform, with: {output: [" + "'${ (', " * 40_000 + "]}}\n",
    "edges to nowhere": STEPS + "".join(f" s{n}: {{type: end}}\n" for n in range(2_400))
    + "edges:\n" + "".join(f"- s{n}.done -> zs{n}\n" for n in range(2_400)),
    "steps of no type": STEPS + "".join(f" s{n}: {{type: nope{n}}}\n" for n in range(15_000)),
    "one long chain": STEPS + "".join(f" s{n}: {{type: transform, with: {{output: 1}}}}\n" for n in range(2_400))
    + "edges:\n" + "".join(f"- s{n}.done -> s{n + 1}\n" for n in range(2_399)),
}  # fmt: skip


@pytest.mark.parametrize("text", COSTLY.values(), ids=list(COSTLY))
def test_what_is_wrong_with_a_costly_document_is_found_in_two_seconds(text: str) -> None:
    with take_processor_time() as taken, suppress(DocumentError):
        validate(parse(text), catalogue())
    assert taken.seconds < 2


def test_a_document_of_more_steps_than_are_checked_says_so() -> None:
    text = STEPS + "".join(f" s{n}: {{type: end}}\n" for n in range(9_000))
    [problem] = validate(parse(text), catalogue())
    assert problem.code == "document.too_large"
    assert "9,000 steps; at most 2,500" in problem.message
