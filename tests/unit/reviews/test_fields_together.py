"""Values of a group that must fit one another, by the group's schema."""

from typing import Any

import pytest

from reviews.rules.answers import Answer, find_value_problems
from reviews.rules.layout import Group

FIELDS = ("order", "amount", "method", "lines")
VALUES: dict[str, Any] = {"order": "A-7", "amount": 40, "method": "card", "lines": [1]}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["order", "amount"],
    "additionalProperties": False,
    "properties": {name: {} for name in FIELDS},
    "anyOf": [
        {"properties": {"amount": {"maximum": 50}}},
        {"properties": {"order": {"pattern": "^B"}}},
    ],
    "if": {"properties": {"method": {"const": "transfer"}}},
    "then": {"required": ["iban"]},
}


def judge(
    outcome: str = "approved", schema: Any = SCHEMA, given: Any = VALUES, **changed: Any
) -> dict[str, str]:
    fields = [{"key": name, "label": name, "editable": name != "lines"} for name in given]
    shown = {"show": [{"title": "Arguments", "fields": fields, "schema": schema}]}
    answer = Answer(outcome, fields=changed)
    return find_value_problems(answer, rules={}, shown=shown, fields=given)


def test_values_that_fit_together_are_no_problem() -> None:
    assert judge() == {}
    assert judge(amount=45) == {}
    assert judge(amount=400, order="B-1") == {}


def test_a_value_that_fits_by_itself_and_not_with_the_others_is_refused_at_its_field() -> None:
    [(place, sentence)] = judge(amount=400).items()
    assert place == "fields.amount"
    assert sentence.startswith("The values do not fit together:")
    assert "choose another outcome and say why" in sentence


def test_a_field_that_the_change_makes_necessary_and_the_case_lacks_is_named() -> None:
    [(place, sentence)] = judge(method="transfer").items()
    assert place == "fields.method"
    assert "iban is missing, and cannot be added here" in sentence


def test_a_fault_within_a_field_that_can_be_changed_stands_at_that_field() -> None:
    schema = {"properties": {"amount": {"type": "integer"}}}
    assert list(judge(schema=schema, amount=1.5)) == ["fields.amount"]
    [(place, sentence)] = judge(schema={"required": ["amount"]}, given={"order": "A-7"}).items()
    assert (place, "amount is missing" in sentence) == ("fields.order", True)


def test_a_fault_of_a_field_that_cannot_be_changed_stands_at_the_changed_one() -> None:
    schema = {"properties": {"lines": {"maxItems": 0}}}
    [(place, sentence)] = judge(schema=schema, amount=41).items()
    assert (place, "lines" in sentence) == ("fields.amount", True)


def test_what_an_answer_to_a_question_changed_counts_too() -> None:
    assert list(judge(given={**VALUES, "amount": 400})) == ["fields.order"]


@pytest.mark.parametrize("outcome", ["rejected", "rework"])
def test_nothing_is_done_with_the_values_of_a_case_that_is_not_approved(outcome: str) -> None:
    assert judge(outcome, amount=400) == {}


def test_groups_without_a_schema_are_as_before() -> None:
    assert judge(schema=None, amount=400) == {}


@pytest.mark.parametrize(
    "wrong",
    [{"schema": {"type": "nonsense"}, "fields": []}, {"schema": {"type": "object"}, "text": "No."}],
)
def test_a_schema_that_could_check_nothing_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="schema"):
        Group.model_validate({"title": "Arguments", **wrong})
