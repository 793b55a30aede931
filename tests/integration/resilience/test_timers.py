"""A timer that cannot be fired holds up no other."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from flows.models import FlowVersion, Run, Timer, Wait
from flows.runtime.clock import FIRST_PUT_OFF_SECONDS, fire_timers
from flows.runtime.program import forget_programs
from tests.driving import driving, start
from tests.factories.probes import publish_flow
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


def waiting(*names: str) -> list[Run]:
    """Start a run of each flow and let it come to its wait of an hour."""
    flows = [
        publish_flow("a -> b", a={"type": "wait", "seconds": 3600}, name=name) for name in names
    ]
    runs = [start(flow) for flow in flows]
    with driving():
        until(lambda: Timer.objects.count() == len(runs), "the timers")
    return runs


def test_a_timer_that_raises_is_put_off_longer_each_time_and_the_batch_goes_on() -> None:
    broken, *others = waiting("broken", "one", "two")
    FlowVersion.objects.filter(pk=broken.version_id).update(document={"schema": "unknown"})
    forget_programs()
    now = timezone.now() + timedelta(hours=2)
    fire_timers(now)
    assert Wait.objects.filter(state="resolved").count() == len(others)
    timer = Timer.objects.get()
    assert (timer.run_id, timer.failures) == (broken.pk, 1)
    assert timer.due_at == now + timedelta(seconds=FIRST_PUT_OFF_SECONDS)
    assert "DocumentError" in timer.reason
    assert fire_timers(now) is False
    fire_timers(timer.due_at)
    timer = Timer.objects.get()
    assert timer.failures == 2
    assert timer.due_at == now + timedelta(seconds=3 * FIRST_PUT_OFF_SECONDS)


def test_a_timer_fires_once_the_cause_of_its_failure_is_mended() -> None:
    [run] = waiting("broken")
    document = FlowVersion.objects.get(pk=run.version_id).document
    FlowVersion.objects.filter(pk=run.version_id).update(document={})
    forget_programs()
    fire_timers(timezone.now() + timedelta(hours=2))
    FlowVersion.objects.filter(pk=run.version_id).update(document=document)
    fire_timers(datetime(2100, 1, 1, tzinfo=UTC))
    assert Wait.objects.get().state == "resolved"
    assert not Timer.objects.exists()
