"""The channel layer over a real Redis."""

import asyncio
from typing import Any

from channels.layers import channel_layers

from workbench.live.layer import ListenedLayer
from workbench.live.sender import Sender


def test_the_layer_knows_which_groups_a_socket_listens_to(redis_url: str) -> None:
    async def scenario() -> set[str]:
        page, worker = ListenedLayer(url=redis_url), ListenedLayer(url=redis_url)
        await page.group_add("run.1", await page.new_channel())
        await _until_listened(worker, "run.1")
        listened = await worker.find_listened(["run.1", "run.2"])
        await page.flush()
        await worker.flush()
        return listened

    assert asyncio.run(scenario()) == {"run.1"}


def test_of_many_nudges_the_one_that_a_page_listens_to_reaches_it(
    redis_url: str, monkeypatch: Any
) -> None:
    async def scenario() -> str:
        page, worker = ListenedLayer(url=redis_url), ListenedLayer(url=redis_url)
        monkeypatch.setitem(channel_layers.backends, "default", worker)
        channel = await page.new_channel()
        await page.group_add("run.7", channel)
        await _until_listened(page, "run.7")
        nudges = {f"run.{n}": {"type": "live.nudge", "group": f"run.{n}"} for n in range(200)}
        Sender(asyncio.get_running_loop()).offer(nudges)
        async with asyncio.timeout(10):
            heard = await page.receive(channel)
        await page.flush()
        await worker.flush()
        return str(heard["group"])

    assert asyncio.run(scenario()) == "run.7"


async def _until_listened(layer: ListenedLayer, group: str) -> None:
    async with asyncio.timeout(10):
        while not await layer.find_listened([group]):
            await asyncio.sleep(0.005)
