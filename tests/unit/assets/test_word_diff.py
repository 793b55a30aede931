"""Two texts by word: what is the same and gone makes the old text, the same and new the new one."""

from collections import Counter
from difflib import SequenceMatcher
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.assets import word_diff
from flows.assets.kinds import Piece
from flows.assets.prompts import assertions
from flows.assets.prompts.comparing import compare
from flows.assets.word_diff import diff_words
from tests.factories.prompts import TRIAGE

TEXTS = st.text() | st.lists(st.sampled_from(["a", "bank", " ", "\n", ".", "JSON"])).map("".join)


@given(before=TEXTS, after=TEXTS)
def test_the_pieces_make_both_texts(before: str, after: str) -> None:
    pieces = diff_words(before, after)
    assert "".join(each.text for each in pieces if each.kind != "new") == before
    assert "".join(each.text for each in pieces if each.kind != "gone") == after


def test_whole_words_differ() -> None:
    assert diff_words("Answer in JSON.", "Answer in plain JSON.") == (
        Piece("same", "Answer in "), Piece("new", "plain "), Piece("same", "JSON."),
    )  # fmt: skip


def test_a_long_text_is_compared_by_lines() -> None:
    lines = [f"line {number} of many" for number in range(2_000)]
    changed = [*lines[:1_000], "another line", *lines[1_001:]]
    pieces = diff_words("\n".join(lines), "\n".join(changed))
    assert [each.kind for each in pieces] == ["same", "gone", "new", "same"]


NUMBERS = range(20_000)
LONG = {
    "words": (" ".join(f"a{each}" for each in NUMBERS), " ".join(f"b{each}" for each in NUMBERS)),
    "spaces": (" ".join(f"a{each}" for each in range(990)), " ".join(map(str, range(990)))),
    "lines": ("\n".join(map(str, NUMBERS)), "\n".join(map(str, reversed(NUMBERS)))),
    "the same line": ("a\nb\n" * 9_999, "a\nc\n" * 9_999),
}


@pytest.mark.parametrize("name", LONG)
def test_what_takes_long_to_compare_is_shown_whole(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = LONG[name]
    monkeypatch.setattr(word_diff, "SequenceMatcher", Within)
    pieces = diff_words(f"Same\n{before}\nlast", f"Same\n{after}\nlast")
    assert [each.kind for each in pieces] in (["gone", "new"], ["same", "gone", "new", "same"])
    monkeypatch.setattr(assertions, "SequenceMatcher", Within)
    assert 0 <= assertions.measure_likeness(before, after) <= 1


class Within(SequenceMatcher[Any]):
    """Refuses what would keep a web thread for seconds."""

    a: Any
    b: Any

    def get_matching_blocks(self) -> Any:
        counts: Counter[Any] = Counter(self.b)
        assert len(self.a) + len(self.b) <= 4_000
        assert sum(counts[each] for each in self.a) <= 250_000
        return super().get_matching_blocks()


def test_of_many_changed_places_the_first_are_compared_by_word() -> None:
    variables = {f"v{each}": {"type": "string", "title": "Old name"} for each in range(30)}
    renamed = {name: {**each, "title": "New name"} for name, each in variables.items()}
    found = compare({"variables": variables}, {"variables": renamed})
    assert len(found) == 30
    assert [each.kind for each in found[0].pieces] == ["same", "gone", "new", "same"]
    assert [each.kind for each in found[-1].pieces] == ["gone", "new"]


def test_only_the_places_that_differ_are_told() -> None:
    parts = [TRIAGE["parts"][0], {"role": "user", "text": "Letter: {letter} {notes}"}]
    found = compare(TRIAGE, {**TRIAGE, "parts": parts, "parameters": {"temperature": 1}})
    assert [each.label for each in found] == ["Part 2, user", "Parameters"]
    assert compare(TRIAGE, TRIAGE) == []


def test_a_role_that_changed_is_told() -> None:
    parts = [TRIAGE["parts"][0], {**TRIAGE["parts"][1], "role": "assistant"}]
    (found,) = compare(TRIAGE, {**TRIAGE, "parts": parts})
    assert found.label == "Part 2"
    assert [each.text for each in found.pieces[:2]] == ["user", "assistant"]


def test_everything_of_a_first_version_is_new() -> None:
    found = compare({}, TRIAGE)
    assert {piece.kind for each in found for piece in each.pieces} == {"new"}
    assert [each.label for each in found][:3] == ["Description", "Part 1, system", "Part 2, user"]
