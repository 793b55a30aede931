"""A kind of connection whose server takes many inputs in one call, for tests of batching."""

from collections.abc import Sequence
from typing import Any

from flows.connections.adapters.contract import (
    AnswerUnfit,
    Call,
    Endpoint,
    ModelReply,
    Options,
    adapter,
    find_adapter,
)
from flows.steps.models import InferenceRequest

Json = Any
KIND = "tests_many"

if find_adapter(KIND) is None:

    @adapter
    class ManyAdapter:
        """Sends ``{"inputs": […]}`` and is answered ``{"outputs": […]}``, each with a score."""

        kind = KIND
        title = "Many"
        summary = "Of the tests"
        Options = Options

        def make_health_call(self, endpoint: Endpoint) -> Call | None:
            return None

        def make_call(self, endpoint: Endpoint, request: InferenceRequest) -> Call:
            return self.make_batch_call(endpoint, [request])

        def read(self, endpoint: Endpoint, request: InferenceRequest, body: Json) -> ModelReply:
            return self.read_batch(endpoint, [request], body)[0]

        def make_batch_call(self, endpoint: Endpoint, requests: Sequence[InferenceRequest]) -> Call:
            inputs = [request.input for request in requests]
            return Call("", {"inputs": inputs, **requests[0].parameters})

        def read_batch(
            self, endpoint: Endpoint, requests: Sequence[InferenceRequest], body: Json
        ) -> Sequence[ModelReply]:
            outputs = body.get("outputs") if isinstance(body, dict) else None
            if not isinstance(outputs, list):
                raise AnswerUnfit("outputs", "it is missing")
            return [ModelReply(each, each["score"], version="v9") for each in outputs]
