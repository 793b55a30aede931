from typing import Any

from flows.graph.model import Step
from flows.graph.problems import Problem
from reviews.checkpoint.step import ReviewCase


def problems_of(config: dict[str, Any]) -> list[Problem]:
    return list(ReviewCase().check(Step(id="review", type="review.case", config=config)))


def test_a_reason_to_reject_that_rests_on_nothing_is_a_warning_with_a_remedy() -> None:
    grounded = {"code": "income", "label": "Income", "rests_on": ["income"]}
    (problem,) = problems_of(
        {"reason_codes": {"rejected": [grounded, {"code": "other", "label": "Other"}]}}
    )
    assert problem.severity == "warning"
    assert problem.field == "with.reason_codes.rejected[1].rests_on"
    assert "`key`" in problem.remedy


def test_work_is_sent_back_for_what_is_lacking_so_that_needs_no_evidence() -> None:
    assert not problems_of({"reason_codes": {"rework": [{"code": "more", "label": "More"}]}})


def test_codes_that_are_no_codes_are_left_to_the_config_schema() -> None:
    wrong: list[Any] = [None, [], {"rejected": "x"}, {"rejected": [None, {"label": "No code"}]}]
    for codes in wrong:
        assert not problems_of({"reason_codes": codes})
