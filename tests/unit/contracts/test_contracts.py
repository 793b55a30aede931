"""Learn a contract, check outputs against it, count a day's values."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.contracts.checking import check_output
from flows.contracts.counting import Figures, Tally
from flows.contracts.learning import Learner, refer_to_numbers, widen_range, widest_share
from flows.contracts.leaves import list_fields, take_field, type_of
from flows.contracts.model import Contract, FieldRule, read_contract
from flows.contracts.shifts import ks_distance

NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


def make_contract(*rules: FieldRule) -> Contract:
    return Contract("scores@2", "loan", "score", rules)


def learn(outputs: list[Any]) -> dict[str, FieldRule]:
    learner = Learner()
    for output in outputs:
        learner.add(output, NOW)
    return {rule.path: rule for rule in learner.propose()}


def measure(rule: FieldRule, values: list[Any]) -> Figures:
    tally = Tally(rule)
    for value in values:
        tally.add(value, NOW)
    return tally.measure(make_contract(rule))


@pytest.mark.parametrize(
    ("rule", "value", "kind", "said"),
    [
        (FieldRule("a", "number", highest=1), 14.2, "range", "It is above 1."),
        (FieldRule("a", "number", lowest=0), -3, "range", "It is below 0."),
        (FieldRule("a", "number"), "14", "type", "It is no number."),
        (FieldRule("a", "number"), True, "type", "It is no number."),
        (FieldRule("a", "flag"), 1, "type", "It is no flag."),
        (FieldRule("a", "text", categories=("x", "y")), "z", "category", "It is none of x, y."),
        (FieldRule("a", required=True), None, "missing", "It is missing."),
        (FieldRule("a", "time", oldest_hours=24), "2026-03-08T10:00:00Z", "stale",
         "It is 48.0 hours old, more than 24."),
        (FieldRule("a", "time", oldest_hours=24), "yesterday", "type", "It is no time."),
    ],
)  # fmt: skip
def test_a_breach_names_field_value_and_what_was_expected(
    rule: FieldRule, value: Any, kind: str, said: str
) -> None:
    [breach] = check_output({"a": value}, make_contract(rule), NOW)
    assert (breach.path, breach.kind, breach.message) == ("a", kind, said)
    assert breach.shown == ("" if value is None else "true" if value is True else f"{value}")


def test_what_is_within_breaks_nothing() -> None:
    rules = [
        FieldRule("score.good", "number", required=True, lowest=0, highest=1),
        FieldRule("kind", "text", categories=("a",)),
        FieldRule("read_at", "time", oldest_hours=1),
        FieldRule("note"),
    ]
    output = {"score": {"good": 1}, "kind": "a", "read_at": "2026-03-10T09:30:00Z"}
    assert check_output(output, make_contract(*rules), NOW) == []


def test_fields_are_those_of_objects_within_and_whole_outputs_of_others() -> None:
    assert list_fields({"a": {"b": 1, "c": {}}, "d": [1], "e.f": 2}) == {"a.b": 1, "d": [1]}
    assert list_fields(7) == {"": 7}
    assert take_field({"a": {"b": 1}}, "a.b") == 1
    assert take_field({"a": 3}, "a.b") is None
    assert take_field(7, "") == 7
    assert type_of({}) is None
    assert type_of("2026-03-10T10:00:00Z") == "time"
    assert type_of("2026-03-10 was a Tuesday") == "text"


def test_a_contract_is_learned_with_types_ranges_categories_and_rates() -> None:
    random = Random(3)
    rules = learn(
        [
            {
                "good": random.random(), "amount": random.uniform(100, 9_000),
                "kind": random.choice("abc"), "note": f"Text {number}", "ok": number % 3 == 0,
                "age": None if number % 10 == 0 else 30 + number % 40,
                "read_at": (NOW - timedelta(hours=number % 48)).isoformat(),
            }
            for number in range(500)
        ]
    )  # fmt: skip
    good, amount, age = rules["good"], rules["amount"], rules["age"]
    assert (good.type, good.required, good.lowest, good.highest) == ("number", True, 0.0, 1.0)
    assert amount.lowest == 0.0
    assert amount.highest is not None
    assert 9_000 < amount.highest < 11_000
    assert (rules["kind"].categories, rules["kind"].type) == (("a", "b", "c"), "text")
    assert (rules["note"].type, rules["note"].categories) == ("text", ())
    assert rules["ok"].type == "flag"
    assert (age.required, age.missing_at_most) == (False, 0.14)
    oldest = rules["read_at"].oldest_hours
    assert rules["read_at"].type == "time"
    assert oldest is not None
    assert 47 < oldest < 53


def test_what_was_learned_from_breaks_nothing_and_has_not_drifted() -> None:
    random = Random(4)
    outputs = [{"n": random.gauss(0, 1), "c": random.choice("ab")} for _ in range(400)]
    for path, rule in learn(outputs).items():
        figures = measure(rule, [output[path] for output in outputs])
        assert (figures.broken, figures.said) == (0, ())
        assert figures.psi == pytest.approx(0, abs=1e-3)


@given(st.lists(NUMBERS, min_size=1, max_size=60))
def test_a_learned_range_has_every_number_it_was_learned_from(numbers: list[float]) -> None:
    low, high = widen_range(numbers)
    assert low <= min(numbers)
    assert max(numbers) <= high


def test_a_share_is_learned_with_what_chance_may_have_hidden() -> None:
    assert widest_share(0, 1_000) == 0.01
    assert widest_share(50, 100) > 0.6
    assert widest_share(3, 0) == 1


@given(
    st.lists(st.integers(-20, 20), min_size=1, max_size=200),
    st.lists(st.integers(-25, 25), min_size=50, max_size=120),
)
def test_ks_against_few_learned_points_is_that_of_the_two_samples(
    first: list[int], second: list[int]
) -> None:
    rule = FieldRule("n", "number", reference=refer_to_numbers(first))
    assert measure(rule, second).ks == pytest.approx(ks_distance(first, second))


@given(st.lists(NUMBERS, min_size=150, max_size=400), st.lists(NUMBERS, min_size=50, max_size=120))
def test_ks_against_many_values_overlooks_no_more_than_a_step_between_points(
    first: list[float], second: list[float]
) -> None:
    reference = refer_to_numbers(first)
    found = measure(FieldRule("n", "number", reference=reference), second).ks
    true = ks_distance(first, second)
    steps = [0, *reference.at_most]
    step = max(b - a for a, b in pairwise(steps)) / len(first)
    assert found is not None
    assert true - step - 1e-9 <= found <= true + 1e-9


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=150), st.integers(0, 149))
def test_tallies_that_are_merged_count_what_one_does(values: list[int], cut: int) -> None:
    rule = FieldRule("n", "number", lowest=-2, reference=refer_to_numbers([-1, 0, 0, 3]))
    whole, one, two = Tally(rule), Tally(rule), Tally(rule)
    for at, value in enumerate([*values, None]):
        whole.add(value, NOW)
        (one if at < cut else two).add(value, NOW)
    one.merge(two)
    assert one == whole


@pytest.mark.parametrize("values", [[1.0] * 60, [1.0] * 59 + [2.0]])
def test_a_constant_field_has_not_drifted_while_it_stays_constant(values: list[float]) -> None:
    rule = FieldRule("n", "number", reference=refer_to_numbers([1.0] * 300))
    assert measure(rule, values).said == ()


def test_a_constant_field_that_changes_has_drifted() -> None:
    rule = FieldRule("n", "number", reference=refer_to_numbers([1.0] * 300))
    assert measure(rule, [3.0] * 60).said == ("psi", "ks")


def test_of_few_values_nothing_is_said() -> None:
    rule = FieldRule("n", "number", reference=refer_to_numbers([1.0, 2.0, 3.0] * 100))
    figures = measure(rule, [900.0] * 49)
    assert (figures.psi, figures.ks, figures.said) == (None, None, ())


def test_a_day_breaks_the_contract_by_what_is_missing_and_outside() -> None:
    rule = FieldRule("n", "number", lowest=0, missing_at_most=0.05)
    assert measure(rule, [1.0] * 95 + [None] * 5).said == ()
    assert measure(rule, [1.0] * 80 + [None] * 20).said == ("missing",)
    assert measure(rule, [1.0] * 99 + [-1.0]).said == ()
    figures = measure(rule, [1.0] * 90 + [-1.0] * 10)
    assert (figures.said, figures.breaches, figures.broken) == (("broken",), {"range": 10}, 10)
    required = FieldRule("n", required=True)
    assert measure(required, [1.0] * 999 + [None]).said == ("missing",)


def test_a_contract_is_the_same_when_it_is_read_again() -> None:
    rules = learn([{"n": number, "c": "ab"[number % 2]} for number in range(200)])
    content = {"flow": "f", "step": "s", "fields": [rule.as_json() for rule in rules.values()]}
    assert read_contract("x", content).fields == list(rules.values())
