"""A policy that an OPA server decides: the same answers as here, and refusals when it cannot."""

import random
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import requests

from flows.policies.model import Policy
from flows.resilience import gate
from flows.resilience.models import Breaker
from flows.steps.policies import NamedPolicy, decide
from tests.factories.connections import make_connection
from tests.factories.policies import REFUNDS
from tests.integration.connections.model_server import ModelServer, serving_a_model
from tests.opa_server import serving_opa

pytestmark = pytest.mark.django_db(transaction=True)
SEED = 20260301
POLICY = Policy("rego", REFUNDS, data={"most": 50})


@pytest.fixture(scope="module")
def opa() -> Iterator[str]:
    with serving_opa() as address:
        for path, content in (("policies/refunds", REFUNDS), ("data/most", "50")):
            requests.put(
                f"http://{address}/v1/{path}", data=content.encode(), timeout=5
            ).raise_for_status()
        yield address


@pytest.fixture
def faulty(settings: Any) -> Iterator[ModelServer]:
    gate.view.forget()
    with serving_a_model() as server:
        settings.OUTGOING_ALLOWLIST = [server.address]
        make_connection("opa", kind="opa", address=f"http://{server.address}", timeout_seconds=1)
        yield server


def ask(given: Any) -> Any:
    return decide(NamedPolicy("refunds@1", POLICY, "opa"), given, flow="loan")


def draw(chance: random.Random) -> dict[str, Any]:
    """Return an input of the kind that real ones have, and of kinds that they should not have."""
    usual = [chance.randrange(100), chance.random() * 99]
    amounts = [0, 25, 50, 50.01, 10**20, -1, "50", None, *usual]
    days: list[Any] = [0, 29, 30, 400, None, "30", [], chance.randrange(60)]
    drawn = {"amount": chance.choice(amounts), "days": chance.choice(days), "note": 'é\n"x"\0'}
    return {name: value for name, value in drawn.items() if chance.random() < 0.95}


def test_the_same_bundle_gives_the_same_answers_here_and_by_a_server(
    opa: str, settings: Any
) -> None:
    settings.OUTGOING_ALLOWLIST = [opa]
    make_connection("opa", kind="opa", address=f"http://{opa}")
    chance, seen = random.Random(SEED), set()
    for _ in range(1000):
        given = draw(chance)
        here = decide(NamedPolicy("refunds@1", POLICY), given, flow="loan")
        there = ask(given)
        assert here.allow == there.allow, given
        if here.fault or there.fault:
            # Both fail, and both refuse: how each words it is its own.
            assert bool(here.fault) == bool(there.fault), given
        else:
            assert here == there, given
        seen.add((here.allow, len(here.reasons), here.fault))
    assert len(seen) > 3, "allowed, refused for one reason and for two"


def test_the_server_is_asked_for_the_rule_with_its_secret_and_strictly(
    faulty: ModelServer,
) -> None:
    faulty.answer = {"result": {"allow": True, "reasons": [], "obligations": {"a": 1}}}
    found = ask({"amount": 1})
    assert (found.allow, found.obligations) == (True, {"a": 1})
    [asked] = faulty.asked
    assert asked.path == "/v1/data/refunds?strict-builtin-errors=true"
    assert asked.body == {"input": {"amount": 1}}


def hang(handler: BaseHTTPRequestHandler) -> None:
    handler.rfile.read(1_000_000)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ({}, "undefined"),
        ({"result": {}}, "undefined"),
        ({"result": {"reasons": []}}, "undefined"),
        ({"result": {"allow": 1}}, "type"),
        ({"result": {"allow": "true"}}, "type"),
        ({"result": "true"}, "type"),
        ({"result": {"allow": True, "reasons": "none"}}, "type"),
        ([True], "type"),
    ],
)
def test_what_a_server_answers_that_is_no_decision_is_refused(
    faulty: ModelServer, answer: Any, fault: str
) -> None:
    faulty.answer = answer
    found = ask({})
    assert (found.allow, found.fault) == (False, fault)
    assert found.reasons[0]


@pytest.mark.parametrize(("status", "said"), [(500, "500"), (302, "redirect"), (404, "404")])
def test_another_status_is_refused(faulty: ModelServer, status: int, said: str) -> None:
    faulty.status = status
    faulty.headers = {"Location": f"http://{faulty.address}/v1/data/other"}
    faulty.answer = {"result": {"allow": True}}
    found = ask({})
    assert (found.allow, found.fault) == (False, "server")
    assert said in found.reasons[0]
    assert len(faulty.asked) == 1, "a redirect is not followed"


def test_a_server_that_does_not_answer_in_time_is_refused(faulty: ModelServer) -> None:
    faulty.misbehave = hang
    found = ask({})
    assert (found.allow, found.fault) == (False, "timeout")


def test_a_dead_server_is_refused_and_opens_its_breaker(settings: Any) -> None:
    gate.view.forget()
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    settings.OUTGOING_ALLOWLIST = [f"127.0.0.1:{port}"]
    make_connection("opa", kind="opa", address=f"http://127.0.0.1:{port}")
    found = ask({})
    assert (found.allow, found.fault) == (False, "server")
    assert Breaker.objects.get().destination == "connection:opa"


def test_a_server_that_may_not_be_called_or_is_unknown_is_refused(settings: Any) -> None:
    assert ask({}).fault == "server"
    settings.OUTGOING_ALLOWLIST = []
    make_connection("opa", kind="opa", address="http://127.0.0.1:9")
    found = ask({})
    assert (found.allow, found.fault) == (False, "server")
    assert "not allowed" in found.reasons[0]
