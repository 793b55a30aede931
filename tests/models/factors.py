"""The scorecard's factors in their order, and the applications that every server is asked about."""

import os
from itertools import islice
from pathlib import Path
from typing import Any

from examples.consumer_loan import scorecard
from examples.consumer_loan.attributes import read_rows
from examples.consumer_loan.generate import applications
from flows.steps.scorecard import Scorecard

CARD = Scorecard.load(scorecard.PATH)
FACTORS = tuple(factor.feature for factor in CARD.factors)
# The number that stands for a category where a server takes numbers only.
CODES = {
    factor.feature: {
        value: number
        for number, value in enumerate(
            sorted(value for each in factor.bins for value in each.values or ())
        )
    }
    for factor in CARD.factors
    if not factor.is_numeric
}
APPLICATIONS = 700


def list_applications() -> list[dict[str, Any]]:
    """Return the factors of 700 applications: rows of APPLICATIONS_DATA, else generated ones."""
    data = os.environ.get("APPLICATIONS_DATA")
    found = (
        (row.application for row in read_rows(Path(data)))
        if data
        else applications(APPLICATIONS, seed=11)
    )
    return [{name: each[name] for name in FACTORS} for each in islice(found, APPLICATIONS)]


def encode(values: dict[str, Any]) -> dict[str, float]:
    """Return the values as numbers only."""
    return {
        name: float(CODES[name][value] if name in CODES else value)
        for name, value in values.items()
    }


def decode(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with categories as texts again, if they are numbers."""
    return {
        name: list(CODES[name])[int(value)]
        if name in CODES and not isinstance(value, str)
        else value
        for name, value in values.items()
    }
