"""How a connection does, from what the journal and the breaker know."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from flows.connections.health import find_percentile, read_health
from flows.connections.selectors import list_rows
from flows.models import Journal
from flows.resilience.models import Breaker
from tests.factories.connections import make_connection
from tests.factories.flows import make_flow
from tests.factories.runs import make_run

pytestmark = pytest.mark.django_db


def journal_calls(latencies: list[float], *, model: str = "risk", minutes: int = 5) -> None:
    now = timezone.now()
    run = make_run(make_flow(f"f{Journal.objects.count()}"), started=now)
    Journal.objects.filter(run_id=run.pk).delete()
    at = now - timedelta(minutes=minutes)
    Journal.objects.bulk_create(
        Journal(
            run_id=run.pk, seq=seq, kind="step.finished", step="ask", at=at,
            provenance={"provider": "connection", "model": model, "latency_ms": latency},
        )
        for seq, latency in enumerate(latencies, start=1)
    )  # fmt: skip


def test_the_last_hours_latencies_are_those_of_the_journal() -> None:
    row, now = make_connection(), timezone.now()
    journal_calls([float(each) for each in range(1, 101)])
    journal_calls([9_000.0] * 50, minutes=61)
    journal_calls([9_000.0] * 50, model="other")
    health = read_health([row], now)["risk"]
    assert (health.calls, health.p50_ms, health.p95_ms) == (100, 51.0, 96.0)


def test_steps_of_other_providers_are_not_counted() -> None:
    row = make_connection()
    journal_calls([5.0])
    Journal.objects.update(provenance={"provider": "local", "model": "risk", "latency_ms": 5})
    health = read_health([row], timezone.now())["risk"]
    assert (health.calls, health.p50_ms, health.state) == (0, None, "closed")


def test_the_breaker_tells_the_last_error_also_once_it_is_closed() -> None:
    row, now = make_connection(), timezone.now()
    Breaker.objects.create(
        destination="connection:risk", failed_at=now, last_error="It did not answer."
    )
    Breaker.objects.create(destination="connection:other", last_error="Not this one.")
    assert read_health([row], now)["risk"].last_error == "It did not answer."


def test_the_list_makes_as_many_queries_for_fifty_as_for_one(
    django_assert_max_num_queries: Callable[..., Any],
) -> None:
    for number in range(50):
        make_connection(f"m{number}")
    journal_calls([1.0] * 200)
    with django_assert_max_num_queries(4):
        assert len(list_rows(timezone.now())) == 50


@pytest.mark.parametrize(("values", "p50"), [([], None), ([7.0], 7.0), ([1.0, 2.0], 2.0)])
def test_percentiles_of_few_values(values: list[float], p50: float | None) -> None:
    assert find_percentile(values, 0.5) == p50
