"""Masking: nothing of what was found is left, and tokens give the original back."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.guards.checking import Checked, Rule, check_value
from flows.guards.declared import find_declared, list_declared
from flows.guards.findings import Hit
from flows.guards.masking import Original, label_of, list_tokens, restore
from flows.guards.personal import PersonalRule, find_personal
from flows.guards.places import MOST_TEXTS, ValueTooLarge

Json = Any
PERSONAL = [
    "anna.berg@example.org", "DE89 3704 0044 0532 0130 00", "+49 151 23456789",
    "4111 1111 1111 1111", "born 12.03.1980", "192.0.2.17", "Steuer-ID 86095742719",
]  # fmt: skip
words = st.sampled_from(
    ["Dear Sir", "é", "ﬁne", "\u200b", "[IBAN 1 kqzrmtbw]", "x", " ", "\n", "İß", "1"]
)
texts = st.lists(st.one_of(words, st.sampled_from(PERSONAL), st.text(max_size=4)), max_size=5).map(
    " ".join
)
values = st.recursive(
    st.one_of(texts, st.integers(0, 10**19), st.booleans(), st.none(), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=6,
)


# The values are large, which takes a busy machine long to draw.
slowly = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)


class Keeper:
    """Keeps originals as the vault does, in memory."""

    def __init__(self) -> None:
        self.tokens: dict[Original, str] = {}

    def keep(self, originals: Sequence[Original]) -> dict[Original, str]:
        for each in originals:
            code = "".join(
                "bcdfghjkmnpqrstvwxz"[(len(self.tokens) // 19**at) % 19] for at in range(8)
            )
            number = len(self.tokens) + 1
            self.tokens.setdefault(each, f"[{label_of(each.kind)} {number} {code}]")
        return {each: self.tokens[each] for each in originals}

    @property
    def originals(self) -> dict[str, str]:
        return {token: each.json for each, token in self.tokens.items()}


def personal(then: Any = "tokens", **more: Any) -> Rule:
    return Rule(
        then=then, find_in_text=lambda leaf: find_personal(leaf.text, PersonalRule()), **more
    )


def check(value: Json, *rules: Rule) -> tuple[Checked, Keeper]:
    keeper = Keeper()
    return check_value(value, rules, keeper.keep), keeper


@slowly
@given(values)
def test_masking_by_tokens_and_turning_back_gives_the_original(value: Json) -> None:
    checked, keeper = check(value, personal())
    assert restore(checked.value, keeper.originals) == value
    assert json.dumps(restore(checked.value, keeper.originals)) == json.dumps(value)


@slowly
@given(values)
def test_after_masking_the_rule_finds_nothing_more(value: Json) -> None:
    for then in ("mask", "tokens"):
        masked = check(value, personal(then))[0]
        assert not check(masked.value, personal("flag"))[0].found


@slowly
@given(values, st.sampled_from(["mask", "tokens"]))
def test_no_finding_tells_what_was_masked(value: Json, then: Any) -> None:
    checked, keeper = check([value, *PERSONAL], personal(then))
    told = json.dumps([vars_of(each) for each in checked.found], ensure_ascii=False)
    for each in PERSONAL:
        assert each.removeprefix("born ").removeprefix("Steuer-ID ") not in told
    for original in keeper.tokens:
        text = str(json.loads(original.json))
        assert text not in json.dumps(checked.value, ensure_ascii=False)


def vars_of(listed: Any) -> dict[str, Any]:
    found = listed.finding
    return {"place": found.place, "excerpt": found.excerpt, "message": found.message}


def test_the_same_original_has_the_same_token_and_others_have_others() -> None:
    value = ["anna@example.org", {"mail": "Write to anna@example.org"}, "bert@example.org"]
    checked, _ = check(value, personal())
    first, second, third = (list_tokens(each)[0] for each in checked.value)
    assert first == second != third
    assert checked.replaced == 3


def test_a_number_is_masked_whole_and_comes_back_as_a_number() -> None:
    checked, keeper = check({"card": 4111111111111111}, personal())
    assert checked.value["card"].startswith("[Card 1 ")
    assert restore(checked.value, keeper.originals) == {"card": 4111111111111111}


def test_keys_that_become_the_same_lose_none_of_their_values() -> None:
    checked, _ = check({"anna@example.org": 1, "bert@example.org": 2}, personal("mask"))
    assert checked.value == {"[E-mail]": 1, "[E-mail] 2": 2}
    assert [each.finding.place for each in checked.found] == ["[E-mail] (key)", "[E-mail] (key)"]


def test_a_span_is_right_in_a_text_with_hidden_and_composed_signs() -> None:
    text = "ﬁ\u200b Änne: anna\u200b@example.org!"
    checked, keeper = check(text, personal())
    assert checked.value == f"ﬁ\u200b Änne: {next(iter(keeper.originals))}!"
    [listed] = checked.found
    assert text[listed.finding.start : listed.finding.end] == "anna\u200b@example.org"


def test_what_overlaps_is_cut_once_and_a_mask_wins_over_a_token() -> None:
    whole = Rule(then="mask", find_in_text=lambda leaf: [Hit("secret", "s", 0, 12, 1.0)])
    checked, keeper = check("key anna@example.org there", personal(), whole)
    assert checked.value == "[Secret] there"
    assert not keeper.tokens


def test_below_the_threshold_nothing_is_found_or_masked() -> None:
    checked, _ = check("anna@example.org", personal("mask", at_least=0.99))
    assert (checked.value, list(checked.found)) == ("anna@example.org", [])


def test_a_note_does_not_flag_the_value() -> None:
    assert not check("anna@example.org", personal(level="info"))[0].is_flagged
    assert check("anna@example.org", personal(level="warning"))[0].is_flagged


def test_a_declared_name_is_masked_where_it_is_repeated_too() -> None:
    value = {"name": "Änne Müller", "text": "Yours, Anne Muller. Mullerin stays."}
    declared = list_declared(value, ["Name"])
    rule = Rule(then="mask", find_in_text=lambda leaf: find_declared(leaf, declared))
    assert check(value, rule)[0].value == {
        "name": "[Personal data]",
        "text": "Yours, [Personal data]. Mullerin stays.",
    }


def test_a_value_with_too_much_text_is_refused() -> None:
    with pytest.raises(ValueTooLarge, match="100,000 texts"):
        check(["x"] * (MOST_TEXTS + 1), personal())
