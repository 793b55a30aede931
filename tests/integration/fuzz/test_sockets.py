"""No socket and no raw request fails at what is sent: a real server, on both databases."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest
import websockets

from flows.editor.presence import websocket_urlpatterns as of_editor
from tests import servers
from tests.console import console
from tests.integration.fuzz.values import BODIES, HEADERS, TEXTS, VALUES, choose
from tests.servers import Countersign
from tests.web.doors.unfit import plant
from workbench.live import access
from workbench.live.routing import websocket_urlpatterns as of_pages
from workbench.live.sockets import PersonSocket

pytestmark = [pytest.mark.own_servers, pytest.mark.timeout(36_000)]
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "3"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
SOCKETS = [*of_pages, *of_editor]
ADDRESSES = ["/" + re.sub(r"<\w+:\w+>", "loan", str(each.pattern)) for each in SOCKETS]
MESSAGES: list[Any] = [
    {"listen": ["run.1", "user.1"], "ping": 1},
    {"ping": 7},
    {"tab": "one", "at": [1, 2], "selected": ["review"]},
]
SEEDED = """
import json
from django.db import connection
from django.test import Client
from tests.factories.people import make_person
from workbench.accounts.models import Role
client = Client()
client.force_login(make_person("ada", *Role))
print(client.cookies["sessionid"].value)
"""
COUNTED = """
from tests.integration.fuzz.attempts import make_counting_query
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute(make_counting_query())
    print(dict(cursor.fetchall()))
"""


@dataclass
class Served:
    server: Countersign
    session: str
    settings: dict[str, str]

    def connect(self, address: str) -> websockets.connect:
        return websockets.connect(
            self.server.url.replace("http", "ws") + address,
            origin=self.server.url,  # type: ignore[arg-type]
            additional_headers={"Cookie": f"sessionid={self.session}"},
        )

    def ask(self, request: bytes) -> int:
        """Send bytes to the server's port; return the status of its answer, or 0 for none."""
        where = urlsplit(self.server.url)
        with socket.create_connection((where.hostname, where.port), 10) as line:
            line.settimeout(2)
            with contextlib.suppress(OSError):
                line.sendall(request)
                answer = line.recv(4096)
                found = re.match(rb"HTTP/1\.\d (\d+)", answer)
                return int(found[1]) if found else 0
        return 0

    def count_rows(self) -> str:
        with console(self.server.var, **self.settings) as opened:
            return opened.run(COUNTED)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    var = tmp_path_factory.mktemp("fuzz")
    settings: dict[str, Any] = {}
    with ExitStack() as running:
        if request.param == "postgresql":
            url = running.enter_context(
                servers.postgresql(like=request.getfixturevalue("migrated_postgresql"))
            )
            settings = {"DATABASE_URL": url}
        else:
            shutil.copytree(request.getfixturevalue("migrated_folder"), var, dirs_exist_ok=True)
        with console(var, **settings) as opened:
            session = opened.run(SEEDED).strip()
        server = running.enter_context(servers.serve(var, **settings))
        server.var = var
        yield Served(server, session, settings)


def test_every_socket_is_tried() -> None:
    tried = {each.callback.consumer_class for each in SOCKETS}
    assert set(PersonSocket.__subclasses__()) <= tried


def _listening(random: Random) -> list[str]:
    """Return messages that name each kind of group there is with something that is no id."""
    _, text = choose(random, {**TEXTS, "a long number": "1" * 5_000})
    return [json.dumps({"listen": [f"{kind}.{text}", kind, text]}) for kind in access._authorisers]


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_socket_fails_at_a_message(served: Served, address: str) -> None:
    random = Random(f"{SEED} {address}")
    before = served.count_rows()

    async def send(message: str | bytes) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async with served.connect(address) as line:
                await line.send(message)

    for _ in range(5 * EXAMPLES):
        _, value = choose(random, VALUES)
        message: Any = random.choice(list(plant(random.choice(MESSAGES), value)))
        if random.random() < 0.3:
            message = random.choice([*BODIES.values(), *_listening(random)])
        asyncio.run(send(message))
    _check(served)
    assert served.count_rows() == before


def test_a_socket_at_no_address_is_refused(served: Served) -> None:
    async def knock() -> int:
        try:
            async with served.connect("/live/nowhere/at/all/"):
                return 101
        except websockets.InvalidStatus as refused:
            return refused.response.status_code

    assert asyncio.run(knock()) == 403
    _check(served)


def test_no_raw_request_fails(served: Served) -> None:
    random = Random(f"{SEED} raw")
    body = json.dumps({"name": "x"}).encode()
    for _ in range(5 * EXAMPLES):
        _, value = choose(random, HEADERS)
        head = {
            "Host": urlsplit(served.server.url).netloc,
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Cookie": f"sessionid={served.session}",
        }
        name = random.choice([*head, "Transfer-Encoding", "Connection", "Upgrade", "Expect"])
        head[name] = value[:2_000]
        lines = "".join(f"{key}: {text}\r\n" for key, text in head.items()).encode("latin-1")
        target = random.choice(
            [b"/api/v1/flows", b"/flows/new/", b"/%ff%00", b"/\xff", b"http://[::1"]
        )
        status = served.ask(b"POST " + target + b" HTTP/1.1\r\n" + lines + b"\r\n" + body)
        assert status < 500 or status == 501, (name, value[:200], target)
    _check(served)


def _check(served: Served) -> None:
    host = urlsplit(served.server.url).netloc
    page = f"GET /accounts/login/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    assert served.ask(page.encode()) == 200
    said = served.server.output
    assert served.server.process.poll() is None, said[-3000:]
    assert "Traceback" not in said, said[said.index("Traceback") - 500 :][:3000]
