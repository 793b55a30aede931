"""Old payments are removed; their sums stay."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from flows.costs import clock
from flows.costs.clock import prune_charges
from flows.spending.models import Charge, Spent, StepSpent
from tests.factories.charges import pay
from tests.factories.flows import make_flow
from tests.factories.runs import make_run
from workbench.dispatch.models import SetAside

pytestmark = pytest.mark.django_db


def test_payments_are_kept_as_long_as_is_set_and_sums_for_good(settings: Any) -> None:
    settings.KEEP_CHARGES_DAYS = 10
    run, now = make_run(make_flow()), timezone.now()
    pay(run, "1", at=now - timedelta(days=11))
    pay(run, "2", at=now - timedelta(days=9))
    assert not prune_charges(now)
    assert [charge.cost for charge in Charge.objects.all()] == [2]
    assert sum(row.cost for row in Spent.objects.filter(payer="all")) == 3
    assert sum(row.cost for row in StepSpent.objects.all()) == 3


def test_a_sweep_that_leaves_some_is_repeated_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "BATCH", 2)
    run, now = make_run(make_flow()), timezone.now()
    for _ in range(3):
        pay(run, at=now - timedelta(days=401))
    assert prune_charges(now)
    assert not prune_charges(now)
    assert not Charge.objects.exists()


def test_a_payment_that_is_set_aside_holds_up_no_other() -> None:
    run, now = make_run(make_flow()), timezone.now()
    for _ in range(2):
        pay(run, at=now - timedelta(days=401))
    kept = Charge.objects.order_by("pk")[0]
    SetAside.objects.create(
        task=clock.TASK, key=str(kept.pk), cause="x", failures=1, first_at=now, last_at=now,
        retry_at=now + timedelta(hours=1),
    )  # fmt: skip
    assert not prune_charges(now)
    assert list(Charge.objects.all()) == [kept]
