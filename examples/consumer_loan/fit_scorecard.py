"""Fit the scorecard and choose its cutoffs. Needs the dependency group ``fit``; scoring does not.

    python -m examples.consumer_loan.fit_scorecard applications.data

A regularised logistic regression over hand-made bins, with a column for each bin. It leaves out the
protected attributes (9, 13, 20) and four that mostly stand in for them: job (one of its classes is
residency), dependants, telephone, residence. How strongly to regularise is chosen inside each
training fold; AUC and cutoffs come from predictions for applications that the model had not seen.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedKFold

from examples.consumer_loan.attributes import ATTRIBUTES, Application, read_rows

TARGET = Path(__file__).with_name("scorecard.json")
FOLDS, REPEATS, SEED = 5, 10, 20
STRENGTHS = [0.02, 0.05, 0.1, 0.2, 0.5]

# The data set's own cost matrix.
COST_BAD_APPROVED, COST_GOOD_DECLINED = 5, 1
# An assumption: people see documents that the model does not, and are still wrong this often.
REVIEWER_ERROR = 0.25
LARGEST_SHARE_TO_PEOPLE = 0.33

RANGES: dict[str, tuple[list[float], str]] = {
    "duration_months": ([8, 11, 15, 23, 35], "months"),
    "amount": ([1300, 4000, 7000], "DM"),
    "instalment_rate": ([1, 2, 3], "% of income"),
    "existing_credits": ([1], ""),
}
GROUPS: dict[str, list[tuple[str, list[str]]]] = {
    "checking_account": [
        ("overdrawn", ["overdrawn"]), ("under 200 DM", ["under_200"]),
        ("200 DM or more", ["200_or_more"]), ("no account here", ["none"])],
    "credit_history": [
        ("no credit elsewhere before", ["none_taken", "all_paid_here"]),
        ("credits paid duly till now", ["paid_till_now"]), ("past delay", ["past_delay"]),
        ("other credits, known and paid", ["other_credits"])],
    "purpose": [
        ("new car", ["new_car"]), ("used car or retraining", ["used_car", "retraining"]),
        ("furniture", ["furniture"]), ("radio or television", ["radio_tv"]),
        ("education", ["education"]), ("business", ["business"]),
        ("appliances, repairs or other", ["appliances", "repairs", "other"])],
    "savings": [
        ("under 100 DM", ["under_100"]), ("100 to 500 DM", ["100_to_500"]),
        ("500 DM or more", ["500_to_1000", "1000_or_more"]), ("none known", ["unknown"])],
    "employed_since": [
        ("unemployed", ["unemployed"]), ("less than a year", ["under_1_year"]),
        ("1 to 4 years", ["1_to_4_years"]), ("4 to 7 years", ["4_to_7_years"]),
        ("7 years or more", ["7_years_or_more"])],
    "other_debtors": [
        ("no other debtor", ["none"]), ("a co-applicant", ["co_applicant"]),
        ("a guarantor", ["guarantor"])],
    "property": [
        ("real estate", ["real_estate"]),
        ("savings contract or insurance", ["savings_or_insurance"]),
        ("car or other", ["car_or_other"]), ("none known", ["unknown"])],
    "other_instalments": [
        ("plans at a bank or store", ["bank", "stores"]), ("no other plans", ["none"])],
    "housing": [("rented", ["rent"]), ("owned", ["own"]), ("free of charge", ["free"])],
}  # fmt: skip


def build_bins(feature: str) -> list[dict[str, Any]]:
    """Return a feature's bins as in the scorecard's file, but without points and shares."""
    if feature in GROUPS:
        return [{"label": label, "values": values} for label, values in GROUPS[feature]]
    edges, unit = RANGES[feature]
    found = []
    for over, to in zip([None, *edges], [*edges, None], strict=True):
        if over is None:
            words = f"up to {to:g}"
        elif to is None:
            words = f"over {over:g}"
        else:
            words = f"over {over:g} to {to:g}"
        found.append({"label": f"{words} {unit}".strip(), "over": over, "to": to})
    return found


def is_in_bin(one: dict[str, Any], value: Any) -> bool:
    if "values" in one:
        return value in one["values"]
    return (one["over"] is None or value > one["over"]) and (
        one["to"] is None or value <= one["to"]
    )


FEATURES = [each for each in ATTRIBUTES if each.name in GROUPS or each.name in RANGES]
COLUMNS = [(each, one) for each in FEATURES for one in build_bins(each.name)]


def build_matrix(applications: Sequence[Application]) -> np.ndarray:
    return np.array(
        [[is_in_bin(one, row[each.name]) for each, one in COLUMNS] for row in applications], float
    )


def make_model() -> LogisticRegressionCV:
    return LogisticRegressionCV(
        Cs=STRENGTHS,
        cv=StratifiedKFold(FOLDS, shuffle=True, random_state=SEED),
        scoring="neg_log_loss",
        max_iter=2000,
        use_legacy_attributes=False,
        l1_ratios=(0,),
    )


def predict_unseen(x: np.ndarray, good: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Return the probability of good by repeat and application, and the AUC of each fold."""
    probabilities = np.zeros((REPEATS, len(good)))
    aucs = []
    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=SEED)
    for number, (train, test) in enumerate(folds.split(x, good)):
        found = make_model().fit(x[train], good[train]).predict_proba(x[test])[:, 1]
        probabilities[number // FOLDS, test] = found
        aucs.append(float(roc_auc_score(good[test], found)))
    return probabilities, aucs


def compute_costs(
    probabilities: np.ndarray, good: np.ndarray, approve: float, decline: float, error: float
) -> tuple[float, float]:
    """Return the cost of an application and the share sent to people, averaged over the repeats."""
    approved, declined = probabilities >= approve, probabilities < decline
    unsure = ~approved & ~declined
    bad = ~good[np.newaxis, :]
    wrong = approved & bad, declined & ~bad, unsure & bad, unsure & ~bad
    weights = (
        COST_BAD_APPROVED,
        COST_GOOD_DECLINED,
        COST_BAD_APPROVED * error,
        COST_GOOD_DECLINED * error,
    )
    cost = sum(weight * part.mean() for weight, part in zip(weights, wrong, strict=True))
    return float(cost), float(unsure.mean())


def choose_cutoffs(probabilities: np.ndarray, good: np.ndarray) -> tuple[float, float]:
    """Return the cutoffs (approve, decline): the cheapest pair that does not overload people."""
    choices = []
    for approve in np.arange(0.60, 0.96, 0.01):
        for decline in np.arange(0.20, approve, 0.01):
            cost, share = compute_costs(probabilities, good, approve, decline, REVIEWER_ERROR)
            if share <= LARGEST_SHARE_TO_PEOPLE:
                choices.append((cost, round(float(approve), 2), round(float(decline), 2)))
    _, approve, decline = min(choices)
    return approve, decline


def measure(probabilities: np.ndarray, good: np.ndarray, aucs: list[float]) -> dict[str, Any]:
    """Return the cutoffs and what validation found, as the scorecard's file has them."""
    approve, decline = choose_cutoffs(probabilities, good)
    by_error = {
        f"{error:.0%}": round(compute_costs(probabilities, good, approve, decline, error)[0], 4)
        for error in (0.0, REVIEWER_ERROR, 0.5)
    }
    return {
        "cutoffs": {"approve": approve, "decline": decline},
        "validation": {
            "method": f"stratified {FOLDS}-fold cross-validation, {REPEATS} repeats",
            "auc_mean": round(float(np.mean(aucs)), 4),
            "auc_sd_of_folds": round(float(np.std(aucs, ddof=1)), 4),
            "auc_of_repeats": [
                round(float(roc_auc_score(good, each)), 4) for each in probabilities
            ],
            "brier": round(float(np.mean([brier_score_loss(good, p) for p in probabilities])), 4),
            "share_to_people": round(compute_costs(probabilities, good, approve, decline, 0)[1], 4),
            "cost_per_application": {
                "approve_all": round(COST_BAD_APPROVED * float((~good).mean()), 4),
                "decline_all": round(COST_GOOD_DECLINED * float(good.mean()), 4),
                "flow_if_people_err": by_error,
            },
        },
    }


def fit(x: np.ndarray, good: np.ndarray) -> dict[str, Any]:
    """Return the intercept and the factors with their points, as the scorecard's file has them."""
    final = make_model().fit(x, good)
    factors: dict[str, dict[str, Any]] = {}
    for (each, one), points, share in zip(COLUMNS, final.coef_[0], x.mean(axis=0), strict=True):
        factor = factors.setdefault(
            each.name, {"feature": each.name, "label": each.label, "bins": []}
        )
        factor["bins"].append(
            {**one, "points": round(float(points), 5), "share": round(float(share), 5)}
        )
    return {
        "intercept": round(float(final.intercept_[0]), 5),
        "inverse_regularisation": float(np.ravel(final.C_)[0]),
        "factors": list(factors.values()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="applications with outcomes, in the .data form")
    parser.add_argument("--version", default="1")
    parser.add_argument("--to", type=Path, default=TARGET)
    options = parser.parse_args()
    rows = list(read_rows(options.data))
    x = build_matrix([row.application for row in rows])
    good = np.array([row.label == "good" for row in rows])
    probabilities, aucs = predict_unseen(x, good)
    scorecard = {
        "name": "scorecard",
        "version": options.version,
        "output": "probability_good",
        "data": {
            "sha256": hashlib.sha256(options.data.read_bytes()).hexdigest(),
            "applications": len(rows),
            "base_rate_good": round(float(good.mean()), 4),
        },
        **measure(probabilities, good, aucs),
        **fit(x, good),
    }
    options.to.write_text(json.dumps(scorecard, indent=1) + "\n")
    shown = {key: scorecard[key] for key in ("data", "cutoffs", "validation")}
    sys.stdout.write(json.dumps(shown, indent=2) + "\n")


if __name__ == "__main__":
    main()
