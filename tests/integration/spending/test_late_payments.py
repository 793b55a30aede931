"""What is paid for a call that comes after its step has ended is counted like any other."""

import socket
import threading
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from flows.costs.figures import count_unanswered
from flows.costs.periods import last_days
from flows.models import Flow, Run
from flows.runtime.unanswered import under_way
from flows.spending.counting import Bill, Payment, count_bills
from flows.spending.models import Charge, Spent, Unanswered
from flows.steps import models
from flows.steps.base import Result, StepContext, StepFailure
from flows.steps.infer import ModelInfer
from flows.steps.models import Inference, InferenceRequest, Outcome, Provenance
from flows.store import get_store
from tests.driving import driving, ended, start
from tests.factories.connections import make_connection
from tests.factories.flows import make_flow
from tests.factories.probes import publish_flow
from tests.waiting import until
from workbench.accounts.permissions import EVERYWHERE, NOWHERE

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_SECONDS = 20
MADE = Provenance("connection", "slow", "1", cost=1.0)


class SlowServer:
    """Stands for a connection that answers when it is told to, and is paid for it."""

    name = "connection"

    def __init__(self) -> None:
        self.released = threading.Event()
        self.is_broken = self.is_batching = False

    def models(self) -> dict[str, str]:
        return {"slow": "1"}

    def infer(self, request: InferenceRequest) -> Inference:
        with under_way("slow"):
            assert self.released.wait(PATIENCE_SECONDS)
        if self.is_broken:
            raise StepFailure("No JSON.", kind="contract", provenance=MADE.as_json())
        return Inference({"ok": True}, 0.9, [], MADE)

    def takes_many(self, model: str) -> bool:
        return self.is_batching

    def infer_many(self, requests: Sequence[InferenceRequest]) -> Sequence[Outcome]:
        return [self.infer(each) for each in requests]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowServer]:
    slow = SlowServer()
    monkeypatch.setitem(models._PROVIDERS, "connection", slow)
    yield slow
    slow.released.set()


def make_hasty_flow(**config: Any) -> Flow:
    return make_flow(
        "hasty",
        input={},
        output=None,
        samples={},
        steps={
            "ask": {
                "type": "model.infer",
                "timeout_seconds": config.pop("limit", 0.3),
                "with": {"model": "slow", "input": {}, **config},
            },
            "done": {"type": "end", "with": {"outcome": "done"}},
        },
        edges=["ask.done -> done"],
        layout={},
    )


def end_then_release(flow: Flow, server: SlowServer) -> Run:
    """Run the flow past its time limit, then let the server answer, and wait for the charge."""
    with driving():
        run = ended(start(flow))
        assert (run.status, run.error["kind"]) == ("failed", "timeout")
        assert not Charge.objects.exists()
        given_up = list(Unanswered.objects.values_list("run_id", "flow", "step", "connection"))
        assert given_up == [(run.pk, flow.name, "ask", "slow")]
        server.released.set()
        until(Charge.objects.exists, "the late charge")
        until(lambda: not Unanswered.objects.exists(), "the call to be known")
    return run


@pytest.mark.parametrize("is_broken", [False, True], ids=["answered", "failed"])
def test_what_comes_after_the_time_limit_is_counted_for_the_attempt(
    server: SlowServer, is_broken: bool
) -> None:
    server.is_broken = is_broken
    run = end_then_release(make_hasty_flow(), server)
    charge = Charge.objects.get()
    assert (charge.run_id, charge.step, charge.connection) == (run.pk, "ask", "slow")
    assert (charge.cost, charge.late_of) == (Decimal(1), "(timeout)")
    assert Spent.objects.get(payer="all").cost == 1


def test_a_member_of_a_batch_that_is_past_its_time_limit_is_counted(server: SlowServer) -> None:
    server.is_batching = True
    end_then_release(make_hasty_flow(batch={"most": 2, "wait_ms": 1}), server)
    assert Charge.objects.get().late_of == "(timeout)"


def test_code_past_its_time_limit_is_told_that_it_is_over(
    server: SlowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[bool] = []

    def look(_: Any, ctx: StepContext, config: Any) -> Result:
        found.append(ctx.is_cancelled())
        server.released.wait(PATIENCE_SECONDS)
        found.append(ctx.is_cancelled())
        return Result({})

    monkeypatch.setattr(ModelInfer, "run", look)
    flow = make_hasty_flow()
    with driving():
        ended(start(flow))
        server.released.set()
        until(lambda: len(found) == 2, "the end of the code")
    assert found == [False, True]


def test_each_late_call_to_a_connection_is_counted_beside_those_of_the_step() -> None:
    start(publish_flow("a -> b"))
    now = timezone.now()
    worker_id = get_store().register_worker("here:1", now)
    [claim] = get_store().claim(worker_id=worker_id, limit=1, now=now)
    paid = [Payment("judge", Decimal("0.25"))]
    for late_of in ("x", "y", "", "x"):
        count_bills([Bill(claim, "probe", paid, now, late_of)])
    assert sorted(Charge.objects.values_list("late_of", flat=True)) == ["", "x", "y"]
    assert Spent.objects.get(payer="connection", name="judge").cost == Decimal("0.75")


def test_a_call_that_its_connection_gives_up_is_counted_as_of_unknown_cost(settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        address, settings.OUTGOING_ALLOWLIST = f"http://{host}/", [host]
        make_connection("silent", address=address, timeout_seconds=0.3)
        with driving():
            run = ended(start(make_hasty_flow(model="silent", limit=10)))
    assert (run.status, run.error["kind"]) == ("failed", "timeout")
    [given_up] = Unanswered.objects.values_list("run_id", "step", "connection")
    assert given_up == (run.pk, "ask", "silent")
    period = last_days(7, timezone.now())
    assert count_unanswered(period, EVERYWHERE) == 1
    assert count_unanswered(period, NOWHERE) == 0
    assert not Charge.objects.exists()


@pytest.mark.parametrize(("kind", "count"), [("timeout", 1), ("connection", 0), ("http", 0)])
def test_what_is_asked_outside_of_a_run_is_counted_for_its_flow(kind: str, count: int) -> None:
    with pytest.raises(StepFailure), under_way("slow", flow="loan"):
        raise StepFailure("It failed.", kind=kind)
    assert list(Unanswered.objects.values_list("run_id", "flow", "step", "connection")) == (
        [(0, "loan", "", "slow")] * count
    )
