from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.rules.authority import (
    Facts,
    Need,
    NoAuthorityRule,
    Verdict,
    find_need,
    judge,
    read_rules,
)

FACTS = Facts(person="ada", level=1, outcome="approved", requested_by="cyd", need=Need())
MATRIX = read_rules(
    [
        {"product": "mortgage", "level": 3, "approvers": 2},
        {"up_to": 5000, "exceptions": False, "level": 1},
        {"up_to": 50000, "level": 2, "approvers": 2},
        {"level": 3, "approvers": 2},
    ]
)
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
