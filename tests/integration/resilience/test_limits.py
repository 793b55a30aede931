"""Limits hold for all workers together, whatever dies."""

from datetime import UTC, datetime, timedelta
from threading import Condition, Event, Thread
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils import timezone

from flows.models import Journal, Run, Timer, Token
from flows.resilience import limits
from flows.resilience.errors import Deferred
from flows.resilience.limits import Limit
from flows.resilience.models import Reservation, Slot
from flows.services import cancel_run
from flows.store import get_store
from flows.store.rows import Claim
from tests.driving import driving, ended, start
from tests.factories.people import ACTOR
from tests.factories.probes import publish_flow
from tests.integration.resilience import remote

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fresh() -> None:
    remote.reset()


def claimed(runs: int) -> list[Claim]:
    """Start runs and claim their tokens, as a worker does."""
    flow = publish_flow("a -> b")
    for _ in range(runs):
        start(flow)
    return get_store().claim(worker_id=1, limit=runs, now=timezone.now())


def may(claim: Claim, *wanted: Limit, at: datetime = NOW) -> bool:
    try:
        limits.take(wanted, claim, at)
    except Deferred:
        return False
    return True


def test_no_more_than_the_limit_are_under_way() -> None:
    claims = claimed(4)
    two = Limit("key:a", concurrency=2)
    assert [may(claim, two) for claim in claims] == [True, True, False, False]
    assert may(claims[2], Limit("key:b", concurrency=1))


@pytest.mark.parametrize("freed_by", ["finish", "take-over", "cancel"])
def test_a_slot_is_free_once_its_activation_is_over(freed_by: str) -> None:
    holder, other = claimed(2)
    one = Limit("key:a", concurrency=1)
    assert may(holder, one)
    assert not may(other, one)
    token = Token.objects.filter(pk=holder.token_id)
    if freed_by == "finish":
        token.update(activation=holder.activation + 1, step="b")
    elif freed_by == "take-over":
        [row] = [t for t in get_store().list_tokens([holder.run_id]) if t.id == holder.token_id]
        get_store().take_over(row)
    else:
        cancel_run(run_id=holder.run_id, reason="test", actor=ACTOR, now=timezone.now())
    assert may(other, one)
    assert list(Slot.objects.values_list("token_id", flat=True)) == [other.token_id]


def test_a_worker_that_lost_its_token_takes_no_slot() -> None:
    [claim] = claimed(1)
    Token.objects.filter(pk=claim.token_id).update(fence=claim.fence + 1)
    assert not may(claim, Limit("key:a", concurrency=1))
    assert not Slot.objects.exists()


def test_a_step_that_one_limit_refuses_takes_no_slot_of_the_other() -> None:
    first, second = claimed(2)
    free, full = Limit("key:free", concurrency=5), Limit("key:full", concurrency=1)
    assert may(first, full)
    assert not may(second, free, full)
    assert Slot.objects.filter(scope="key:free").count() == 0


def test_a_rate_gives_each_its_turn_in_order() -> None:
    claims = claimed(4)
    rate = Limit("key:a", per_second=2)
    assert [may(claim, rate) for claim in claims] == [True, False, False, False]
    turns = [r.at - NOW for r in Reservation.objects.order_by("at")]
    assert turns == [timedelta(seconds=s) for s in (0.5, 1, 1.5)]
    # Who comes later does not overtake, and nobody is early.
    assert not may(claims[3], rate, at=NOW + timedelta(seconds=1.4))
    assert may(claims[1], rate, at=NOW + timedelta(seconds=0.5))
    assert may(claims[3], rate, at=NOW + timedelta(seconds=1.5))


def test_racing_workers_never_exceed_the_limit() -> None:
    """Six threads with a connection each take and finish as fast as they can.

    Who is refused asks again when somebody has finished, as in a worker. Asking all the time would
    keep SQLite's one lock of writers from those that could finish.
    """
    claims = claimed(60)
    three = Limit("key:a", concurrency=3)
    seen: list[int] = []
    change, finished = Condition(), [0]

    def work(mine: list[Claim]) -> None:
        for claim in mine:
            before = finished[0]
            while not may(claim, three, at=timezone.now()):
                with change:
                    while finished[0] == before:
                        change.wait()
                before = finished[0]
            seen.append(_holding(claims))
            Token.objects.filter(pk=claim.token_id).delete()
            with change:
                finished[0] += 1
                change.notify_all()
        connections.close_all()

    threads = [Thread(target=work, args=(claims[n::6],)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 60
    assert max(seen) <= 3


def _holding(claims: list[Claim]) -> int:
    live = Token.objects.filter(pk__in=[claim.token_id for claim in claims]).values("pk")
    return Slot.objects.filter(scope="key:a", token_id__in=live).count()


def test_runs_that_share_a_key_take_turns_and_all_finish() -> None:
    limit = {"key": "${ input.who }", "concurrency": 2}
    flow = publish_flow(
        "a -> b", a={"type": "test.remote", "host": "x", "sleep": 0.02, "limit": limit}
    )
    runs = [start(flow, {"who": "anna"}) for _ in range(12)]
    with driving():
        for run in runs:
            assert ended(run).status == "completed"
    assert remote.most["x"] <= 2
    assert not Timer.objects.exists()
    retried = Journal.objects.filter(kind="step.finished", step="a", attempt__gt=1)
    assert not retried.exists()


def test_the_clock_leaves_a_timer_that_another_takes() -> None:
    """Both lock the run before its timer: else each would wait for the other."""
    flow = publish_flow("a -> b")
    claims = [start(flow) for _ in range(2)]
    tokens = list(Token.objects.filter(run__in=claims).order_by("pk"))
    for token, reason in zip(tokens, ("", "key:a"), strict=True):
        Timer.objects.create(
            run_id=token.run_id, token_id=token.pk, activation=token.activation, due_at=NOW,
            purpose="defer", reason=reason,
        )  # fmt: skip
    taken, looked = Event(), Event()

    def finish() -> None:
        with transaction.atomic():
            assert get_store().take_deferred("key:a", 1)
            taken.set()
            # On SQLite one writer follows the other; the clock looks once this one is done.
            looked.wait(0.5)
            list(Run.objects.select_for_update().filter(pk=tokens[1].run_id))
        connections.close_all()

    other = Thread(target=finish)
    other.start()
    taken.wait(10)
    with transaction.atomic():
        due = get_store().take_due_timers(NOW + timedelta(seconds=1), 10)
    looked.set()
    other.join()
    assert [timer.token_id for timer in due] == [tokens[0].pk]
    assert not Timer.objects.exists()


def test_a_step_type_has_a_limit_by_setting(settings: Any) -> None:
    settings.STEP_LIMITS = {"test.remote": {"concurrency": 1}}
    flow = publish_flow("a -> b", a={"type": "test.remote", "host": "y", "sleep": 0.02})
    runs = [start(flow) for _ in range(5)]
    with driving():
        for run in runs:
            assert ended(run).status == "completed"
    assert remote.most["y"] == 1


def test_a_rate_spreads_the_beginnings() -> None:
    limit = {"per_second": 10}
    flow = publish_flow("a -> b", a={"type": "test.remote", "host": "z", "limit": limit})
    runs = [start(flow) for _ in range(15)]
    with driving():
        for run in runs:
            assert ended(run).status == "completed"
    done = list(
        Journal.objects.filter(step="a", kind="step.finished").order_by("at").values_list("at")
    )
    # 15 at 10 a second, of which a quarter second's worth may begin at once.
    assert (done[-1][0] - done[0][0]).total_seconds() >= 1.0


def test_a_key_that_cannot_be_made_fails_the_step() -> None:
    limit = {"key": "${ input.who }", "concurrency": 2}
    flow = publish_flow("a -> b", a={"limit": limit})
    with driving():
        run: Run = ended(start(flow, {}))
    assert run.status == "failed"
    assert "limit.key" in run.error["message"]


def test_who_goes_elsewhere_when_refused_keeps_no_turn_under_a_rate() -> None:
    first, second, third = claimed(3)
    rate = Limit("destination:connection:risk", per_second=1)
    limits.take([rate], first, NOW, reserve=False)
    for _ in range(20):
        with pytest.raises(Deferred):
            limits.take([rate], second, NOW, reserve=False)
    assert not Reservation.objects.exists()
    limits.take([rate], third, NOW + timedelta(seconds=1), reserve=False)
