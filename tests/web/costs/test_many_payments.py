"""The page of costs over many payments. CHARGES=1000000 measures it; the usual run only tries it.

``CHARGES=1000000 python -m pytest -s tests/web/costs/test_many_payments.py``, and the same by
``python -m tests.servers`` for PostgreSQL.
"""

import os
import random
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from importlib import import_module
from itertools import islice
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.utils import timezone

from flows.models import Flow, Run
from flows.spending.models import Charge, StepSpent
from tests.factories.flows import make_flow

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(1800)]
CHARGES = int(os.environ.get("CHARGES", "3000"))
LIMIT_MS = 500
A_RUN = 3  # payments of each run
BATCH = 5_000
FLOWS, STEPS, CONNECTIONS, DAYS = 12, 6, 5, 40
TIMES = 5


def test_thirty_days_are_shown_within_half_a_second(designer: Client) -> None:
    make_runs([make_flow(f"flow{number}") for number in range(FLOWS)])
    make_charges()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    for asked in ("days=7", "days=30", "days=90"):
        took = sorted(ask(designer, f"/insights/cost/?{asked}") for _ in range(TIMES))
        sys.stderr.write(
            f"{connection.vendor}, {CHARGES:,} payments, {StepSpent.objects.count():,} sums, "
            f"{asked}: median {took[TIMES // 2]:.0f} ms, most {took[-1]:.0f} ms\n"
        )
        if "CHARGES" in os.environ:
            assert took[0] < LIMIT_MS


def ask(client: Client, url: str) -> float:
    began = time.perf_counter()
    answer = client.get(url)
    took = (time.perf_counter() - began) * 1000
    assert answer.status_code == 200
    assert b"By outcome" in answer.content
    return took


def at(number: int, of: int) -> datetime:
    """Spread over the last DAYS days, in order."""
    return timezone.now() - timedelta(days=DAYS) * (1 - number / of)


def make_runs(flows: list[Flow]) -> None:
    count = CHARGES // A_RUN
    outcomes = ["approved", "rejected", "referred"]
    save(
        (
            Run(
                flow=flows[number % FLOWS],
                version=flows[number % FLOWS].released,
                status="completed",
                outcome=outcomes[number % 7 % 3],
                started_at=at(number, count),
                finished_at=at(number, count),
            )
            for number in range(count)
        ),
        Run,
    )


def make_charges() -> None:
    chance = random.Random(7)
    first = Run.objects.order_by("pk").values_list("pk", flat=True)[0]
    save(
        (
            Charge(
                token_id=number,
                activation=1,
                attempt=1,
                fence=1,
                connection=f"model{chance.randrange(CONNECTIONS)}",
                run_id=first + number // A_RUN,
                root_id=first + number // A_RUN,
                flow=f"flow{number // A_RUN % FLOWS}",
                version_id=1,
                step=f"step{chance.randrange(STEPS)}",
                cost=Decimal(chance.randrange(1, 50_000)) / 1_000_000,
                input_tokens=chance.randrange(2_000),
                output_tokens=chance.randrange(300),
                at=at(number, CHARGES),
            )
            for number in range(CHARGES // A_RUN * A_RUN)
        ),
        Charge,
    )
    import_module("flows.spending.migrations.0002_spent_by_step").sum_charges(apps, None)


def save(rows: Iterator[Any], model: Any) -> None:
    while batch := list(islice(rows, BATCH)):
        model.objects.bulk_create(batch)
