"""Workers that die, stop, or answer late: nothing is lost and nothing is applied twice."""

from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from flows.models import Journal, Run, Token
from flows.models import Worker as WorkerRow
from flows.runtime.actions import Finish, Leave
from flows.runtime.clock import LEASE_SECONDS, MOST_DEATHS, take_over
from flows.runtime.program import load_program
from flows.runtime.transitions import commit, retry_failed
from flows.store import get_store
from flows.store.rows import Claim
from tests.driving import driving, ended, journal, start
from tests.factories.probes import publish_flow
from workbench.dispatch.models import Outbox
from workbench.dispatch.outbox import enqueue

pytestmark = pytest.mark.django_db(transaction=True)


def claim_as(name: str, at: datetime) -> tuple[int, Claim]:
    worker_id = get_store().register_worker(name, at)
    claim, *_ = get_store().claim(worker_id=worker_id, limit=10, now=at)
    return worker_id, claim


def finish(claim: Claim, worker_id: int, port: str = "done") -> Claim | None:
    now = timezone.now()
    program = load_program(claim.version_id)
    return commit([Finish(claim, program, Leave((port,)), now, now)], worker_id)[0]


LINEAR = ("a -> b", "b -> c")
PARALLEL = ("a -> b", "a -> c")


@pytest.mark.parametrize("edges", [LINEAR, PARALLEL], ids=["plain", "under the run's lock"])
def test_a_late_finish_of_a_worker_taken_for_dead_changes_nothing(edges: tuple[str, ...]) -> None:
    run = start(publish_flow(*edges))
    long_ago = timezone.now() - timedelta(seconds=LEASE_SECONDS + 1)
    dead, claim = claim_as("gone:1", long_ago)
    take_over(timezone.now())
    _, newer = claim_as("here:2", timezone.now())
    assert newer.fence > claim.fence
    before = journal(run)
    assert finish(claim, dead) is None
    assert journal(run) == before
    assert not WorkerRow.objects.filter(pk=dead).exists()


@pytest.mark.parametrize("edges", [LINEAR, PARALLEL], ids=["plain", "under the run's lock"])
def test_a_finish_that_is_written_again_is_refused(edges: tuple[str, ...]) -> None:
    run = start(publish_flow(*edges))
    worker_id, claim = claim_as("here:1", timezone.now())
    assert finish(claim, worker_id) is not None
    before = journal(run)
    assert finish(claim, worker_id) is None
    assert journal(run) == before


def test_a_worker_that_beats_keeps_what_it_holds() -> None:
    start(publish_flow(*LINEAR))
    worker_id, claim = claim_as("here:1", timezone.now())
    take_over(timezone.now())
    assert finish(claim, worker_id) is not None


def test_two_workers_never_claim_one_token() -> None:
    for _ in range(20):
        start(publish_flow(*LINEAR, name=f"f{_}"))
    store, now = get_store(), timezone.now()
    first = store.claim(worker_id=store.register_worker("a:1", now), limit=12, now=now)
    second = store.claim(worker_id=store.register_worker("b:2", now), limit=12, now=now)
    assert (len(first), len(second)) == (12, 8)
    assert not {c.token_id for c in first} & {c.token_id for c in second}


def die_over(name: str) -> None:
    """Claim what is ready, begin it as a driver does, and be found dead."""
    worker_id = get_store().register_worker(name, timezone.now() - timedelta(minutes=1))
    for claim in get_store().claim(worker_id=worker_id, limit=1, now=timezone.now()):
        assert not claim.deaths or get_store().count_death_in_advance(claim)
    take_over(timezone.now())


def test_a_step_that_stood_beside_a_deadly_one_is_not_poison() -> None:
    start(publish_flow(*LINEAR, name="deadly"), priority=10)
    beside = start(publish_flow(*LINEAR, name="beside"))
    now = timezone.now()
    for death in range(MOST_DEATHS + 1):
        worker_id = get_store().register_worker(f"gone:{death}", now - timedelta(minutes=1))
        first, *_ = get_store().claim(worker_id=worker_id, limit=2, now=now)
        if first.deaths:
            get_store().count_death_in_advance(first)
        take_over(now)
    beside.refresh_from_db()
    assert beside.status == "running"
    assert Run.objects.get(flow__name="deadly").status == "failed"


def test_a_suspect_that_is_handed_back_or_moves_on_is_cleared() -> None:
    start(publish_flow(*LINEAR))
    die_over("gone:1")
    worker_id, claim = claim_as("here:2", timezone.now())
    assert get_store().count_death_in_advance(claim)
    get_store().release({claim.token_id: claim.fence})
    assert Token.objects.get().deaths == 1
    worker_id, claim = claim_as("here:3", timezone.now())
    assert get_store().count_death_in_advance(claim)
    assert get_store().count_death_in_advance(claim), "said again, where the answer was lost"
    assert Token.objects.get().deaths == 2
    following = finish(claim, worker_id)
    assert following is not None
    assert (following.deaths, Token.objects.get().deaths) == (0, 0)


def test_runs_of_a_dead_worker_are_driven_to_their_end() -> None:
    runs = [start(publish_flow(*LINEAR, name=f"f{n}", a={"sleep": 0.05})) for n in range(5)]
    claim_as("gone:1", timezone.now() - timedelta(minutes=1))
    with driving():
        assert {ended(run).status for run in runs} == {"completed"}


def test_a_step_that_kills_its_workers_fails_as_poison() -> None:
    run = start(publish_flow(*LINEAR))
    for death in range(MOST_DEATHS):
        die_over(f"gone:{death}")
    run.refresh_from_db()
    assert (run.status, run.error["kind"]) == ("failed", "poison")
    assert [line for line in journal(run) if "taken_over" in line] == ["step.taken_over a"] * 3


def test_a_retry_of_poison_keeps_the_idempotency_key_of_what_may_have_happened() -> None:
    run = start(publish_flow(*LINEAR))
    for death in range(MOST_DEATHS):
        die_over(f"gone:{death}")
    with transaction.atomic():
        retry_failed(run_id=run.pk, now=timezone.now())
    _, claim = claim_as("here:1", timezone.now())
    assert (claim.activation, claim.deaths) == (1, 0)


def test_jobs_of_a_dead_worker_are_delivered_by_another_at_once() -> None:
    now = timezone.now()
    row = enqueue("flows.event_emitted", {}, now=now)
    get_store().register_worker("gone:1", now - timedelta(seconds=LEASE_SECONDS + 1))
    lease = now + timedelta(minutes=1)
    held = {"claimed_at": now, "claimed_by": "gone:1", "due_at": lease, "ring_at": lease}
    Outbox.objects.filter(pk=row.pk).update(**held)
    take_over(now)
    row.refresh_from_db()
    assert (row.claimed_by, row.due_at <= now, row.ring_at <= now) == ("", True, True)


def test_a_living_driver_finishes_what_a_dead_one_began() -> None:
    run = start(publish_flow(*LINEAR))
    claim_as("gone:1", timezone.now() - timedelta(seconds=LEASE_SECONDS + 1))
    with driving():
        assert ended(run).status == "completed"


def test_a_driver_that_stops_hands_back_what_it_did_not_finish() -> None:
    slow = publish_flow("a -> b", a={"sleep": 0.5})
    run = start(slow)
    with driving() as driver:
        while not Token.objects.filter(run=run, state="running").exists():
            pass
        driver.stop(0.1)
        token = Token.objects.get(run=run)
        assert (token.state, token.owner) == ("ready", None)
    with driving():
        assert ended(run).status == "completed"
    assert Journal.objects.filter(run_id=run.pk, kind="step.finished", step="a").count() == 1


def test_priority_comes_before_age() -> None:
    flow = publish_flow(*LINEAR)
    bulk = start(flow, priority=200)
    urgent = start(flow, priority=10)
    store, now = get_store(), timezone.now()
    worker_id = store.register_worker("here:1", now)
    assert store.claim(worker_id=worker_id, limit=1, now=now)[0].run_id == urgent.pk
    assert store.claim(worker_id=worker_id, limit=1, now=now)[0].run_id == bulk.pk
    assert Run.objects.count() == 2
