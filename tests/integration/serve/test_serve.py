import json
import shutil
import signal
import socket
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from websockets.sync.client import connect
from websockets.typing import Origin

from tests import servers
from tests.conftest import Serve
from tests.servers import ServerFailed
from tests.waiting import until

pytestmark = pytest.mark.own_servers


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM])
def test_serve_prints_its_address_and_stops_cleanly_with_connections_open(
    serve: Serve, with_signal: signal.Signals
) -> None:
    with serve() as server:
        assert server.url in server.output
        status, page = servers.get(f"{server.url}/accounts/login/")
        assert status == 200
        assert "<form" in page
        host, port = "127.0.0.1", int(server.url.rsplit(":", 1)[1])
        with socket.create_connection((host, port)) as idle:
            idle.sendall(b"GET /accounts/login/ HTTP/1.1\r\nHost: ")
            assert server.stop(with_signal) == 0

    assert "Traceback" not in server.output


SIGN_IN = """
from django.test import Client
from workbench.accounts.models import User
client = Client()
client.force_login(User.objects.create_user("watcher"))
print("session", client.cookies["sessionid"].value)
"""


def test_serve_stops_cleanly_with_sockets_open(serve: Serve, tmp_path: Path) -> None:
    said = servers.manage(tmp_path, "shell", "--no-imports", "--command", SIGN_IN)
    cookie = {"Cookie": f"sessionid={said.split()[-1]}"}
    with serve() as server:
        url = server.url.replace("http", "ws") + "/live/"
        with ExitStack() as opened:
            for number in range(5):
                socket = opened.enter_context(
                    connect(url, origin=Origin(server.url), additional_headers=cookie)
                )
                socket.send(json.dumps({"ping": number}))
                assert json.loads(socket.recv(timeout=10)) == {"pong": number}
            assert server.stop(signal.SIGINT) == 0

    assert "Traceback" not in server.output


def test_a_taken_port_is_named_and_exits_with_one(serve: Serve, tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with servers.command(tmp_path, "serve", "--port", str(port)) as server:
            assert server.process.wait(20) == 1
            assert f"127.0.0.1:{port} cannot be used" in server.output
            assert "--port" in server.output


def test_a_second_process_on_the_same_database_file_is_refused(
    serve: Serve, tmp_path: Path
) -> None:
    with serve() as first:
        with pytest.raises(ServerFailed, match=f"Process {first.process.pid} serves"), serve():
            pass
        assert servers.get(f"{first.url}/accounts/login/")[0] == 200


def test_serve_starts_again_after_a_kill_and_delivers_what_was_left_undelivered(
    serve: Serve, tmp_path: Path
) -> None:
    with serve() as server:
        server.kill()
    claimed = tmp_path / "countersign.sqlite3"
    with closing(sqlite3.connect(claimed)) as database, database:
        database.execute(
            "INSERT INTO dispatch_outbox (job, args, attempts, due_at, ring_at, claimed_at,"
            " last_error, created_at) VALUES ('tests.unheard_of', '{}', 1, '2999-01-01',"
            " '2999-01-01', '2026-01-01', '', '2026-01-01')"
        )

    with serve():
        _eventually_attempted(claimed)


def _eventually_attempted(path: Path) -> None:
    """Wait until the one row was tried again: its job is unknown, so the attempt is counted."""

    def row() -> tuple[int, str]:
        with closing(sqlite3.connect(path)) as database:
            found: tuple[int, str] = database.execute(
                "SELECT attempts, last_error FROM dispatch_outbox"
            ).fetchone()
        return found

    def is_tried_again() -> bool:
        attempts, error = row()
        return attempts == 2 and "tests.unheard_of" in error

    until(is_tried_again, lambda: f"the second attempt: {row()}", patience_seconds=10)


def test_a_worker_without_redis_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match="set REDIS_URL"):
        servers.manage(tmp_path, "worker")


@pytest.mark.parametrize("command", ["clock", "worker"])
def test_what_works_on_a_database_that_was_not_migrated_says_so(
    tmp_path: Path, command: str
) -> None:
    with pytest.raises(ServerFailed, match=r"run `manage.py migrate`"):
        servers.manage(tmp_path, command, REDIS_URL="redis://127.0.0.1:1/0")


def test_the_addresses_that_are_handed_out_have_the_port(tmp_path: Path) -> None:
    asked = "from django.conf import settings; print(settings.SITE_URL)"
    said = servers.manage(tmp_path, "shell", "-v", "0", "-c", asked, PORT="8123")
    assert said.strip() == "http://127.0.0.1:8123"


def test_an_empty_folder_is_made_ready(tmp_path: Path) -> None:
    with servers.serve(tmp_path) as server:
        assert servers.get(f"{server.url}/accounts/login/")[0] == 200


def test_the_clock_leaves_cleanly(tmp_path: Path, migrated_folder: Path) -> None:
    shutil.copytree(migrated_folder, tmp_path, dirs_exist_ok=True)
    with servers.command(tmp_path, "clock") as clock:
        until(lambda: "The clock runs." in clock.output, "the clock", patience_seconds=15)
        assert clock.stop(signal.SIGTERM) == 0
