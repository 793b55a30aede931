"""Money is counted with the step that spent it; a budget is passed by what was in flight alone."""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from threading import Lock
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from flows.connections.provider import PROVIDER
from flows.models import Flow, Journal, Run
from flows.runtime.actions import Fail, Finish, Leave
from flows.runtime.program import load_program
from flows.runtime.transitions import commit
from flows.spending import limits
from flows.spending.counting import (
    MOST_COST,
    MOST_IN_A_SUM,
    MOST_TOKENS,
    Payment,
    read_payments,
)
from flows.spending.limits import BudgetReached, check_budgets, known_budgets
from flows.spending.models import Budget, Charge, Spent
from flows.steps import models
from flows.steps.base import StepFailure
from flows.steps.models import Inference, InferenceRequest, Provenance
from flows.store import get_store
from flows.store.rows import Claim
from tests.driving import driving, ended, start
from tests.factories.charges import pay
from tests.factories.connections import make_connection
from tests.factories.flows import make_flow
from tests.factories.probes import publish_flow
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)
MANY = int(os.environ.get("BUDGETED_STEPS", "600"))


class PricedServer:
    """Stands for a connection: asks the budgets as it does, and costs 1 a call."""

    name = "connection"

    def __init__(self) -> None:
        self._lock = Lock()
        self.answered = 0
        self.is_broken = False
        self.cost = 1.0

    def models(self) -> dict[str, str]:
        return {"priced": "1"}

    def infer(self, request: InferenceRequest) -> Inference:
        check_budgets(
            connection="priced", flow=request.flow, run_id=request.run_id, now=timezone.now()
        )
        with self._lock:
            self.answered += 1
        made_by = Provenance(
            self.name, "priced", "1", cost=self.cost, input_tokens=7, output_tokens=3, tokens=10
        )
        if self.is_broken:
            raise StepFailure(
                "The answer is not JSON.", kind="contract", retryable=False,
                provenance=made_by.as_json(),
            )  # fmt: skip
        return Inference({"ok": True}, 0.9, [], made_by)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PricedServer]:
    priced = PricedServer()
    monkeypatch.setitem(models._PROVIDERS, "connection", priced)
    known_budgets.forget()
    yield priced
    known_budgets.forget()


def set_budget(amount: str, **fields: Any) -> Budget:
    given = {"payer": "connection", "name": "priced", "period": "day", "changed_at": NOW}
    budget = Budget.objects.create(amount=Decimal(amount), **{**given, **fields})
    known_budgets.forget()
    return budget


def make_asking_flow(*edges: str, name: str = "asking") -> Flow:
    return make_flow(
        name,
        input={},
        output=None,
        samples={},
        steps={
            "ask": {"type": "model.infer", "with": {"model": "priced", "input": {}}},
            "people": {"type": "end", "with": {"outcome": "asked people"}},
            "done": {"type": "end", "with": {"outcome": "done"}},
        },
        edges=["ask.done -> done", *edges],
        layout={},
    )


def total_of(payer: str, name: str = "") -> Decimal:
    return sum((row.cost for row in Spent.objects.filter(payer=payer, name=name)), Decimal(0))


def run_all(flow: Flow, count: int) -> list[Run]:
    runs = [start(flow) for _ in range(count)]
    with driving():
        until(
            lambda: not Run.objects.filter(finished_at=None).exists(),
            "the end of all runs",
            patience_seconds=300,
        )
    return runs


def test_a_step_is_counted_for_its_run_its_flow_its_connection_and_its_day(
    server: PricedServer,
) -> None:
    [run] = run_all(make_asking_flow(), 1)
    charge = Charge.objects.get()
    assert (charge.run_id, charge.root_id, charge.flow) == (run.pk, run.pk, "asking")
    assert (charge.connection, charge.step, charge.cost) == ("priced", "ask", Decimal(1))
    assert (charge.input_tokens, charge.output_tokens) == (7, 3)
    for payer, name in (("connection", "priced"), ("flow", "asking"), ("all", "")):
        row = Spent.objects.get(payer=payer, name=name)
        assert (row.cost, row.calls, row.input_tokens) == (Decimal(1), 1, 7)
        assert row.day == charge.at.date()


def test_a_call_that_was_answered_and_failed_is_paid_too(server: PricedServer) -> None:
    server.is_broken = True
    [run] = run_all(make_asking_flow(), 1)
    run.refresh_from_db()
    assert run.status == "failed"
    assert total_of("flow", "asking") == 1


def test_many_steps_pay_for_no_more_than_the_budget_and_what_was_in_flight(
    server: PricedServer,
) -> None:
    allowed = MANY // 10
    set_budget(str(allowed))
    run_all(make_asking_flow("ask.budget -> people"), MANY)
    in_flight = 64
    assert allowed <= server.answered <= allowed + in_flight
    assert total_of("connection", "priced") == server.answered
    assert Charge.objects.count() == server.answered
    assert Run.objects.filter(outcome="done").count() == server.answered
    assert Run.objects.filter(outcome="asked people").count() == MANY - server.answered
    sys.stderr.write(f"{MANY} steps, budget for {allowed}: {server.answered} paid for\n")


def test_without_an_edge_from_budget_the_step_fails_and_says_what_to_do(
    server: PricedServer,
) -> None:
    set_budget("0.5")
    flow = make_asking_flow()
    first, second = (start(flow) for _ in range(2))
    with driving(riders=1):
        ended(first)
        ended(second)
    assert second.error["kind"] == "budget"
    assert "connection priced" in second.error["message"]
    assert second.error["detail"]["amount"] == 0.5
    assert server.answered == 1


def test_a_run_may_not_spend_more_than_its_own_budget(server: PricedServer) -> None:
    set_budget("2", payer="flow", name="turns", period="run")
    flow = make_flow(
        "turns",
        input={},
        output=None,
        samples={},
        steps={
            "ask": {
                "type": "model.infer",
                "with": {"model": "priced", "input": {}},
                "max_visits": 50,
            },
            "people": {"type": "end", "with": {"outcome": "asked people"}},
        },
        edges=["ask.done -> ask", "ask.budget -> people"],
        layout={},
    )
    run_all(flow, 3)
    assert list(Run.objects.values_list("outcome", flat=True)) == ["asked people"] * 3
    assert server.answered == 6


@pytest.mark.parametrize(
    "fields",
    [
        {"payer": "flow", "name": "another"},
        {"payer": "connection", "name": "another"},
        {"when_reached": "warn"},
    ],
    ids=["another flow", "another connection", "only warns"],
)
def test_a_budget_that_does_not_apply_stops_nothing(
    server: PricedServer, fields: dict[str, Any]
) -> None:
    set_budget("0.1", **fields)
    run_all(make_asking_flow(), 3)
    assert server.answered == 3


@pytest.mark.parametrize("read", ["sums", "budgets"])
def test_a_database_that_is_away_for_a_moment_fails_no_step(
    server: PricedServer, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    set_budget("5")
    owner, name = (Budget.objects, "filter") if read == "budgets" else (limits, "sum_spent")
    function = getattr(owner, name)
    failed: list[Any] = []

    def be_away_at_first(*args: Any, **options: Any) -> Any:
        if len(failed) < 2:
            failed.append(args)
            raise OperationalError("server closed the connection unexpectedly")
        return function(*args, **options)

    monkeypatch.setattr(owner, name, be_away_at_first)
    [run] = run_all(make_asking_flow(), 1)
    run.refresh_from_db()
    assert (run.status, len(failed)) == ("completed", 2)


def test_the_budgets_of_a_batch_take_as_many_queries_as_those_of_two(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_connection("priced")
    set_budget("100")
    set_budget("100", payer="all", name="", period="month")
    set_budget("1", payer="flow", name="asking", period="run")
    flow = make_asking_flow()
    runs = [start(flow) for _ in range(30)]
    for run in runs[::3]:
        pay(run, "2", connection="priced")
    answer = Inference({"ok": True}, 0.9, [], Provenance("connection", "priced", "1"))
    monkeypatch.setattr(
        "flows.connections.provider.infer_many_by", lambda _, asked: [answer] * len(asked)
    )

    def ask(some: list[Run]) -> tuple[list[bool], int]:
        now = timezone.now()
        asked = [
            InferenceRequest("priced", {}, flow="asking", run_id=run.pk, now=now) for run in some
        ]
        with CaptureQueriesContext(connection) as queries:
            outcomes = PROVIDER.infer_many(asked)
        return [isinstance(each, BudgetReached) for each in outcomes], len(queries)

    ask(runs[:1])
    of_two, few = ask(runs[:2])
    of_all, many = ask(runs)
    assert of_two == [True, False]
    assert of_all == [True, False, False] * 10
    assert many == few <= 4
    refused = PROVIDER.infer_many(
        [InferenceRequest("priced", {}, flow="asking", run_id=runs[0].pk) for _ in range(2)]
    )
    # Each is told of its failure by itself.
    assert refused[0] is not refused[1]


# --- Counting once --------------------------------------------------------------------


def claim_one(*edges: str) -> tuple[int, Claim]:
    start(publish_flow(*(edges or ("a -> b", "b -> c"))))
    now = timezone.now()
    worker_id = get_store().register_worker("here:1", now)
    [claim] = get_store().claim(worker_id=worker_id, limit=1, now=now)
    return worker_id, claim


def finish(claim: Claim, worker_id: int, action: Any = None) -> None:
    now = timezone.now()
    paid = (Payment("priced", Decimal("0.25"), 5, 1),)
    action = action or Leave(("done",))
    commit([Finish(claim, load_program(claim.version_id), action, now, now, paid)], worker_id)


@pytest.mark.parametrize("edges", [("a -> b",), ("a -> b", "a -> c")], ids=["plain", "planned"])
def test_a_batch_that_is_written_again_is_counted_once(edges: tuple[str, ...]) -> None:
    worker_id, claim = claim_one(*edges)
    finish(claim, worker_id)
    finish(claim, worker_id)
    assert Charge.objects.count() == 1
    assert total_of("all") == Decimal("0.25")


def test_what_was_paid_is_counted_where_the_worker_had_lost_the_step() -> None:
    worker_id, claim = claim_one()
    get_store().release({claim.token_id: claim.fence})
    get_store().claim(worker_id=worker_id + 1, limit=1, now=timezone.now())
    finish(claim, worker_id)
    assert not Journal.objects.filter(kind="step_finished").exists()
    assert total_of("all") == Decimal("0.25")


def test_an_attempt_that_failed_is_counted() -> None:
    worker_id, claim = claim_one()
    finish(claim, worker_id, Fail({"kind": "contract", "message": "No.", "step": "a"}))
    assert total_of("connection", "priced") == Decimal("0.25")


def test_the_sums_of_many_attempts_are_those_of_their_charges(server: PricedServer) -> None:
    run_all(make_asking_flow(), 40)
    paid = sum((charge.cost for charge in Charge.objects.all()), Decimal(0))
    assert paid == total_of("all") == total_of("flow", "asking") == 40


# --- Reading provenance ----------------------------------------------------------------


def test_payments_are_read_of_connections_only_and_never_of_a_reused_result() -> None:
    mine = {"provider": "connection", "model": "m", "cost": 0.5, "input_tokens": 2}
    assert read_payments(mine) == (Payment("m", Decimal("0.5"), 2, 0),)
    assert read_payments({**mine, "provider": "local"}) == ()
    assert read_payments({**mine, "reused_from": "1:2"}) == ()
    assert read_payments(None) == ()


def test_a_step_that_asked_several_connections_pays_each() -> None:
    charges = [
        {"provider": "connection", "model": "a", "cost": 0.1},
        {"provider": "connection", "model": "b", "cost": 0.2},
        {"provider": "connection", "model": "a", "cost": 0.3},
        "nonsense",
    ]
    made_by = {"provider": "connection", "model": "a", "cost": 0.6, "charges": charges}
    assert read_payments(made_by) == (
        Payment("a", Decimal("0.4")),
        Payment("b", Decimal("0.2")),
    )


# --- False figures ----------------------------------------------------------------------


def test_a_step_whose_cost_is_false_ends_and_is_counted_up_to_a_bound(
    server: PricedServer,
) -> None:
    server.cost = 1e12
    [run] = run_all(make_asking_flow(), 1)
    run.refresh_from_db()
    assert (run.status, server.answered) == ("completed", 1)
    assert total_of("all") == MOST_COST


def test_a_sum_at_its_bound_stays_there_and_hinders_nobody(server: PricedServer) -> None:
    day = timezone.now().date()
    Spent.objects.create(payer="all", day=day, cost=MOST_IN_A_SUM)
    [run] = run_all(make_asking_flow(), 1)
    run.refresh_from_db()
    assert run.status == "completed"
    assert total_of("flow", "asking") == 1
    assert total_of("all") == MOST_IN_A_SUM


def test_a_step_whose_payments_cannot_be_written_is_not_paid_for_again(
    server: PricedServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def read_wrongly(provenance: Any) -> tuple[Payment, ...]:
        return (Payment("priced", Decimal("NaN")),) if provenance else ()

    monkeypatch.setattr("flows.runtime.execution.read_payments", read_wrongly)
    flow = make_asking_flow()
    with driving():
        run = ended(start(flow))
    assert (run.status, server.answered) == ("failed", 1)
    assert run.error["kind"] == "internal"
    assert "could not be counted: (Payment(connection='priced'" in caplog.text


@pytest.mark.parametrize("cost", [float("nan"), float("inf"), -1.0, 10**400, "1", None])
def test_a_cost_that_is_none_is_read_as_one_within_bounds(cost: Any) -> None:
    made = {"provider": "connection", "model": "m", "cost": cost, "input_tokens": -5}
    [payment] = read_payments({**made, "output_tokens": 10**30})
    assert 0 <= payment.cost <= MOST_COST
    assert (payment.input_tokens, payment.output_tokens) == (0, MOST_TOKENS)
