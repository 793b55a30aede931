import sys
import unicodedata
from collections.abc import Callable
from typing import Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.values.folding import MOST_WORD_CHARACTERS, fold, split_words

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
FORMS: tuple[Form, ...] = get_args(Form)
CASES = (str.upper, str.lower, str.title, str.casefold, str.swapcase)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Straße", "STRASSE"),
        ("Müller", "mu\u0308ller"),
        ("Müller", "muller"),
        ("İstanbul", "istanbul"),
        ("DIŞ", "d\u0131ş"),
        ("ﬁnance", "FINANCE"),
        ("\uff21\uff22\uff23\uff11\uff12", "abc12"),
        ("ΟΔΟΣ", "οδός"),
        ("\u1fb3", "\u0391\u0399"),
        ("Ⅷ", "viii"),
        ("\u212b", "a"),
    ],
)
def test_ways_of_writing_the_same_are_one(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("が", "か"), ("हिन्दी", "हन्दी"), ("ø", "o")])
def test_other_words_stay_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_every_character_folds_alike_in_each_case_and_form() -> None:
    wrong = []
    for character in map(chr, range(sys.maxunicode + 1)):
        if unicodedata.category(character) in ("Cs", "Cn", "Co"):
            continue
        ways = {unicodedata.normalize(form, character) for form in FORMS}
        ways |= {change(character) for change in CASES}
        if {fold(way) for way in ways} | {fold(fold(character))} != {fold(character)}:
            wrong.append(f"U+{ord(character):04X}")
    assert wrong == []


@given(TEXTS, st.sampled_from(FORMS), st.sampled_from(CASES))
def test_a_text_folds_alike_in_each_case_and_form(
    text: str, form: Form, change: Callable[[str], str]
) -> None:
    assert fold(change(unicodedata.normalize(form, text))) == fold(text)
    assert fold(fold(text)) == fold(text)


@given(TEXTS)
def test_words_are_words_of_the_folded_text(text: str) -> None:
    assert split_words(fold(text)) == split_words(text)
    assert all(word and len(word) <= MOST_WORD_CHARACTERS for word in split_words(text))


def test_a_vowel_sign_does_not_end_a_word() -> None:
    assert split_words("हिन्दी, भाषा!") == ["हिन्दी", "भाषा"]
