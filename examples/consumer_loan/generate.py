"""Invent applications, as JSON lines that `flow run --input-file` takes.

    python -m examples.consumer_loan.generate --count 40 --seed 7 > applications.jsonl

Values are as frequent as in the scorecard's bins; longer loans are larger.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from random import Random
from typing import Any

from examples.consumer_loan import scorecard
from examples.consumer_loan.attributes import Application
from flows.steps.scorecard import Factor

EMPLOYERS = (
    "Nordhafen Werft", "Stadtwerke Lindau", "Mühlbach Papier", "Kreisklinik Am See",
    "Brauerei Sonnenfeld", "Alpenblick Hotels", "Rheinufer Logistik", "Gärtnerei Grünau",
    "Optik Feinglas", "Schulamt Westkreis", "Bäckerei Kornblume", "Feldkirch Maschinenbau",
)  # fmt: skip
INCOMES = {"highly_skilled": 4300, "skilled": 2900, "unskilled_resident": 2200}
DURATIONS = (6, 9, 12, 12, 15, 18, 18, 24, 24, 24, 30, 36, 36, 48, 60)
# Of a hundred applicants, so many hand in a payslip that contradicts what they stated.
CONTRADICTED = 6
# One of so many applicants hands in a payslip that was scanned: recognising takes seconds.
SCANNED_EACH = 18
SHARE_WITH_TELEPHONE, SHARE_OF_FOREIGN_WORKERS = 0.4, 0.96


def applications(count: int, seed: int) -> Iterator[Application]:
    """Yield applications. The same seed gives the same ones."""
    random = Random(seed)  # noqa: S311 - reproducible, and nothing secret
    factors = {factor.feature: factor for factor in scorecard.load().factors}
    for number in range(1, count + 1):
        yield _application(number, random, factors)


def _application(number: int, random: Random, factors: dict[str, Factor]) -> Application:
    found: Application = {
        "applicant": f"Applicant {number:04d}",
        "email": f"applicant-{number:04d}@applicants.example",
    }
    for feature, factor in factors.items():
        if not factor.is_numeric:
            found[feature] = _draw(random, factor)
    job = random.choices(list(INCOMES), weights=(15, 63, 22))[0]
    found |= {
        "duration_months": random.choice(DURATIONS),
        "instalment_rate": random.choices((1, 2, 3, 4), weights=(14, 23, 16, 47))[0],
        "existing_credits": random.choices((1, 2, 3), weights=(63, 33, 4))[0],
        "dependants": random.choices((1, 2), weights=(85, 15))[0],
        "residence_since": random.choices((1, 2, 3, 4), weights=(13, 31, 15, 41))[0],
        "job": job,
        "telephone": random.random() < SHARE_WITH_TELEPHONE,
    }
    found["amount"] = _amount(random, found["duration_months"])
    found |= _income(random, found)
    if number % SCANNED_EACH == 0:
        found["paper"] = {**found.get("paper", {}), "scanned": True}
    return found | {"protected": _protected(random)}


def _draw(random: Random, factor: Factor) -> str:
    drawn = random.choices(factor.bins, weights=[each.share for each in factor.bins])[0]
    return random.choice(sorted(drawn.values or ()))


def _amount(random: Random, months: int) -> int:
    """Return an amount: about 120 DM for each month, with a long tail."""
    amount = random.lognormvariate(4.75, 0.55) * months + 400
    return min(18_500, max(300, round(amount / 50) * 50))


def _income(random: Random, application: Application) -> dict[str, Any]:
    """Return the stated employer and income, and sometimes a payslip that contradicts them."""
    if application["employed_since"] == "unemployed":
        income = round(random.uniform(1300, 1800), -1)
        return {"employer": "Employment office", "net_income": income}
    income = round(INCOMES[application["job"]] * random.uniform(0.8, 1.3), -1)
    stated = {"employer": random.choice(EMPLOYERS), "net_income": income}
    if random.randrange(100) >= CONTRADICTED:
        return stated
    return {**stated, "paper": {"net_income": round(income * random.uniform(0.55, 0.8), 2)}}


def _protected(random: Random) -> dict[str, Any]:
    statuses = ("male_single", "female_divorced_or_married", "male_married", "male_divorced")
    return {
        "personal_status": random.choices(statuses, weights=(55, 31, 9, 5))[0],
        "age_years": min(75, max(19, round(random.lognormvariate(3.53, 0.3)))),
        "foreign_worker": random.random() < SHARE_OF_FOREIGN_WORKERS,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    for application in applications(options.count, options.seed):
        key = f"generated-{options.seed}-{application['applicant'].split()[1]}"
        line = {"input": application, "idempotency_key": key}
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
