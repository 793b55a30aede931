"""The live socket as a browser meets it: a real Daphne, a real client, on loopback."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from tests.console import console
from tests.servers import ROOT, free_port, redis_server, stop, wait_for_port
from workbench.live.sender import SEND_SECONDS
from workbench.live.sockets import MOST_MESSAGES_A_SECOND, MOST_SOCKETS

SEED = """
import json
from django.test import Client
from django.utils import timezone
from workbench.accounts.models import Role, User
from workbench.people.services import grant_role
from workbench.accounts.actors import Actor
people = {}
for name in ("operator", "nobody", "leaver", "demoted", "drawer", "guest", "crowd", "loud"):
    user = User.objects.create_user(name)
    if name != "nobody":
        grant_role(user=user, role=Role.OPERATOR, actor=Actor.system("test"), now=timezone.now())
    client = Client()
    client.force_login(user)
    people[name] = {"id": user.pk, "session": client.cookies["sessionid"].value}
print(json.dumps(people))
"""


@dataclass
class Served:
    """A running server, the people it knows, and the line to its nudging thread."""

    port: int
    people: dict[str, dict[str, Any]]
    process: "subprocess.Popen[str]"

    def tell(self, *command: Any) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextlib.asynccontextmanager
    async def page(self, name: str, groups: list[str]) -> AsyncIterator[ClientConnection]:
        """Open the socket of a person's page and wait until it listens."""
        async with self.connect(name) as socket:
            await socket.send(json.dumps({"listen": groups}))
            await hear(socket)
            yield socket

    def connect(
        self, name: str, origin: str | None = None, path: str = "/live/"
    ) -> websockets.connect:
        cookie = f"sessionid={self.people[name]['session']}" if name else "none=1"
        return websockets.connect(
            f"ws://127.0.0.1:{self.port}{path}",
            origin=origin or self.origin,  # type: ignore[arg-type]
            additional_headers={"Cookie": cookie},
        )


async def hear(socket: ClientConnection, seconds: float = 5.0) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), seconds))
    return message


@pytest.fixture(scope="module")
def seeded(migrated_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A COUNTERSIGN_VAR with people who have signed in, whose names are in people.json."""
    folder = tmp_path_factory.mktemp("seeded")
    shutil.copytree(migrated_folder, folder, dirs_exist_ok=True)
    with console(folder) as opened:
        (folder / "people.json").write_text(opened.run(SEED))
    return folder


@contextlib.contextmanager
def serve(seeded: Path, folder: Path, redis_url: str = "") -> Iterator[Served]:
    shutil.copytree(seeded, folder, dirs_exist_ok=True)
    port = free_port()
    environment = {
        **{key: value for key, value in os.environ.items() if key != "DATABASE_URL"},
        "DJANGO_SETTINGS_MODULE": "workbench.settings",
        "COUNTERSIGN_VAR": str(folder),
        "SECRET_KEY": "only for tests",
        "REDIS_URL": redis_url,
    }
    people = json.loads((folder / "people.json").read_text())
    log = folder / "daphne.log"
    # The access log would go to stdout, which is the thread's.
    command = ["daphne", "-b", "127.0.0.1", "-p", str(port), "--access-log", os.devnull]
    command.append("tests.web.live.served:application")
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        try:
            wait_for_port(port, process, log)
            yield Served(port, people, process)
        finally:
            stop(process, signal.SIGTERM)
            for stream in (process.stdin, process.stdout):
                if stream:
                    stream.close()


@pytest.fixture(scope="module", params=["embedded", "redis"])
def served(
    request: pytest.FixtureRequest, seeded: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("live")
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(redis_server()) if request.param == "redis" else ""
        yield stack.enter_context(serve(seeded, folder, url))


def test_a_nudge_from_a_thread_arrives_at_once(served: Served, capsys: Any) -> None:
    async def measure() -> list[float]:
        took = []
        async with served.page("operator", ["sample.latency"]) as socket:
            for _ in range(20):
                # Meanwhile the loop goes idle: whether a nudge wakes it is what is measured.
                await asyncio.sleep(0.12)
                await asyncio.to_thread(served.tell, "nudge", "sample.latency")
                message = await hear(socket)
                took.append(time.monotonic() - message["payload"]["at"])
        return took

    took = asyncio.run(measure())
    p50, p95 = statistics.median(took) * 1000, statistics.quantiles(took, n=20)[-1] * 1000
    with capsys.disabled():
        sys.stdout.write(f"\nnudge to socket: p50 {p50:.1f} ms, p95 {p95:.1f} ms, n {len(took)}\n")
    # An idle loop that is not woken takes half a second; a busy machine, some tens of ms.
    assert p50 < 200


def test_a_burst_reaches_the_page_as_its_first_and_its_last(served: Served) -> None:
    async def listen() -> tuple[list[int], float]:
        heard = [0]
        async with served.page("operator", ["sample.burst"]) as socket:
            began = time.monotonic()
            await asyncio.to_thread(served.tell, "burst", "sample.burst", 500)
            while heard[-1] != 500:
                heard.append((await hear(socket))["payload"]["seq"])
        return heard[1:], time.monotonic() - began

    heard, took = asyncio.run(listen())
    # Ten a second, and the first at once.
    assert len(heard) <= 3 + took * 10
    assert heard == sorted(heard)


def test_what_was_rolled_back_is_not_told(served: Served) -> None:
    async def listen() -> None:
        async with served.page("operator", ["sample.undone"]) as socket:
            await asyncio.to_thread(served.tell, "roll_back", "sample.undone")
            with pytest.raises(TimeoutError):
                await hear(socket, 0.5)

    asyncio.run(listen())


def test_a_group_is_refused_to_who_may_not_see_it(served: Served) -> None:
    async def ask(name: str, groups: list[str]) -> dict[str, Any]:
        async with served.connect(name) as socket:
            await socket.send(json.dumps({"listen": groups}))
            return await hear(socket)

    own = f"user.{served.people['nobody']['id']}"
    other = f"user.{served.people['operator']['id']}"
    answer = asyncio.run(ask("nobody", ["sample.1", own, other, "unheard-of.1"]))
    assert answer == {"listening": [own], "refused": ["sample.1", "unheard-of.1", other]}


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null", "http://127.0.0.1:1"])
def test_a_page_of_another_origin_is_refused(served: Served, origin: str) -> None:
    async def knock() -> int:
        try:
            async with served.connect("operator", origin):
                return 101
        except websockets.InvalidStatus as refused:
            return refused.response.status_code

    assert asyncio.run(knock()) == 403


def test_a_socket_at_an_address_that_has_none_is_refused(served: Served) -> None:
    async def knock() -> int:
        try:
            async with websockets.connect(f"ws://127.0.0.1:{served.port}/live/nowhere/else/"):
                return 101
        except websockets.InvalidStatus as refused:
            return refused.response.status_code

    assert asyncio.run(knock()) == 403


def test_a_socket_without_a_session_is_closed(served: Served) -> None:
    async def knock() -> int | None:
        async with served.connect("") as socket:
            await socket.wait_closed()
            return socket.close_code

    assert asyncio.run(knock()) == 4401


def test_a_socket_closes_when_its_session_signs_out(served: Served) -> None:
    async def sign_out() -> int | None:
        async with served.page("leaver", ["sample.1"]) as socket:
            await asyncio.to_thread(post_sign_out, served, "leaver")
            await asyncio.wait_for(socket.wait_closed(), 5)
            return socket.close_code

    assert asyncio.run(sign_out()) == 4401


def test_presence_on_a_canvas_ends_with_its_session(served: Served) -> None:
    async def sign_out() -> int | None:
        async with served.connect("drawer", path="/live/presence/loan/") as socket:
            await socket.send(json.dumps({"tab": "one", "at": [1, 2]}))
            await asyncio.to_thread(post_sign_out, served, "drawer")
            await asyncio.wait_for(socket.wait_closed(), 5)
            return socket.close_code

    assert asyncio.run(sign_out()) == 4401


def test_who_loses_the_role_hears_no_more_of_who_is_on_a_canvas(served: Served) -> None:
    async def lose() -> int | None:
        async with served.connect("guest", path="/live/presence/loan/") as socket:
            await socket.send(json.dumps({"tab": "one", "at": [1, 2]}))
            await asyncio.to_thread(served.tell, "take_roles", served.people["guest"]["id"])
            await asyncio.wait_for(socket.wait_closed(), 5)
            return socket.close_code

    assert asyncio.run(lose()) == 4403


def test_a_person_has_so_many_sockets_and_no_more(served: Served) -> None:
    async def crowd() -> int | None:
        async with contextlib.AsyncExitStack() as opened:
            for _ in range(MOST_SOCKETS):
                await opened.enter_async_context(served.page("crowd", ["sample.1"]))
            async with served.connect("crowd") as one_more:
                await asyncio.wait_for(one_more.wait_closed(), 5)
        async with served.page("crowd", ["sample.1"]):  # places are free again
            return one_more.close_code

    assert asyncio.run(crowd()) == 4429


def test_a_page_that_never_stops_talking_is_closed(served: Served) -> None:
    async def talk() -> int | None:
        async with served.connect("loud") as socket:
            with contextlib.suppress(websockets.ConnectionClosed):
                for number in range(20 * MOST_MESSAGES_A_SECOND):
                    await socket.send(json.dumps({"ping": number}))
                while True:
                    await hear(socket)
            return socket.close_code

    assert asyncio.run(talk()) == 4429


def post_sign_out(served: Served, name: str) -> None:
    session = f"sessionid={served.people[name]['session']}"
    page = urllib.request.Request(f"{served.origin}/preferences/", headers={"Cookie": session})
    with urllib.request.urlopen(page) as response:
        html, cookie = response.read().decode(), response.headers["Set-Cookie"]
    token = re.search(r'csrf-token" content="([^"]+)"', html)
    csrf = re.search(r"csrftoken=([^;]+)", cookie)
    assert token
    assert csrf
    form = f"csrfmiddlewaretoken={token[1]}".encode()
    headers = {"Cookie": f"{session}; csrftoken={csrf[1]}", "Referer": served.origin}
    request = urllib.request.Request(f"{served.origin}/accounts/logout/", form, headers)
    with urllib.request.urlopen(request) as response:
        assert response.status == 200


def test_who_lost_the_role_hears_no_more(served: Served) -> None:
    async def demote() -> list[dict[str, Any]]:
        person = served.people["demoted"]["id"]
        async with served.page("demoted", ["sample.1", f"user.{person}"]) as socket:
            await asyncio.to_thread(served.tell, "nudge", "sample.1")
            before = await hear(socket)
            assert await asyncio.to_thread(served.tell, "take_roles", person) == 1
            # The change travels to the socket, which says nothing of it until the next nudge.
            await asyncio.sleep(0.3)
            await asyncio.to_thread(served.tell, "nudge", "sample.1")
            after = [before, await hear(socket)]
            with pytest.raises(TimeoutError):
                await hear(socket, 0.5)
        return after

    before, after = asyncio.run(demote())
    assert before["group"] == "sample.1"
    assert after["refused"] == ["sample.1"]


@pytest.mark.parametrize("text", ["", "{", '{"listen": "x"}', '{"listen": [1]}', "[]", '{"x": 1}'])
def test_a_message_that_makes_no_sense_is_answered(served: Served, text: str) -> None:
    async def say() -> dict[str, Any]:
        async with served.connect("operator") as socket:
            await socket.send(text)
            return await hear(socket)

    assert "listen" in asyncio.run(say())["error"]


def test_a_ping_is_answered(served: Served) -> None:
    async def ping() -> dict[str, Any]:
        async with served.connect("operator") as socket:
            await socket.send('{"ping": 7}')
            return await hear(socket)

    assert asyncio.run(ping()) == {"pong": 7}


def test_a_lost_redis_neither_raises_nor_waits_and_its_return_is_noticed(
    seeded: Path, tmp_path: Path
) -> None:
    port = free_port()

    async def wait_for_a_nudge(socket: ClientConnection, served: Served) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            await asyncio.to_thread(served.tell, "nudge", "sample.1")
            with contextlib.suppress(TimeoutError):
                await hear(socket, 0.5)
                return
        raise AssertionError("no nudge arrived after Redis came back")

    async def lose(served: Served, stack: contextlib.ExitStack) -> float:
        async with served.page("operator", ["sample.1"]) as socket:
            stack.close()
            slowest = 0.0
            for _ in range(20):
                took = await asyncio.to_thread(served.tell, "nudge", "sample.1")
                slowest = max(slowest, took)
                # Nudges come for a second, as those of a run at work do.
                await asyncio.sleep(0.05)
            with redis_server(port):
                await wait_for_a_nudge(socket, served)
        return slowest

    with contextlib.ExitStack() as stack:
        url = stack.enter_context(redis_server(port))
        with serve(seeded, tmp_path, url) as served:
            # To wait until a message is sent or given up would take SEND_SECONDS.
            assert asyncio.run(lose(served, stack)) < SEND_SECONDS / 2
