"""The scorecard behind every model server that runs here decides as it does in this process.

``make test-models`` installs and starts the servers. The rows of a file in APPLICATIONS_DATA are
asked about, else generated applications.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from flows.connections.exchange import open_exchange
from flows.connections.known import KnownConnection
from flows.connections.models import Connection
from flows.connections.provider import PROVIDER
from flows.steps.base import StepFailure
from flows.steps.models import Inference, InferenceRequest
from flows.steps.reading import take_at
from tests.factories.connections import make_connection
from tests.models.comparing import Answer, compare
from tests.models.factors import list_applications
from tests.models.serving import PEERS, Peer, serve

Json = Any
# The protocol gives back ours; the others name the request in a header, MLflow in none.
REQUEST_IDS = {
    "oip": "run-1-1-1",
    "torchserve": "[0-9a-f-]{36}",
    "mlflow": "",
    "bentoml": "[0-9a-f]+",
    "ray_serve": "[0-9a-f-]{36}",
}
pytestmark = [pytest.mark.timeout(600), pytest.mark.django_db]


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
def peer(served: tuple[Peer, str]) -> Peer:
    return served[0]


@pytest.fixture
def connection(served: tuple[Peer, str], settings: Any) -> Connection:
    peer, address = served
    settings.OUTGOING_ALLOWLIST = [urlsplit(address).netloc]
    return make_connection(
        kind=peer.kind,
        address=address,
        options=peer.options,
        parameters=peer.parameters,
        served_as="scorecard",
    )


def ask(connection: Connection, given: Json) -> Inference:
    return PROVIDER.infer(
        InferenceRequest(connection.name, given, idempotency_key="run-1-1-1", flow="loans")
    )


def test_a_server_gives_the_same_700_decisions(peer: Peer, connection: Connection) -> None:
    def answer(values: dict[str, Any]) -> Answer:
        inference = ask(connection, peer.to_input(values))
        return take_at(inference.output, peer.probability_at), inference.confidence

    decided, furthest = compare(answer)
    show(f"{peer.name} {peer.find_versions()}: {dict(decided)}, furthest {furthest:.1e}")


def test_the_provenance_says_who_answered(peer: Peer, connection: Connection) -> None:
    made = ask(connection, peer.to_input(list_applications()[0])).provenance
    assert (made.provider, made.model, made.served_as) == ("connection", "risk", "scorecard")
    # MLflow's server says neither the version nor anything else of the model.
    assert made.version == ("" if peer.kind == "mlflow" else "1")
    assert re.fullmatch(REQUEST_IDS[peer.kind], made.request_id)
    assert made.latency_ms > 0


def test_a_server_says_that_it_is_there(peer: Peer, connection: Connection) -> None:
    exchange = open_exchange(
        KnownConnection(connection),
        {},
        idempotency_key="",
        timeout_seconds=10,
        now=timezone.now(),
    )
    call = exchange.known.adapter.make_health_call(exchange.endpoint)
    assert call is not None
    exchange.ask(call)


def test_an_input_that_the_model_cannot_take_is_a_failure(
    peer: Peer, connection: Connection
) -> None:
    strange = {**peer.to_input(list_applications()[0]), "purpose": peer.unknown_purpose}
    with pytest.raises(StepFailure) as failure:
        ask(connection, strange)
    assert failure.value.kind == "http"
