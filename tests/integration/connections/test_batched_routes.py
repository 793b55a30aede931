"""Batches along a route: one for each model that is asked, and what fails goes on by itself."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from flows.connections.known import KNOWN
from flows.connections.models import Connection
from flows.connections.rating import RATES
from flows.models import Flow, Journal, Run
from flows.resilience import gate
from flows.resilience.models import Breaker, BreakerState, Slot
from flows.spending.limits import known_budgets
from flows.spending.models import Budget, Charge
from tests.driving import driving, ended, start
from tests.factories.connections import make_connection
from tests.factories.probes import publish_flow
from tests.integration.connections.many import KIND
from tests.integration.connections.model_server import (
    Asked,
    ModelServer,
    ServerBreaks,
    hang_up,
    serving_a_model,
)

pytestmark = pytest.mark.django_db(transaction=True)
INPUTS = 64
NAMES = ("first", "second", "third")
Servers = dict[str, ModelServer]


@pytest.fixture(scope="module")
def running_servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(serving_a_model()) for name in NAMES}


@pytest.fixture
def servers(running_servers: Servers, settings: Any) -> Iterator[Servers]:
    """Three servers that take many inputs; a call of theirs costs 0.64, 1.28 and 1.92."""
    settings.OUTGOING_ALLOWLIST = [each.address for each in running_servers.values()]
    for number, (name, server) in enumerate(running_servers.items(), start=1):
        server.reset()
        server.answer = scoring(0.9)
        price = Decimal("0.64") * number
        make_connection(name, kind=KIND, address=server.url, price_call=price)
    for known in (gate.view, known_budgets, RATES):
        known.forget()
    yield running_servers
    for known in (gate.view, known_budgets, RATES):
        known.forget()


def scoring(score: float, *, unsure: frozenset[int] = frozenset()) -> Any:
    def answer(asked: Asked) -> Any:
        return {
            "outputs": [
                {"twice": 2 * each, "score": 0.4 if each in unsure else score}
                for each in asked.body["inputs"]
            ]
        }

    return answer


def publish(
    name: str = "batched", *, wait_ms: int = 2_000, most: int = INPUTS, **routing: Any
) -> Flow:
    ask = {
        "type": "model.infer", "model": "first", "input": "${ input.number }",
        "batch": {"most": INPUTS, "wait_ms": wait_ms}, "routing": routing,
    }  # fmt: skip
    return publish_flow("ask -> after", "ask.error -> failed", name="batched", ask=ask)


def play(flow: Flow, count: int = INPUTS) -> list[Run]:
    runs = [start(flow, {"number": number}) for number in range(count)]
    with driving(riders=2 * INPUTS):
        return [ended(run) for run in runs]


def row_of(run: Run, kind: str = "step.finished") -> Any:
    return Journal.objects.get(run_id=run.pk, kind=kind, step="ask")


def made_by(run: Run) -> Any:
    return row_of(run).provenance


def route_of(run: Run) -> list[tuple[str, str, str | None]]:
    return [(each["model"], each["ended"], each["kind"]) for each in made_by(run)["route"]]


def sizes(server: ModelServer) -> list[int]:
    return [len(each.body["inputs"]) for each in server.asked]


def paid() -> dict[str, Decimal]:
    found: Counter[str] = Counter()
    for each in Charge.objects.all():
        found[each.connection] += each.cost  # type: ignore[assignment]
    return dict(found)  # type: ignore[arg-type]


def test_64_inputs_of_a_routed_step_go_in_one_call(servers: Servers) -> None:
    runs = play(publish(then=["second"]))
    assert [sizes(servers[name]) for name in NAMES] == [[INPUTS], [], []]
    for number, run in enumerate(runs):
        assert row_of(run).data["prediction"]["twice"] == 2 * number
        assert route_of(run) == [("first", "answered", None)]
        assert made_by(run)["batch"]["size"] == INPUTS
    assert paid() == {"first": Decimal("0.64")}


def test_only_the_input_that_breaks_the_first_falls_back(servers: Servers) -> None:
    def break_at_seven(asked: Asked) -> Any:
        if 7 in asked.body["inputs"]:
            raise ServerBreaks
        return scoring(0.9)(asked)

    servers["first"].answer = break_at_seven
    runs = play(publish(then=["second"], wait_ms=500), 16)
    assert Counter(sizes(servers["first"])) == {16: 1, 1: 16}
    assert [each.body["inputs"] for each in servers["second"].asked] == [[7]]
    ways = {number: route_of(run) for number, run in enumerate(runs)}
    assert ways.pop(7) == [("first", "failed", "http"), ("second", "answered", None)]
    assert set(map(tuple, ways.values())) == {(("first", "answered", None),)}
    assert row_of(runs[7]).data["prediction"]["twice"] == 14
    assert paid() == {"first": Decimal("0.64") * 15, "second": Decimal("1.28")}


def test_those_that_are_unsure_share_a_call_of_the_next(servers: Servers) -> None:
    servers["first"].answer = scoring(0.9, unsure=frozenset({1, 3, 5}))
    runs = play(publish(then=["second"], unsure_below=0.7, wait_ms=500), 8)
    assert sizes(servers["first"]) == [8]
    assert [set(each.body["inputs"]) for each in servers["second"].asked] == [{1, 3, 5}]
    assert [made_by(run)["model"] for run in runs] == ["first", "second"] * 3 + ["first"] * 2
    assert paid() == {"first": Decimal("0.64"), "second": Decimal("1.28")}


def test_all_fall_back_in_one_call_where_the_first_is_down(servers: Servers) -> None:
    servers["first"].misbehave = hang_up
    runs = play(publish(then=["second"], wait_ms=500), 16)
    assert {route_of(run)[-1] for run in runs} == {("second", "answered", None)}
    assert sum(sizes(servers["second"])) == 16
    assert len(servers["second"].asked) <= 3
    assert Breaker.objects.get().destination == "connection:first"


def test_shares_make_a_batch_for_each_model(servers: Servers) -> None:
    runs = play(publish(shares={"second": 0.5}, wait_ms=1_000))
    begun = Counter(made_by(run)["model"] for run in runs)
    assert set(begun) == {"first", "second"}
    assert {name: sizes(servers[name]) for name in begun} == {
        name: [count] for name, count in begun.items()
    }
    assert paid() == {"first": Decimal("0.64"), "second": Decimal("1.28")}


def test_shadows_share_a_call_too_and_are_never_used(servers: Servers) -> None:
    servers["second"].answer = lambda asked: {
        "outputs": [{"twice": -1, "score": 1.0} for _ in asked.body["inputs"]]
    }
    runs = play(publish(shadow=["second"], shadow_wait_ms=20_000, wait_ms=1_000))
    assert [sizes(servers[name]) for name in ("first", "second")] == [[INPUTS], [INPUTS]]
    for number, run in enumerate(runs):
        assert row_of(run).data["prediction"]["twice"] == 2 * number
        [shadow] = made_by(run)["shadow"]
        assert (shadow["ended"], shadow["output"]["twice"]) == ("answered", -1)
    assert paid() == {"first": Decimal("0.64"), "second": Decimal("1.28")}


def test_a_shadow_that_is_down_holds_up_no_batch(servers: Servers) -> None:
    servers["second"].status = 500
    runs = play(publish(shadow=["second"], shadow_wait_ms=20_000, wait_ms=300), 8)
    assert [made_by(run)["shadow"][0]["kind"] for run in runs] == ["http"] * 8
    assert sizes(servers["first"]) == [8]


def test_a_batch_passes_over_a_connection_whose_breaker_is_open(servers: Servers) -> None:
    later = timezone.now() + timedelta(minutes=5)
    Breaker.objects.create(
        destination="connection:first", state=BreakerState.OPEN, failures=5, openings=1,
        opened_at=timezone.now(), retry_at=later, last_error="It is down.",
    )  # fmt: skip
    gate.view.forget()
    runs = play(publish(then=["second"], wait_ms=500), 8)
    assert {route_of(run)[0] for run in runs} == {("first", "failed", "connection")}
    assert [sizes(servers[name]) for name in ("first", "second")] == [[], [8]]


def test_a_limit_of_concurrency_counts_the_inputs_of_a_batch(servers: Servers) -> None:
    Connection.objects.filter(name="first").update(concurrency=3, revision=2)
    KNOWN.forget()
    runs = play(publish(then=["second"], wait_ms=1_000), 8)
    assert Counter(made_by(run)["model"] for run in runs) == {"first": 3, "second": 5}
    assert [sizes(servers[name]) for name in ("first", "second")] == [[3], [5]]
    assert not Slot.objects.exists()


def test_a_batch_past_the_budget_of_the_first_goes_to_the_second(servers: Servers) -> None:
    Budget.objects.create(
        payer="connection", name="first", period="day", amount="0.5", changed_at=timezone.now()
    )
    flow = publish(then=["second"], wait_ms=500)
    play(flow, 4)
    runs = play(flow, 4)
    assert {route_of(run)[0] for run in runs} == {("first", "failed", "budget")}
    assert [sizes(servers[name]) for name in ("first", "second")] == [[4], [4]]


def test_a_model_of_the_route_that_takes_one_input_is_asked_for_each(servers: Servers) -> None:
    servers["third"].answer = {"label": "third"}
    servers["first"].misbehave = hang_up
    Connection.objects.filter(name="third").update(kind="http", options={}, revision=2)
    KNOWN.forget()
    runs = play(publish(then=["third"], wait_ms=300), 4)
    assert {made_by(run)["model"] for run in runs} == {"third"}
    assert len(servers["third"].asked) == 4
