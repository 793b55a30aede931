"""Ask each real model server, and keep what was said: ``python -m tests.models.record [NAME…]``.

Needs the environments of ``tests.models.serving``.
"""

import sys
from pathlib import Path
from typing import Any

import requests

from flows.connections.adapters.contract import Call, Endpoint
from flows.steps.models import InferenceRequest
from tests.models.asking import make_endpoint
from tests.models.factors import list_applications
from tests.models.recordings import Exchange, Recording
from tests.models.serving import PEERS, Peer, serve
from tests.servers import ROOT

INPUTS = 3
# Of a refusal: the rest is a traceback of the server.
KEPT_CHARACTERS = 300


def record(peer: Peer) -> Recording:
    with serve(peer) as address:
        adapter, endpoint = make_endpoint(peer.kind, address, peer.options)
        health = adapter.make_health_call(endpoint)
        assert health is not None
        asked = [_make_request(peer, values) for values in list_applications()[:INPUTS]]
        batching: Any = adapter if hasattr(adapter, "make_batch_call") else None
        strange = {**asked[0].input, "purpose": peer.unknown_purpose}
        refused = InferenceRequest("scorecard", strange, peer.parameters)
        return Recording(
            name=peer.name,
            versions=peer.find_versions(),
            kind=peer.kind,
            options=peer.options,
            parameters=peer.parameters,
            inputs=[each.input for each in asked],
            probability_at=peer.probability_at,
            health=_exchange(endpoint, health),
            singles=[_exchange(endpoint, adapter.make_call(endpoint, each)) for each in asked],
            refused=_shorten(
                _exchange(endpoint, adapter.make_call(endpoint, refused)), peer.environment
            ),
            batch=_exchange(endpoint, batching.make_batch_call(endpoint, asked))
            if batching
            else None,
        )


def _make_request(peer: Peer, values: dict[str, Any]) -> InferenceRequest:
    return InferenceRequest(
        "scorecard", peer.to_input(values), peer.parameters, idempotency_key="run-1-1-1"
    )


def _exchange(endpoint: Endpoint, call: Call) -> Exchange:
    answer = requests.request(call.method, endpoint.address + call.path, json=call.body, timeout=30)
    media_type = answer.headers.get("Content-Type", "")
    return Exchange(call.method, call.path, call.body, answer.status_code, media_type, answer.text)


def _shorten(exchange: Exchange, environment: Path) -> Exchange:
    text = exchange.text.replace(str(environment), "").replace(str(ROOT), "")
    return Exchange(**{
        name: getattr(exchange, name) for name in Exchange.__dataclass_fields__ if name != "text"
    }, text=text[:KEPT_CHARACTERS])  # fmt: skip


def main() -> None:
    for peer in PEERS:
        if peer.is_installed and (not sys.argv[1:] or peer.name in sys.argv[1:]):
            record(peer).save()
            print(f"recorded {peer.name}")  # noqa: T201


if __name__ == "__main__":
    main()
