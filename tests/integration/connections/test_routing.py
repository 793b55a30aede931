"""Steps that may ask several connections: real servers, real runs, and what each was paid."""

import threading
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
from flows.graph.codec import parse
from flows.models import Flow, Journal, Run
from flows.resilience import gate
from flows.resilience.guarding import guarding
from flows.resilience.models import Breaker, BreakerState, Slot
from flows.selectors.model_uses import find_unusable_models, list_model_uses
from flows.spending.limits import known_budgets
from flows.spending.models import Budget, Charge, Spent
from flows.steps.base import DestinationLimit, StepFailure
from tests.driving import driving, ended, start
from tests.factories.connections import make_connection
from tests.factories.probes import publish_flow
from tests.integration.connections.model_server import ModelServer, serving_a_model
from tests.language_server import LanguageServer, language_server
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = ("first", "second", "third")
OPTIONS = {"confidence": {"how": "field", "path": "score"}}
SCHEMA = {
    "type": "object",
    "properties": {"team": {"enum": ["cards", "loans"]}},
    "required": ["team"],
}
Servers = dict[str, ModelServer]


@pytest.fixture(scope="module")
def running_servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(serving_a_model()) for name in NAMES}


@pytest.fixture
def servers(running_servers: Servers, settings: Any) -> Iterator[Servers]:
    """Three servers, each with a connection of its name that costs 1, 2 and 3 a call."""
    settings.OUTGOING_ALLOWLIST = [each.address for each in running_servers.values()]
    for price, (name, server) in enumerate(running_servers.items(), start=1):
        server.reset()
        server.answer = {"label": name, "score": 0.9}
        make_connection(name, address=server.url, options=OPTIONS, price_call=price)
    for known in (gate.view, known_budgets, RATES):
        known.forget()
    yield running_servers
    for known in (gate.view, known_budgets, RATES):
        known.forget()


def publish_routed(*edges: str, model: str = "first", name: str = "routed", **routing: Any) -> Flow:
    ask = {"type": "model.infer", "model": model, "input": {"amount": 7}, "routing": routing}
    return publish_flow(*(edges or ("ask -> after", "ask.error -> failed")), name=name, ask=ask)


def play(flow: Flow, given: Any = None) -> Run:
    run = start(flow, given)
    with driving():
        return ended(run)


def row_of(run: Run, kind: str = "step.finished") -> Journal:
    return Journal.objects.get(run_id=run.pk, kind=kind, step="ask")


def made_by(run: Run) -> Any:
    return row_of(run).provenance


def route_of(run: Run) -> list[tuple[str, str, str | None]]:
    return [(each["model"], each["ended"], each["kind"]) for each in made_by(run)["route"]]


def paid() -> dict[str, Decimal]:
    """Return what each connection was paid, after checking that the sums are those of charges."""
    charged = {each.connection: each.cost for each in Charge.objects.all()}
    summed = Spent.objects.filter(payer="connection").values_list("name", "cost")
    assert charged == dict(summed)
    return charged


def open_breaker(name: str) -> None:
    later = timezone.now() + timedelta(minutes=5)
    Breaker.objects.create(
        destination=f"connection:{name}", state=BreakerState.OPEN, failures=5, openings=1,
        opened_at=timezone.now(), retry_at=later, last_error="It is down.",
    )  # fmt: skip
    gate.view.forget()


# --- Fallback ---------------------------------------------------------------------------------


def test_the_second_answers_where_the_first_fails_with_500(servers: Servers) -> None:
    servers["first"].status = 500
    run = play(publish_routed(then=["second", "third"]))
    assert row_of(run).data["prediction"] == {"label": "second", "score": 0.9}
    assert route_of(run) == [("first", "failed", "http"), ("second", "answered", None)]
    assert made_by(run)["model"] == "second"
    assert [len(servers[name].asked) for name in NAMES] == [1, 1, 0]
    assert paid() == {"second": 2}
    assert Breaker.objects.get().failures == 1, "the failure counts for the first one's breaker"


def test_the_second_is_asked_where_the_first_is_unsure_and_both_are_paid(servers: Servers) -> None:
    servers["first"].answer = {"label": "first", "score": 0.4}
    run = play(publish_routed(then=["second"], unsure_below=0.7))
    assert row_of(run).data["prediction"]["label"] == "second"
    assert [(each["ended"], each["confidence"]) for each in made_by(run)["route"]] == [
        ("unsure", 0.4),
        ("answered", 0.9),
    ]
    assert paid() == {"first": 1, "second": 2}


def test_where_all_are_unsure_the_surest_answer_is_used(servers: Servers) -> None:
    for name, score in zip(NAMES, (0.4, 0.6, 0.5), strict=True):
        servers[name].answer = {"label": name, "score": score}
    run = play(publish_routed(then=["second", "third"], unsure_below=0.7))
    assert row_of(run).data["confidence"] == 0.6
    assert made_by(run)["model"] == "second"
    assert paid() == {"first": 1, "second": 2, "third": 3}


def test_an_answer_that_breaks_its_contract_is_paid_and_the_next_is_asked(servers: Servers) -> None:
    servers["first"].answer = b"<html>"
    run = play(publish_routed(then=["second"]))
    assert route_of(run) == [("first", "failed", "contract"), ("second", "answered", None)]
    assert paid() == {"first": 1, "second": 2}


def test_a_connection_whose_breaker_is_open_is_passed_over_without_a_call(servers: Servers) -> None:
    open_breaker("first")
    run = play(publish_routed(then=["second"]))
    assert route_of(run) == [("first", "failed", "connection"), ("second", "answered", None)]
    assert not servers["first"].asked


def test_where_all_breakers_are_open_the_step_fails_and_may_be_tried_again(
    servers: Servers,
) -> None:
    open_breaker("first")
    open_breaker("second")
    run = play(publish_routed(then=["second"]))
    failed = row_of(run, "step.failed").data
    assert failed["kind"] == "connection"
    assert "first: " in failed["message"]
    assert "second: " in failed["message"]
    assert not servers["first"].asked


def test_the_probe_of_a_routed_call_closes_the_breaker(servers: Servers) -> None:
    open_breaker("first")
    Breaker.objects.update(retry_at=timezone.now() - timedelta(seconds=1))
    run = play(publish_routed(then=["second"]))
    assert made_by(run)["model"] == "first"
    assert Breaker.objects.get().state == BreakerState.CLOSED


def test_failures_in_a_row_open_the_breaker_of_the_one_that_fails(
    servers: Servers, settings: Any
) -> None:
    settings.BREAKER_FAILURES = 3
    servers["first"].status = 503
    flow = publish_routed(then=["second"])
    runs = [start(flow) for _ in range(6)]
    with driving(riders=1):
        for run in runs:
            assert ended(run).status == "completed"
    assert len(servers["first"].asked) == 3
    assert len(servers["second"].asked) == 6
    assert Breaker.objects.get().state == BreakerState.OPEN


def test_a_budget_that_is_spent_is_gone_round_if_there_is_another_model(servers: Servers) -> None:
    Budget.objects.create(
        payer="connection", name="first", period="day", amount="0.5", changed_at=timezone.now()
    )
    flow = publish_routed("ask -> after", "ask.budget -> people", then=["second"])
    first, second = play(flow), play(flow)
    assert made_by(first)["model"] == "first"
    assert route_of(second) == [("first", "failed", "budget"), ("second", "answered", None)]
    assert len(servers["first"].asked) == 1
    Budget.objects.create(
        payer="flow", name=flow.name, period="day", amount="1", changed_at=timezone.now()
    )
    known_budgets.forget()
    third = play(flow)
    assert row_of(third).port == "budget"
    assert paid() == {"first": 1, "second": 2}


# --- Limits -------------------------------------------------------------------------------------


def test_a_limit_of_concurrency_holds_for_routed_calls(servers: Servers) -> None:
    Connection.objects.filter(name="first").update(concurrency=1, revision=2)
    KNOWN.forget()
    entered, leave = threading.Event(), threading.Event()

    def hold(_: Any) -> Any:
        entered.set()
        leave.wait(20)
        return {"label": "first", "score": 0.9}

    servers["first"].answer = hold
    flow = publish_routed(then=["second"])
    one, other = start(flow), start(flow)
    with driving():
        until(entered.is_set, "the first call")
        until(lambda: Run.objects.filter(finished_at__isnull=False).exists(), "the other run")
        leave.set()
        ended(one)
        ended(other)
    routes = sorted(len(route_of(run)) for run in (one, other))
    assert routes == [1, 2]
    assert len(servers["first"].asked) == 1
    assert not Slot.objects.exists()


def test_a_limit_outside_of_runs_holds_nobody() -> None:
    with guarding("connection:first", DestinationLimit(concurrency=1), None):
        pass
    assert not Slot.objects.exists()


# --- Order, shares, validation ------------------------------------------------------------------


def test_the_cheapest_is_asked_first(servers: Servers) -> None:
    run = play(publish_routed(model="third", then=["second", "first"], order="cheapest"))
    assert route_of(run) == [("first", "answered", None)]


def test_the_cheapest_that_was_fast_enough_is_asked_first(servers: Servers) -> None:
    slow = threading.Event()

    def answer_late(_: Any) -> Any:
        slow.wait(0.3)
        return {"label": "first", "score": 0.9}

    servers["first"].answer = answer_late
    for name in ("first", "second"):
        play(publish_routed(model=name, name=f"only-{name}", shadow=["third"]))
    RATES.forget()
    flow = publish_routed(then=["second"], order="cheapest", within_ms=250)
    assert route_of(play(flow)) == [("second", "answered", None)]


def test_a_share_of_runs_begins_with_another_model(servers: Servers) -> None:
    flow = publish_routed(shares={"second": 0.5})
    runs = [start(flow) for _ in range(24)]
    with driving():
        begun = [made_by(ended(run))["model"] for run in runs]
    assert set(begun) == {"first", "second"}


def test_a_model_may_be_chosen_by_the_input(servers: Servers) -> None:
    run = play(
        publish_routed(model="${ input.big ? 'third' : 'first' }", then=["second"]), {"big": True}
    )
    assert made_by(run)["model"] == "third"


def test_models_of_a_routing_are_checked_for_the_flow_that_names_them(servers: Servers) -> None:
    make_connection("others", flows=["another"])
    make_connection("speaks", kind="openai")
    routing = {"then": ["others", "nowhere"], "shadow": ["speaks"]}
    ask = {"type": "model.infer", "with": {"model": "first", "input": {}, "routing": routing}}
    document = parse(
        {"schema": "countersign/flow@1", "name": "routed", "title": "Routed", "steps": {"ask": ask}}
    )
    found = {
        each.field: each.code for each in find_unusable_models("routed", list_model_uses(document))
    }
    assert found == {
        "with.routing.then[0]": "connection.not_for_this_flow",
        "with.routing.then[1]": "model.unknown",
        "with.routing.shadow[0]": "connection.other_kind",
    }


# --- Shadows ------------------------------------------------------------------------------------


def test_a_shadow_is_recorded_and_paid_and_never_used(servers: Servers) -> None:
    servers["second"].answer = {"label": "other", "score": 1.0}
    run = play(publish_routed(shadow=["second"], shadow_wait_ms=10_000))
    assert row_of(run).data["prediction"]["label"] == "first"
    assert made_by(run)["shadow"] == [
        {
            "model": "second", "ended": "answered", "kind": None, "confidence": 1.0, "version": "",
            "output": {"label": "other", "score": 1.0},
        }
    ]  # fmt: skip
    assert paid() == {"first": 1, "second": 2}


def test_a_shadow_that_fails_or_is_slow_matters_nothing(servers: Servers) -> None:
    leave = threading.Event()

    def hold(_: Any) -> Any:
        leave.wait(20)
        return {"label": "late", "score": 0.9}

    servers["second"].status = 500
    servers["third"].answer = hold
    run = play(publish_routed(shadow=["second", "third"], shadow_wait_ms=200))
    assert run.status == "completed"
    assert [(each["ended"], each["kind"]) for each in made_by(run)["shadow"]] == [
        ("failed", "http"),
        ("dropped", "late"),
    ]
    assert paid() == {"first": 1}
    leave.set()
    until(lambda: Charge.objects.filter(connection="third").exists(), "the late charge")
    assert paid() == {"first": 1, "third": 3}


# --- Language models ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running_language() -> Iterator[LanguageServer]:
    with language_server() as running:
        yield running


@pytest.fixture
def language(running_language: LanguageServer, settings: Any) -> LanguageServer:
    settings.OUTGOING_ALLOWLIST = [running_language.host]
    running_language.forget()
    for at, name in enumerate(("small", "large", "judge"), start=1):
        make_connection(
            name, kind="openai", address=running_language.url, served_as=name, price_call=at
        )
    return running_language


def publish_chat(**config: Any) -> Flow:
    ask = {"type": "llm.chat", "model": "small", "user": "Which team? gone", **config}
    return publish_flow("ask -> after", "ask.error -> failed", ask=ask)


def test_a_judge_on_another_connection_is_paid_to_that_connection(language: LanguageServer) -> None:
    run = play(publish_chat(schema=SCHEMA, confidence={"how": "judge", "judge": "judge"}))
    assert run.status == "completed", run.error
    assert [each["call"] for each in made_by(run)["charges"]] == ["1", "judge"]
    assert paid() == {"small": 1, "judge": 3}
    tokens = {each.connection: each.input_tokens for each in Charge.objects.all()}
    assert all(tokens.values())
    assert sum(tokens.values()) == made_by(run)["input_tokens"]


def test_a_language_model_falls_back_after_its_repair_and_all_calls_are_paid(
    language: LanguageServer, running_servers: Servers, settings: Any
) -> None:
    rambling = running_servers["first"]
    rambling.reset()
    said = {"message": {"role": "assistant", "content": "No JSON."}, "finish_reason": "stop"}
    rambling.answer = {"choices": [said], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}
    settings.OUTGOING_ALLOWLIST = [language.host, rambling.address]
    make_connection("rambling", kind="openai", address=rambling.url, price_call=5)
    run = play(publish_chat(model="rambling", schema=SCHEMA, routing={"then": ["large"]}))
    assert run.status == "completed", run.error
    assert route_of(run) == [("rambling", "failed", "contract"), ("large", "answered", None)]
    assert paid() == {"rambling": 10, "large": 2}
    keys = [each.headers["idempotency-key"] for each in rambling.asked]
    assert len({*keys, *language.requests}) == 3, "each call has a key of its own"


def test_a_language_model_in_the_shadow_is_recorded(language: LanguageServer) -> None:
    run = play(publish_chat(schema=SCHEMA, routing={"shadow": ["large"], "shadow_wait_ms": 10_000}))
    [shadow] = made_by(run)["shadow"]
    assert shadow["output"]["team"] in {"cards", "loans"}
    assert paid() == {"small": 1, "large": 2}
    assert made_by(run)["model"] == "small"


def test_a_language_model_past_its_budget_leaves_by_the_port_budget(
    language: LanguageServer,
) -> None:
    Budget.objects.create(
        payer="connection", name="small", period="day", amount="0.5", changed_at=timezone.now()
    )
    known_budgets.forget()
    ask = {"type": "llm.chat", "model": "small", "user": "Which team?"}
    flow = publish_flow("ask -> after", "ask.budget -> people", ask=ask)
    play(flow)
    assert row_of(play(flow)).port == "budget"
    known_budgets.forget()


def test_a_guarded_call_that_fails_by_itself_opens_nothing() -> None:
    with pytest.raises(StepFailure), guarding("connection:first"):
        raise StepFailure("No.", kind="contract")
    assert not Breaker.objects.exists()
