"""The scorecard behind every model server that runs here decides as it does in this process.

``make test-models`` installs and starts the servers. The rows of a file in APPLICATIONS_DATA are
asked about, else generated applications.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from flows.connections.adapters.contract import Call, Endpoint, ModelAdapter, ModelReply
from flows.connections.adapters.reading import take_at
from flows.steps.base import StepFailure
from flows.steps.models import InferenceRequest
from tests.models.asking import call, make_endpoint
from tests.models.factors import APPLICATIONS, CARD, list_applications
from tests.models.serving import PEERS, Peer, serve

Json = Any
APPROVE, DECLINE = 0.87, 0.7
pytestmark = pytest.mark.timeout(600)


def show(line: str) -> None:
    print(line)  # noqa: T201 - seen with -s


@pytest.fixture(scope="module", params=PEERS, ids=lambda peer: peer.name)
def served(request: pytest.FixtureRequest) -> Iterator[tuple[Peer, str]]:
    peer: Peer = request.param
    if not peer.is_installed:
        pytest.skip(
            f"{peer.name}: there is no {peer.environment.name}, see tests/models/serving.py"
        )
    with serve(peer) as address:
        yield peer, address


@pytest.fixture
def asked(served: tuple[Peer, str], settings: Any) -> tuple[Peer, ModelAdapter, Endpoint]:
    peer, address = served
    settings.OUTGOING_ALLOWLIST = [urlsplit(address).netloc]
    return peer, *make_endpoint(peer.kind, address, peer.options)


def decide(probability: float) -> str:
    if probability >= APPROVE:
        return "approve"
    return "decline" if probability < DECLINE else "refer"


def ask(peer: Peer, adapter: ModelAdapter, endpoint: Endpoint, values: Json) -> ModelReply:
    request = InferenceRequest(
        "scorecard", peer.to_input(values), peer.parameters, idempotency_key="run-1-1-1"
    )
    return adapter.read(endpoint, request, call(endpoint, adapter.make_call(endpoint, request)))


def test_a_server_gives_the_same_700_decisions(
    asked: tuple[Peer, ModelAdapter, Endpoint],
) -> None:
    peer, adapter, endpoint = asked
    decided: Counter[str] = Counter()
    furthest = 0.0

    for values in list_applications():
        output, confidence, _ = CARD.predict(values)
        local = float(output[CARD.output])
        reply = ask(peer, adapter, endpoint, values)
        found = take_at(reply.output, peer.probability_at)

        assert found == pytest.approx(local, abs=1e-6)
        assert decide(found) == decide(local)
        assert reply.confidence == pytest.approx(confidence, abs=1e-6)
        furthest = max(furthest, abs(found - local))
        decided[decide(found)] += 1

    show(f"{peer.name} {peer.find_versions()}: {dict(decided)}, furthest {furthest:.1e}")
    assert decided.total() == APPLICATIONS
    assert len(decided) == 3, "each decision must be made"


def test_a_server_says_that_it_is_there(asked: tuple[Peer, ModelAdapter, Endpoint]) -> None:
    _, adapter, endpoint = asked

    made = adapter.make_health_call(endpoint)

    assert isinstance(made, Call)
    call(endpoint, made)


def test_an_input_that_the_model_cannot_take_is_a_failure(
    asked: tuple[Peer, ModelAdapter, Endpoint],
) -> None:
    peer, adapter, endpoint = asked
    strange = {**peer.to_input(list_applications()[0]), "purpose": peer.unknown_purpose}
    request = InferenceRequest("scorecard", strange, peer.parameters)

    with pytest.raises(StepFailure) as failure:
        call(endpoint, adapter.make_call(endpoint, request))

    assert failure.value.kind == "http"
