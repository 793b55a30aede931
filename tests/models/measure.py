"""Measure 64 inputs a call against one: ``python -m tests.models.measure SECONDS [SERVER…]``.

One caller asks a server in turns of either way, so that both meet the same machine.
"""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

import django
from django.conf import settings

from flows.connections.adapters.contract import BatchingAdapter
from flows.policies.points import Decided, register_attachments
from flows.steps.models import InferenceRequest
from tests.models.asking import ask, call, make_endpoint
from tests.models.factors import list_applications
from tests.models.serving import PEERS, Peer, serve

BATCH = 64
TURNS = 5
BATCHING = frozenset({"oip", "mlflow"})


class NoPolicies:
    """Without a database none is attached."""

    def list_attached(self, point: str, flow: str, queue: str) -> Sequence[str]:
        return ()

    def decide(self, policy: str, given: Any, flow: str) -> Decided:
        raise NotImplementedError


def main(seconds: float, names: Sequence[str]) -> None:
    for peer in PEERS:
        if peer.is_installed and (peer.name in names or not names) and peer.kind in BATCHING:
            with serve(peer) as address:
                settings.OUTGOING_ALLOWLIST = [urlsplit(address).netloc]
                _measure(peer, address, seconds / TURNS / 2)


def _measure(peer: Peer, address: str, seconds: float) -> None:
    adapter, endpoint = make_endpoint(peer.kind, address, peer.options)
    batching = cast(BatchingAdapter, adapter)
    asked = [
        InferenceRequest("scorecard", peer.to_input(values), peer.parameters)
        for values in list_applications()[:BATCH]
    ]

    def ask_together() -> None:
        body = call(endpoint, batching.make_batch_call(endpoint, asked))
        batching.read_batch(endpoint, asked, body)

    def ask_singly() -> None:
        for each in asked:
            ask(adapter, endpoint, each)

    ask_singly()
    ask_together()
    found = [(_rate(ask_singly, seconds), _rate(ask_together, seconds)) for _ in range(TURNS)]
    singles, together = (_middle(column) for column in zip(*found, strict=True))
    ratios = [ours / single for single, ours in found]
    print(  # noqa: T201
        f"{peer.name}: singles {singles:,.0f}/s, {BATCH} a call {together:,.0f}/s, "
        f"ratio {_middle(ratios):.1f} (of {TURNS} turns: {min(ratios):.1f} to {max(ratios):.1f})",
        flush=True,
    )


def _rate(ask: Callable[[], Any], seconds: float) -> float:
    """Return the inputs answered in a second, over at least these seconds."""
    began, times = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        ask()
        times += 1
    return times * BATCH / (time.perf_counter() - began)


def _middle(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


if __name__ == "__main__":
    django.setup()
    register_attachments(NoPolicies())
    main(float(sys.argv[1]), sys.argv[2:])
