"""The attributes of an application: readable names for the codes of the Statlog data set.

The data set (Hans Hofmann, UCI Machine Learning Repository, CC BY 4.0) has 20 attributes and the
outcome. Three are protected: they are kept apart for fairness reports and not used otherwise.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Application = dict[str, Any]

OUTCOME_COLUMN = 21
LABELS = {"1": "good", "2": "bad"}


@dataclass(frozen=True, slots=True)
class Attribute:
    """A column of the data set. Without ``codes`` its values are whole numbers."""

    column: int
    name: str
    label: str
    codes: Mapping[str, Any] = field(default_factory=dict)

    def read(self, code: str) -> Any:
        """Return the readable value of a code. Raises: ValueError."""
        if not self.codes:
            return int(code)
        if code not in self.codes:
            raise ValueError(
                f"column {self.column} ({self.name}) has no code {code!r}: "
                f"use {', '.join(self.codes)}"
            )
        return self.codes[code]


ATTRIBUTES = (
    Attribute(1, "checking_account", "Checking account", {
        "A11": "overdrawn", "A12": "under_200", "A13": "200_or_more", "A14": "none"}),
    Attribute(2, "duration_months", "Duration"),
    Attribute(3, "credit_history", "Credit history", {
        "A30": "none_taken", "A31": "all_paid_here", "A32": "paid_till_now",
        "A33": "past_delay", "A34": "other_credits"}),
    Attribute(4, "purpose", "Purpose", {
        "A40": "new_car", "A41": "used_car", "A42": "furniture", "A43": "radio_tv",
        "A44": "appliances", "A45": "repairs", "A46": "education", "A48": "retraining",
        "A49": "business", "A410": "other"}),
    Attribute(5, "amount", "Amount"),
    Attribute(6, "savings", "Savings", {
        "A61": "under_100", "A62": "100_to_500", "A63": "500_to_1000", "A64": "1000_or_more",
        "A65": "unknown"}),
    Attribute(7, "employed_since", "Employed since", {
        "A71": "unemployed", "A72": "under_1_year", "A73": "1_to_4_years",
        "A74": "4_to_7_years", "A75": "7_years_or_more"}),
    Attribute(8, "instalment_rate", "Instalment rate"),
    Attribute(10, "other_debtors", "Other debtors", {
        "A101": "none", "A102": "co_applicant", "A103": "guarantor"}),
    Attribute(11, "residence_since", "Residence since"),
    Attribute(12, "property", "Property", {
        "A121": "real_estate", "A122": "savings_or_insurance", "A123": "car_or_other",
        "A124": "unknown"}),
    Attribute(14, "other_instalments", "Other instalment plans", {
        "A141": "bank", "A142": "stores", "A143": "none"}),
    Attribute(15, "housing", "Housing", {"A151": "rent", "A152": "own", "A153": "free"}),
    Attribute(16, "existing_credits", "Credits at this bank"),
    Attribute(17, "job", "Job", {
        "A171": "unskilled_non_resident", "A172": "unskilled_resident", "A173": "skilled",
        "A174": "highly_skilled"}),
    Attribute(18, "dependants", "Dependants"),
    Attribute(19, "telephone", "Telephone", {"A191": False, "A192": True}),
)  # fmt: skip

PROTECTED = (
    Attribute(9, "personal_status", "Personal status and sex", {
        "A91": "male_divorced", "A92": "female_divorced_or_married", "A93": "male_single",
        "A94": "male_married", "A95": "female_single"}),
    Attribute(13, "age_years", "Age"),
    Attribute(20, "foreign_worker", "Foreign worker", {"A201": True, "A202": False}),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the data set: the application, and how the loan turned out, ``good`` or ``bad``."""

    number: int
    application: Application
    label: str | None


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a ``.data`` file. The outcome may be missing.

    Raises: ValueError, which names the line.
    """
    with path.open(encoding="ascii") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield _row(number, line.split())
                except ValueError as error:
                    raise ValueError(f"{path}, line {number}: {error}") from error


def _row(number: int, codes: list[str]) -> Row:
    if len(codes) not in {OUTCOME_COLUMN - 1, OUTCOME_COLUMN}:
        raise ValueError(f"has {len(codes)} columns: 20 attributes and the outcome are needed")
    application: Application = {"applicant": f"Applicant {number:04d}"}
    application |= {each.name: each.read(codes[each.column - 1]) for each in ATTRIBUTES}
    application["protected"] = {each.name: each.read(codes[each.column - 1]) for each in PROTECTED}
    label = LABELS[codes[OUTCOME_COLUMN - 1]] if len(codes) == OUTCOME_COLUMN else None
    return Row(number, application, label)
