"""Each call without an answer is counted once: rehearsed, shared, or of a worker that died."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.utils import timezone

from flows.connections.trying import try_connection
from flows.models import Flow, Run
from flows.runtime.actions import Finish, Leave
from flows.runtime.clock import LEASE_SECONDS, take_over
from flows.runtime.held import RehearsalHolder, calling_for
from flows.runtime.program import load_program
from flows.runtime.transitions import commit
from flows.runtime.unanswered import give_up_rehearsed, under_way
from flows.spending.counting import Payment
from flows.spending.models import Charge, Spent, Unanswered
from flows.steps.base import StepFailure
from flows.store import get_store
from flows.store.rows import Claim
from flows.testing.trial import Trial, play_trial
from tests.driving import driving, ended, start
from tests.factories.connections import make_connection
from tests.factories.people import ACTOR
from tests.factories.probes import publish_flow
from tests.integration.connections.many import KIND
from tests.integration.connections.model_server import Asked, ModelServer, serving_a_model

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_SECONDS = 5


@pytest.fixture(scope="module")
def running() -> Iterator[ModelServer]:
    with serving_a_model() as server:
        yield server


@pytest.fixture
def model(running: ModelServer, settings: Any) -> ModelServer:
    settings.OUTGOING_ALLOWLIST = [running.address]
    running.reset()
    return running


@pytest.fixture
def silence(model: ModelServer) -> Iterator[threading.Event]:
    """Have the server keep silent until the event is set."""
    over = threading.Event()

    def keep_silent(handler: BaseHTTPRequestHandler) -> None:
        over.wait(PATIENCE_SECONDS)
        raise OSError

    model.misbehave = keep_silent
    yield over
    over.set()


def make_asking(*edges: str, name: str = "asks", **ask: Any) -> Flow:
    given = {"type": "model.infer", "model": "risk", "input": {"number": 1}, **ask}
    return publish_flow(*(edges or ("ask -> after",)), name=name, ask=given)


def list_unknown() -> list[tuple[int, str, str, str]]:
    rows = Unanswered.objects.order_by("pk")
    return list(rows.values_list("run_id", "flow", "step", "connection"))


# --- Of workers that died -------------------------------------------------------------------


def die_over(run: Run) -> tuple[int, Claim]:
    """Claim the run's step, and be found dead."""
    long_ago = timezone.now() - timedelta(seconds=LEASE_SECONDS + 1)
    worker_id = get_store().register_worker("gone:1", long_ago)
    [claim] = get_store().claim(worker_id=worker_id, limit=10, now=long_ago)
    assert claim.run_id == run.pk
    take_over(timezone.now())
    return worker_id, claim


def test_a_step_of_a_worker_that_died_is_one_call_of_unknown_cost(model: ModelServer) -> None:
    make_connection(address=model.url, price_call="0.5")
    model.answer = {"approved": True}
    run = start(make_asking())
    _, claim = die_over(run)
    assert list_unknown() == [(run.pk, "asks", "ask", "risk")]
    with driving():
        assert ended(run).status == "completed"
    # The other attempt is known, and the one that was lost is not.
    assert [(row.fence > claim.fence, row.cost) for row in Charge.objects.all()] == [
        (True, Decimal("0.5"))
    ]
    assert len(list_unknown()) == 1


@pytest.mark.parametrize(
    "edges", [("ask -> b",), ("ask -> b", "ask -> c")], ids=["plain", "locked"]
)
def test_a_worker_taken_for_dead_takes_back_what_it_counts(
    edges: tuple[str, ...], model: ModelServer
) -> None:
    make_connection(address=model.url)
    run = start(make_asking(*edges))
    dead, claim = die_over(run)
    assert len(list_unknown()) == 1
    now, program = timezone.now(), load_program(claim.version_id)
    paid = [Payment("risk", Decimal(2))]
    assert commit([Finish(claim, program, Leave(("done",)), now, now, paid)], dead) == [None]
    assert list_unknown() == []
    assert Spent.objects.get(payer="connection").cost == 2


@pytest.mark.parametrize(
    ("ask", "connection"),
    [
        ({"routing": {"then": ["risk"]}, "model": "scorecard"}, ["risk"]),
        ({"model": "${ input.which }"}, [""]),
        ({"model": "scorecard"}, []),
        ({"type": "transform", "model": None}, []),
    ],
    ids=["routed", "named by the run", "of this process", "no model"],
)
def test_what_a_lost_step_may_have_asked(
    ask: dict[str, Any], connection: list[str], model: ModelServer
) -> None:
    make_connection(address=model.url)
    if ask.get("type") == "transform":
        run = start(publish_flow("ask -> after", name="asks"))
    else:
        run = start(make_asking(**ask), {"which": "risk"})
    die_over(run)
    assert [each[3] for each in list_unknown()] == connection


# --- Of rehearsals and tries ----------------------------------------------------------------


@pytest.mark.parametrize("limit", ["connection", "step"])
@pytest.mark.usefixtures("silence")
def test_a_rehearsed_call_past_its_time_limit_is_counted(limit: str, model: ModelServer) -> None:
    make_connection(address=model.url, timeout_seconds=0.2 if limit == "connection" else 30)
    flow = make_asking()
    step = {**flow.draft["steps"]["ask"], "timeout_seconds": 10 if limit == "connection" else 2}
    draft = {**flow.draft, "steps": {**flow.draft["steps"], "ask": step}}
    made = play_trial(draft, Trial(), actor=ACTOR, now=timezone.now())
    assert made.error["kind"] == "timeout"
    assert list_unknown() == [(0, "asks", "", "risk")]
    play_trial(draft, Trial(), actor=ACTOR, now=timezone.now())
    assert len(list_unknown()) == 2


def test_code_that_outlives_its_rehearsal_asks_nobody() -> None:
    holder = RehearsalHolder()
    give_up_rehearsed(holder, flow="asks", now=timezone.now())
    with calling_for(holder), pytest.raises(StepFailure, match="over"), under_way("risk"):
        pytest.fail("It was asked.")
    assert list_unknown() == []


def test_a_rehearsed_call_that_was_answered_is_known(model: ModelServer) -> None:
    make_connection(address=model.url, price_call="0.5")
    model.answer = {"approved": True}
    play_trial(make_asking().draft, Trial(), actor=ACTOR, now=timezone.now())
    assert list_unknown() == []
    assert Spent.objects.get(payer="flow").cost == Decimal("0.5")


@pytest.mark.usefixtures("silence")
def test_a_try_that_was_given_up_is_counted(model: ModelServer, monkeypatch: Any) -> None:
    monkeypatch.setattr("flows.connections.trying.DEADLINE_SECONDS", 0.2)
    row = make_connection(address=model.url)
    trial = try_connection(connection=row, sample={}, actor=ACTOR, now=timezone.now())
    assert trial.error_kind == "timeout"
    assert list_unknown() == [(0, "", "", "risk")]


# --- Of calls that several runs share -------------------------------------------------------


def make_batching(name: str = "batching") -> Flow:
    return make_asking(
        "ask -> after", "ask.error -> failed", name=name, batch={"most": 3, "wait_ms": 5_000}
    )


def test_a_shared_call_that_was_given_up_is_one(model: ModelServer) -> None:
    def answer(asked: Asked) -> Any:
        inputs = asked.body["inputs"]
        if len(inputs) > 1:
            over.wait(PATIENCE_SECONDS)
        return {"outputs": [{"twice": 2, "score": 0.9} for _ in inputs]}

    over, model.answer = threading.Event(), answer
    make_connection(kind=KIND, address=model.url, price_call="1", timeout_seconds=0.5)
    flow = make_batching()
    runs = [start(flow) for _ in range(3)]
    try:
        with driving():
            assert {ended(run).status for run in runs} == {"completed"}
    finally:
        over.set()
    [(run_id, *_, connection)] = list_unknown()
    assert (run_id in {run.pk for run in runs}, connection) == (True, "risk")
    # Each was asked alone then, which is known.
    assert Spent.objects.get(payer="connection").cost == 3


def test_a_shared_call_that_was_answered_is_known(model: ModelServer) -> None:
    model.answer = lambda asked: {
        "outputs": [{"twice": 2, "score": 0.9} for _ in asked.body["inputs"]]
    }
    make_connection(kind=KIND, address=model.url, price_call="1")
    flow = make_batching()
    runs = [start(flow) for _ in range(3)]
    with driving():
        assert {ended(run).status for run in runs} == {"completed"}
    assert list_unknown() == []
    assert Spent.objects.get(payer="connection").cost == 1
