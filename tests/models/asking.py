"""Ask a model server through its adapter and the one client for outgoing calls."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from flows.connections.adapters import kinds
from flows.connections.adapters.contract import (
    Call,
    Endpoint,
    ModelAdapter,
    ModelReply,
    find_adapter,
)
from flows.steps.models import InferenceRequest
from flows.steps.outgoing import Outgoing, send

Json = Any
assert kinds


def make_endpoint(
    kind: str, address: str, options: Mapping[str, Json], *, secret: str = ""
) -> tuple[ModelAdapter, Endpoint]:
    adapter = cast(ModelAdapter, find_adapter(kind))
    read = adapter.Options.model_validate(dict(options))
    return adapter, Endpoint("scorecard", address, "scorecard", read, secret=secret)


def call(endpoint: Endpoint, made: Call) -> Json:
    """Send a call and return the answer's body. Raises: StepFailure."""
    request = Outgoing(
        method=made.method,
        url=endpoint.address + made.path,
        headers=made.headers,
        query=made.query,
        body=made.body,
        timeout_seconds=30,
        max_bytes=4 * 1024 * 1024,
    )
    return send(request, datetime.now(UTC)).body


def ask(adapter: ModelAdapter, endpoint: Endpoint, request: InferenceRequest) -> ModelReply:
    """Return the reply. Raises: InputRefused, StepFailure, AnswerUnfit."""
    # The script that records servers imports this module before Django's apps are loaded.
    from flows.connections.exchange import read_body

    body = call(endpoint, adapter.make_call(endpoint, request))
    return adapter.read(endpoint, request, read_body(body))
