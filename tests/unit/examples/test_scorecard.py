import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.consumer_loan import scorecard
from examples.consumer_loan.attributes import PROTECTED
from flows.graph.codec import parse
from tests.unit.examples.applicants import application, applications, protected

FLOW = Path(scorecard.__file__).with_name("flow.yaml")
WEAK = {
    "checking_account": "overdrawn",
    "duration_months": 48,
    "amount": 9_000,
    "savings": "under_100",
    "employed_since": "unemployed",
    "credit_history": "none_taken",
    "property": "unknown",
    "housing": "rent",
}


def score(**changes: Any) -> float:
    output, _, _ = scorecard.load().predict(application(**changes))
    return float(output["probability_good"])


@pytest.mark.parametrize(
    ("changes", "probability"),
    [
        ({}, 0.978879),
        (WEAK, 0.188122),
        ({"checking_account": "under_200", "amount": 4_001}, 0.920425),
    ],
)
def test_a_known_application_keeps_its_score(changes: dict[str, Any], probability: float) -> None:
    assert score(**changes) == pytest.approx(probability, abs=1e-6)


def test_a_bin_includes_its_upper_end() -> None:
    assert score(duration_months=15) == score(duration_months=12)
    assert score(duration_months=16) != score(duration_months=15)


@given(applications, protected, protected)
def test_protected_characteristics_never_change_a_score(
    values: dict[str, Any], one: dict[str, Any], other: dict[str, Any]
) -> None:
    model = scorecard.load()
    plain = model.predict(values)
    assert model.predict({**values, "protected": one}) == plain
    assert model.predict({**values, **other}) == plain


@given(applications)
def test_reasons_add_up_to_the_score(values: dict[str, Any]) -> None:
    model = scorecard.load()
    output, confidence, reasons = model.predict(values)
    usual = model.intercept + sum(factor.average_points for factor in model.factors)
    total = usual + sum(reason.contribution for reason in reasons)
    assert total == pytest.approx(output["points"], abs=0.01)
    assert 0.5 <= confidence <= 1
    sizes = [abs(reason.contribution) for reason in reasons]
    assert sizes == sorted(sizes, reverse=True)


@given(st.sampled_from([each.feature for each in scorecard.load().factors]))
def test_no_factor_is_protected_or_stands_in_for_what_is(feature: str) -> None:
    left_out = {each.name for each in PROTECTED} | {"job", "dependants", "telephone"}
    assert feature not in left_out


def test_the_flow_uses_the_cutoffs_that_were_measured() -> None:
    data = json.loads(scorecard.PATH.read_text())
    cases = parse(FLOW.read_text()).steps["route"].config["cases"]
    assert f"probability_good >= {data['cutoffs']['approve']:g}" in cases[0]["when"]
    assert f"probability_good < {data['cutoffs']['decline']:g}" in cases[1]["when"]


def test_what_was_measured_beats_deciding_all_alike() -> None:
    found = json.loads(scorecard.PATH.read_text())["validation"]
    costs = found["cost_per_application"]
    assert costs["flow_if_people_err"]["25%"] < 0.75 * costs["decline_all"] < costs["approve_all"]
    assert 0.2 <= found["share_to_people"] <= 0.4
    assert found["auc_mean"] > 0.76
