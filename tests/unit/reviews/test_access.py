import pytest

from reviews.rules.access import CLAIM, DECIDE, SEE, check_access, rule_of


def test_a_queue_without_rules_asks_for_nothing_more() -> None:
    assert rule_of(CLAIM, {}).refusal([], []) == ""


def test_one_of_the_roles_and_all_of_the_skills_are_needed() -> None:
    rule = rule_of(CLAIM, {"claim": {"roles": ["lead"], "skills": ["b", "a"]}}, ["c"])
    assert rule.refusal(["reviewer"], ["a", "b", "c"]) == "This queue leaves that to the role lead."
    assert rule.refusal(["lead"], ["a"]) == "This queue needs the skill b, c."
    assert rule.refusal(["lead", "reviewer"], ["a", "b", "c", "d"]) == ""


def test_the_queue_s_own_skills_hold_for_work_and_not_for_seeing() -> None:
    assert rule_of(DECIDE, {}, ["a"]).skills == {"a"}
    assert rule_of(SEE, {}, ["a"]).skills == frozenset()


@pytest.mark.parametrize(
    "access",
    [
        {"read": {}},
        {"claim": ["lead"]},
        {"claim": {"people": []}},
        {"claim": {"roles": ["auditor"]}},
        {"see": {"roles": ["lead"]}},
    ],
)
def test_rules_that_mean_nothing_are_refused(access: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"use|rule|seeing"):
        check_access(access)
