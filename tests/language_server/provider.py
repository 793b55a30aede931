"""A provider that asks the server by an adapter alone: no connection, no database."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flows.connections.adapters.contract import AnswerUnfit, Endpoint, find_adapter
from flows.steps.base import StepFailure
from flows.steps.language import ChatAnswer, ChatRequest
from flows.steps.models import Provenance
from flows.steps.outgoing import Outgoing, send

PRICE = 0.001  # for each token


@dataclass
class AdapterProvider:
    """Serves ``models``: the kind of each by its name. ``asked`` keeps the requests."""

    address: str
    models: Mapping[str, str]
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    name: str = "tests"
    asked: list[ChatRequest] = field(default_factory=list)

    def language_models(self) -> Mapping[str, str]:
        return self.models

    def chat(self, request: ChatRequest) -> ChatAnswer:
        self.asked.append(request)
        adapter: Any = find_adapter(self.models[request.model])
        options = adapter.Options(**self.options.get(request.model, {}))
        endpoint = Endpoint(request.model, self.address, "", options, secret="s3cret")
        call = adapter.make_chat_call(endpoint, request)
        began = time.perf_counter()
        answer = send(
            Outgoing(
                call.method,
                self.address + call.path,
                {"Idempotency-Key": request.idempotency_key, **call.headers},
                call.query,
                call.body,
                timeout_seconds=request.timeout_seconds or 10,
                max_bytes=200_000,
            ),
            request.now,
        )
        try:
            reply = adapter.read_chat(endpoint, request, answer.body)
        except AnswerUnfit as unfit:
            raise StepFailure(str(unfit), kind="contract", retryable=False) from unfit
        tokens = (reply.input_tokens or 0) + (reply.output_tokens or 0)
        provenance = Provenance(
            provider=self.name,
            model=request.model,
            version=reply.version,
            parameters=dict(request.parameters),
            latency_ms=(time.perf_counter() - began) * 1000,
            tokens=tokens,
            cost=tokens * PRICE,
            request_id=reply.request_id,
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            finish_reason=reply.finish,
        )
        return ChatAnswer(reply.text, reply.calls, reply.finish, provenance, reply.tokens)
