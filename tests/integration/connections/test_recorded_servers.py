"""Each adapter, over the one client for outgoing calls, beside what its real server answered.

The servers are too heavy to start with every run of the tests: `make test-models` starts them.
"""

from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import urlsplit

import pytest

from flows.connections.adapters.contract import BatchingAdapter, Endpoint, ModelAdapter
from flows.steps.base import StepFailure
from flows.steps.models import InferenceRequest
from flows.steps.reading import take_at
from tests.integration.connections.replaying import replay
from tests.models.asking import ask, call, make_endpoint
from tests.models.factors import CARD, decode
from tests.models.recordings import Recording, list_recordings

Json = Any
RECORDINGS = list_recordings()


@pytest.fixture(params=RECORDINGS, ids=lambda each: each.name)
def recording(request: pytest.FixtureRequest) -> Recording:
    return cast(Recording, request.param)


@pytest.fixture
def served(recording: Recording, settings: Any) -> Iterator[tuple[ModelAdapter, Endpoint]]:
    with replay(recording) as address:
        settings.OUTGOING_ALLOWLIST = [urlsplit(address).netloc]
        yield make_endpoint(recording.kind, address, recording.options)


def make_request(recording: Recording, given: Json, key: str = "run-1-1-1") -> InferenceRequest:
    return InferenceRequest("scorecard", given, recording.parameters, idempotency_key=key)


def score(given: Json) -> tuple[float, float]:
    """Return the probability of "good", and the confidence, of the scorecard in this process."""
    output, confidence, _ = CARD.predict(decode(given))
    return float(output[CARD.output]), confidence


def test_every_kind_of_model_server_was_recorded() -> None:
    assert {"bentoml", "mlflow", "oip", "ray_serve", "torchserve"} == {
        each.kind for each in RECORDINGS
    }


def test_a_server_gives_the_probability_of_the_local_scorecard(
    recording: Recording, served: tuple[ModelAdapter, Endpoint]
) -> None:
    adapter, endpoint = served
    for given in recording.inputs:
        request = make_request(recording, given)
        reply = ask(adapter, endpoint, request)
        found = take_at(reply.output, recording.probability_at)
        assert (found, reply.confidence) == pytest.approx(score(given), abs=1e-6)


def test_many_inputs_in_one_call_have_their_answers_at_their_places(
    recording: Recording, served: tuple[ModelAdapter, Endpoint]
) -> None:
    adapter, endpoint = served
    if recording.batch is None:
        assert not hasattr(adapter, "make_batch_call")
        return
    batching = cast(BatchingAdapter, adapter)
    asked = [make_request(recording, given) for given in recording.inputs]
    body = call(endpoint, batching.make_batch_call(endpoint, asked))
    replies = batching.read_batch(endpoint, asked, body)
    found = [take_at(each.output, recording.probability_at) for each in replies]
    assert found == pytest.approx([score(given)[0] for given in recording.inputs], abs=1e-6)


def test_a_server_says_that_it_is_there(
    recording: Recording, served: tuple[ModelAdapter, Endpoint]
) -> None:
    adapter, endpoint = served
    made = adapter.make_health_call(endpoint)
    assert made is not None
    call(endpoint, made)


def test_a_refused_input_is_a_failure_with_the_servers_words(
    recording: Recording, served: tuple[ModelAdapter, Endpoint]
) -> None:
    adapter, endpoint = served
    strange = make_request(recording, _strange_input(recording), key="")
    with pytest.raises(StepFailure) as failure:
        call(endpoint, adapter.make_call(endpoint, strange))
    assert failure.value.kind == "http"
    assert failure.value.detail["status"] == recording.refused.status


def _strange_input(recording: Recording) -> Json:
    first = recording.inputs[0]
    return {**first, "purpose": "a boat" if isinstance(first["purpose"], str) else 99.0}


def test_what_the_server_says_of_itself_is_in_the_reply(
    recording: Recording, served: tuple[ModelAdapter, Endpoint]
) -> None:
    adapter, endpoint = served
    request = make_request(recording, recording.inputs[0])
    reply = ask(adapter, endpoint, request)
    # MLflow's server says neither the version nor anything else of the model.
    assert reply.version == ("" if recording.kind == "mlflow" else "1")
    assert reply.request_id == ("run-1-1-1" if recording.kind == "oip" else "")
    if "reasons_at" in recording.options:
        assert {each.feature for each in reply.reasons} == set(recording.inputs[0])
        assert all(each.value == recording.inputs[0][each.feature] for each in reply.reasons)
