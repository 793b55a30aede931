"""Coalescing, against the in-memory layer."""

import asyncio
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer, channel_layers

from workbench.live import nudges
from workbench.live.origin import is_own_origin
from workbench.live.sender import SPACING_SECONDS, Sender


class Away(InMemoryChannelLayer):
    """A layer whose server is away until it is told otherwise."""

    away = True
    refused = 0

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        if self.away:
            self.refused += 1
            raise ConnectionError("no server")
        await super().group_send(group, message)


async def drain(layer: InMemoryChannelLayer, seconds: float) -> list[int]:
    heard = []
    try:
        async with asyncio.timeout(seconds):
            while True:
                heard.append((await layer.receive("page!1"))["seq"])
    except TimeoutError:
        return heard


def offer(sender: Sender, seq: int, group: str = "runs") -> None:
    sender.offer({group: {"type": "live.nudge", "seq": seq}})


def on_layer(layer: InMemoryChannelLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(channel_layers.backends, "default", layer)


def test_the_first_nudge_is_sent_at_once_and_the_rest_as_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = InMemoryChannelLayer()
    on_layer(layer, monkeypatch)

    async def scenario() -> tuple[list[int], list[int]]:
        await layer.group_add("runs", "page!1")
        sender = Sender(asyncio.get_running_loop())
        offer(sender, 1)
        at_once = await drain(layer, SPACING_SECONDS / 3)
        for seq in range(2, 50):
            offer(sender, seq)
        return at_once, await drain(layer, SPACING_SECONDS * 3)

    assert asyncio.run(scenario()) == ([1], [49])


def test_nudges_of_one_group_do_not_delay_those_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = InMemoryChannelLayer()
    on_layer(layer, monkeypatch)

    async def scenario() -> list[int]:
        sender = Sender(asyncio.get_running_loop())
        for group in ("run.1", "run.2", "run.3"):
            await layer.group_add(group, "page!1")
        for seq, group in enumerate(("run.1", "run.2", "run.3")):
            offer(sender, seq, group)
        return await drain(layer, SPACING_SECONDS / 2)

    assert asyncio.run(scenario()) == [0, 1, 2]


def test_a_layer_that_is_away_costs_the_caller_nothing_and_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = Away()
    on_layer(layer, monkeypatch)
    monkeypatch.setattr("workbench.live.sender.REST_SECONDS", 0.05)

    async def scenario() -> list[int]:
        await layer.group_add("runs", "page!1")
        sender = Sender(asyncio.get_running_loop())
        offer(sender, 1)
        async with asyncio.timeout(10):
            while not layer.refused:
                await asyncio.sleep(0.001)
        layer.away = False
        offer(sender, 2)
        return await drain(layer, 0.5)

    assert asyncio.run(scenario()) == [2]


def test_a_closed_loop_is_not_an_error() -> None:
    loop = asyncio.new_event_loop()
    sender = Sender(loop)
    loop.close()
    offer(sender, 1)


def test_without_a_listener_in_this_process_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_layer(InMemoryChannelLayer(), monkeypatch)
    offered: list[Any] = []
    monkeypatch.setattr(nudges, "_server", type("S", (), {"offer": lambda *a: offered.append(a)})())
    nudges.nudge(["runs"], {"seq": 1})
    assert not offered


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("http://localhost:8000", "localhost:8000", True),
        ("https://localhost:8000", "localhost:8000", True),
        ("http://localhost:8001", "localhost:8000", False),
        ("http://evil.example", "evil.example", False),
        ("http://evil.example", "localhost:8000", False),
        ("http://127.0.0.1:8000", "proxy", True),
        ("null", "localhost:8000", False),
        ("", "localhost:8000", False),
        ("http://[::1]:8000", "[::1]:8000", True),
    ],
)
def test_only_pages_of_ours_open_a_socket(origin: str, host: str, own: bool) -> None:
    headers = [(b"host", host.encode()), (b"origin", origin.encode())]
    assert is_own_origin(headers) is own
