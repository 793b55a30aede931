from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.rules.amounts import find_amount, measure
from reviews.rules.authority import (
    Facts,
    Need,
    NoAuthorityRule,
    Verdict,
    find_need,
    judge,
    read_rules,
)
from reviews.rules.matrix import find_matrix_problem
from reviews.settings.forms.authority import read_matrix, write_matrix

FACTS = Facts(person="ada", level=1, outcome="approved", requested_by="cyd", need=Need())
MATRIX_ROWS: list[dict[str, Any]] = [
    {"product": "mortgage", "level": 3, "approvers": 2},
    {"up_to": 5000, "exceptions": False, "level": 1},
    {"up_to": 50000, "level": 2, "approvers": 2},
    {"level": 3, "approvers": 2},
]
MATRIX = read_rules(MATRIX_ROWS)
PEOPLE = st.sampled_from(["ada", "ben", "cyd", "dan"])


def test_one_reviewer_of_enough_level_decides() -> None:
    assert judge(FACTS).final


def test_what_stands_against_the_person_already_refuses_every_outcome() -> None:
    for outcome in ("approved", "rejected", "rework"):
        verdict = judge(replace(FACTS, outcome=outcome), ["You asked for this."])
        assert (verdict.allowed, verdict.refusals) == (False, ("You asked for this.",))


def test_too_low_a_level_may_decline_but_not_approve() -> None:
    facts = replace(FACTS, need=Need(level=2))
    assert "level 2 and yours is 1" in judge(facts).refusals[0]
    assert judge(replace(facts, outcome="rejected")).final


def test_a_quorum_counts_different_people() -> None:
    facts = replace(FACTS, quorum=3)
    assert judge(facts) == replace(judge(facts), final=False, missing=2)
    assert judge(replace(facts, voters=frozenset({"ben"}))).missing == 1
    assert judge(replace(facts, voters=frozenset({"ben", "dan"}))).final
    assert judge(replace(facts, voters=frozenset({"ada"}))).missing == 2


def test_with_four_eyes_an_editor_is_not_enough() -> None:
    facts = replace(FACTS, four_eyes=True)
    assert judge(facts).final
    assert judge(replace(facts, edits_now=True)).missing == 1
    assert judge(replace(facts, editors=frozenset({"ben"}), voters=frozenset({"ben"}))).final


@given(st.sets(PEOPLE, max_size=3), st.sets(PEOPLE), PEOPLE, st.integers(1, 4), st.booleans())
def test_a_final_approval_always_has_enough_people_and_one_who_edited_nothing(
    voters: set[str], editors: set[str], person: str, quorum: int, edits: bool
) -> None:
    verdict: Verdict = judge(
        replace(
            FACTS, person=person, voters=frozenset(voters), editors=frozenset(editors),
            quorum=quorum, four_eyes=True, edits_now=edits,
        )
    )  # fmt: skip
    if verdict.allowed and verdict.final:
        approvers = voters | {person}
        assert len(approvers) >= quorum
        assert not (editors or edits) or approvers - editors - ({person} if edits else set())


@pytest.mark.parametrize(
    ("amount", "product", "exceptions", "need"),
    [
        (4000, "consumer", [], Need(1, 1)),
        (5000, "consumer", [], Need(1, 1)),
        (5001, "consumer", [], Need(2, 2)),
        (4000, "consumer", ["no payslip"], Need(2, 2)),
        (90000, "consumer", [], Need(3, 2)),
        (100, "mortgage", [], Need(3, 2)),
        (None, "consumer", [], Need(3, 2)),
    ],
)
def test_the_first_row_that_covers_the_case_holds(
    amount: float | None, product: str, exceptions: list[str], need: Need
) -> None:
    assert find_need(MATRIX, amount, product, exceptions) == need


def test_what_no_row_covers_is_refused_and_no_matrix_asks_for_one_person() -> None:
    with pytest.raises(NoAuthorityRule, match="without `up_to`"):
        find_need(MATRIX[1:2], 9000, "consumer", [])
    assert find_need((), 9000, "consumer", []) == Need(1, 1)


# --- The amount -------------------------------------------------------------------

LADDER = read_rules([{"up_to": 1000, "level": 1}, {"up_to": 50000, "level": 2}, {"level": 3}])
SHOWN = {"show": [{"fields": [{"key": "amount", "value": 400}, {"key": "age", "value": 30}]}]}


def level_for(value: object, fields: object = None, overrides: object = ()) -> int:
    amount = find_amount(value, SHOWN, fields or {"amount": 400, "age": 30}, overrides)  # type: ignore[arg-type]
    return find_need(LADDER, amount, "", ()).level


@pytest.mark.parametrize(
    ("value", "level"),
    [(400, 1), (1000, 1), (-400, 1), (-5_000_000, 3), (-20_000, 2), (50_001, 3)],
)
def test_a_negative_amount_needs_the_authority_of_its_size(value: float, level: int) -> None:
    assert level_for(value) == level


@pytest.mark.parametrize(
    "value", [None, 0, 0.0, -0.0, "400", "", True, float("nan"), float("inf"), float("-inf"), []]
)
def test_what_is_no_amount_never_takes_a_row_with_a_limit(value: object) -> None:
    assert level_for(value) == 3
    with pytest.raises(NoAuthorityRule):
        find_need(LADDER[:2], measure(value), "", ())


@pytest.mark.parametrize(
    ("corrected", "level"),
    [(300, 1), (20_000, 2), (-70_000, 3), ("n/a", 3), (None, 3), (0, 3), (True, 3)],
)
def test_the_larger_of_the_stated_and_the_corrected_amount_is_authorised(
    corrected: object, level: int
) -> None:
    by_this_decision = [{"field": "amount", "new": corrected}]
    assert level_for(400, overrides=by_this_decision) == level
    assert level_for(400, fields={"amount": corrected, "age": 30}) == level


def test_a_correction_to_less_does_not_lower_what_was_stated() -> None:
    shown = {"show": [{"fields": [{"key": "amount", "value": 20_000}]}]}
    amount = find_amount(20_000, shown, {"amount": 20_000}, [{"field": "amount", "new": 5}])
    assert find_need(LADDER, amount, "", ()).level == 2


def test_a_field_that_does_not_state_the_amount_changes_nothing() -> None:
    assert level_for(400, overrides=[{"field": "age", "new": 90_000}]) == 1


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_no_number_needs_less_than_its_size(value: float) -> None:
    assert level_for(value) == level_for(-value)
    if abs(value) > 1000:
        assert level_for(value) >= 2


# --- The matrix, before it is saved -----------------------------------------------


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"up_to": 5000}, {"up_to": 1000}], "Row 2 never holds"),
        ([{"up_to": 5000}, {"up_to": 5000, "level": 2}], "Row 2 never holds"),
        ([{"level": 2}, {"product": "car", "up_to": 10}], "Row 2 never holds"),
        ([{"up_to": 5000}, {"product": "car", "level": 3}], "overlap"),
        ([{"up_to": 5000}, {"exceptions": True, "level": 3}], "overlap"),
        ([{"product": "car"}, {"exceptions": True, "level": 3}], "overlap"),
        ([{"level": 0}], "`level`"),
        ([{"level": 10}], "`level`"),
        ([{"level": "2"}], "`level`"),
        ([{"level": True}], "`level`"),
        ([{"approvers": 0}], "`approvers`"),
        ([{"up_to": -5}], "`up_to`"),
        ([{"up_to": 0}], "`up_to`"),
        ([{"up_to": "5000"}], "`up_to`"),
        ([{"up_to": float("nan")}], "`up_to`"),
        ([{"up_to": float("inf")}], "`up_to`"),
        ([{"upto": 5000}], "there is no 'upto'"),
        ([{"product": 7}], "`product`"),
        ([{"exceptions": 1}], "`exceptions`"),
        ([{"exceptions": "no"}], "`exceptions`"),
        ([["up_to", 5]], "a list of objects"),
        ({"up_to": 5}, "a list of objects"),
        ([{"up_to": n + 1} for n in range(51)], "at most 50"),
    ],
)
def test_a_matrix_that_does_not_say_what_it_seems_to_is_refused(rows: object, said: str) -> None:
    assert said in find_matrix_problem(rows)


def test_a_matrix_from_narrow_to_wide_and_small_to_large_is_fine() -> None:
    assert find_matrix_problem([]) == ""
    assert find_matrix_problem(MATRIX_ROWS) == ""
    assert find_matrix_problem([{"up_to": 1000}, {"up_to": 5000, "level": 2}, {"level": 3}]) == ""
    apart = [{"product": "car", "up_to": 9}, {"product": "home", "up_to": 5}, {"level": 2}]
    assert find_matrix_problem(apart) == ""


@pytest.mark.parametrize("rows", [[], "MATRIX", [{"up_to": 12.5, "exceptions": True, "level": 2}]])
def test_a_matrix_is_read_from_a_page_as_it_was_written_there(rows: object) -> None:
    known = MATRIX_ROWS if rows == "MATRIX" else rows
    assert read_matrix(write_matrix(known)) == known  # type: ignore[arg-type]
