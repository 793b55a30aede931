import pytest

from reviews.rules.access import CLAIM, DECIDE, SEE, check_access, get_rule


def test_a_queue_without_rules_asks_for_nothing_more() -> None:
    assert get_rule(CLAIM, {}).find_refusal([], []) == ""


def test_one_of_the_roles_and_all_of_the_skills_are_needed() -> None:
    rule = get_rule(CLAIM, {"claim": {"roles": ["lead"], "skills": ["b", "a"]}}, ["c"])
    assert (
        rule.find_refusal(["reviewer"], ["a", "b", "c"])
        == "This queue leaves that to the role lead."
    )
    assert rule.find_refusal(["lead"], ["a"]) == "This queue needs the skill b, c."
    assert rule.find_refusal(["lead", "reviewer"], ["a", "b", "c", "d"]) == ""


def test_the_queue_s_own_skills_hold_for_work_and_not_for_seeing() -> None:
    assert get_rule(DECIDE, {}, ["a"]).skills == {"a"}
    assert get_rule(SEE, {}, ["a"]).skills == frozenset()


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
