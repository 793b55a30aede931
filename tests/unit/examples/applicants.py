"""Applications made up for tests: each attribute's values are those of the flow's own contract."""

from typing import Any

from hypothesis import strategies as st

from examples.consumer_loan.attributes import ATTRIBUTES, PROTECTED, Attribute

NUMBERS = {
    "duration_months": (4, 72),
    "amount": (250, 20_000),
    "instalment_rate": (1, 4),
    "residence_since": (1, 4),
    "existing_credits": (1, 4),
    "dependants": (1, 2),
    "age_years": (19, 75),
}

PLAIN: dict[str, Any] = {
    "applicant": "Applicant 0001",
    "email": "applicant-0001@applicants.example",
    "checking_account": "none",
    "duration_months": 12,
    "credit_history": "other_credits",
    "purpose": "radio_tv",
    "amount": 1200,
    "savings": "unknown",
    "employed_since": "7_years_or_more",
    "instalment_rate": 2,
    "other_debtors": "none",
    "residence_since": 4,
    "property": "real_estate",
    "other_instalments": "none",
    "housing": "own",
    "existing_credits": 1,
    "job": "skilled",
    "dependants": 1,
    "telephone": True,
}


def application(**changes: Any) -> dict[str, Any]:
    return {**PLAIN, **changes}


def _values(attribute: Attribute) -> st.SearchStrategy[Any]:
    if attribute.codes:
        return st.sampled_from(list(attribute.codes.values()))
    return st.integers(*NUMBERS[attribute.name])


applications = st.fixed_dictionaries({each.name: _values(each) for each in ATTRIBUTES})
protected = st.fixed_dictionaries({each.name: _values(each) for each in PROTECTED})
