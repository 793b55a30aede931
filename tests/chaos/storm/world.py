"""What the storm rages over: servers behind proxies, and the processes of an installation."""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests import servers
from tests.chaos.storm.control import Control
from tests.chaos.storm.sink import Sink
from tests.servers import ROOT, Countersign, Server
from tests.tcp_proxy import TcpProxy, tcp_proxy

WORKERS, CLOCKS, CLERKS = range(4), range(10, 11), range(20, 22)
STEP_MODULES = "tests.chaos.storm.steps,tests.chaos.storm.newer"
READY_SECONDS = 60


class Database:
    """The harness's own way to PostgreSQL, past the proxy. One a thread."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None

    def ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Raises: psycopg.Error while the server is away."""
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=2)
            cursor = self._connection.execute(sql, values)
            return cursor.fetchall() if cursor.description else []
        except psycopg.Error:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            raise

    def insist(self, sql: str, *values: Any, seconds: float = 60) -> list[tuple[Any, ...]]:
        """Ask until there is an answer."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.ask(sql, *values)
            except psycopg.Error:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


@dataclass
class Life:
    """A process that was forked into a slot. ``cause`` is the fault that is about to end it."""

    slot: int
    role: str
    pid: int
    code: str = "new"
    cause: str = ""
    stopped: bool = False
    restart_after: float = 0.0

    @property
    def worker_name(self) -> str:
        return f"{socket.gethostname()}:{self.pid}"


@dataclass
class End:
    """A life that has ended, and when."""

    life: Life
    status: int
    at: float
    fired: str = ""


class Nursery:
    """The harness's side of nursery.py."""

    def __init__(self, folder: Path, env: dict[str, str], control: Control) -> None:
        self.control = control
        self.lives: dict[int, Life] = {}
        self.ends: queue.Queue[End] = queue.Queue()
        self._said: queue.Queue[dict[str, Any]] = queue.Queue()
        self._lock = threading.Lock()
        self._log = (folder / "nursery.log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.storm.nursery", str(folder)], cwd=ROOT, env=env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True,
            start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._listen, daemon=True).start()
        assert self._said.get(timeout=READY_SECONDS)["ready"]

    def spawn(self, slot: int, role: str, code: str = "new") -> Life:
        with self._lock:
            self._tell(slot=slot, role=role, code=code)
            born = self._said.get(timeout=READY_SECONDS)
        return self.lives[born["slot"]]

    def _tell(self, **order: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        self._role = order["role"]

    def _listen(self) -> None:
        from tests.chaos.storm.failpoints import POINTS

        assert self._process.stdout is not None
        by_pid: dict[int, Life] = {}
        for line in self._process.stdout:
            said = json.loads(line)
            if "status" in said:
                life = by_pid.pop(said["pid"])
                armed = self.control.armed(life.slot)
                fired = POINTS[-armed] if armed < 0 else ""
                self.ends.put(End(life, said["status"], time.time(), fired))
                continue
            if "pid" in said:
                # Before any end of it is read, so that no end comes without its life.
                life = Life(said["slot"], self._role, said["pid"], said["code"])
                by_pid[life.pid] = self.lives[life.slot] = life
            self._said.put(said)

    def close(self) -> None:
        for life in self.lives.values():
            with suppress(ProcessLookupError):
                os.kill(life.pid, signal.SIGCONT)
        assert self._process.stdin is not None
        self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._process.kill()
        self._process.wait()
        self._log.close()


@dataclass
class World:
    """Everything there is. ``plain_worker`` and ``plain_clock`` are started as users start them."""

    folder: Path
    env: dict[str, str]
    postgres: Server
    redis: Server
    postgres_proxy: TcpProxy
    redis_proxy: TcpProxy
    sink: Sink
    nursery: Nursery
    control: Control
    running: ExitStack = field(default_factory=ExitStack)
    plain_worker: Countersign | None = None
    plain_clock: Countersign | None = None

    def start_plain_worker(self) -> None:
        settings = {name: self.env[name] for name in _SETTINGS}
        self.plain_worker = self.running.enter_context(
            servers.command(self.folder, "worker", "--processes", "1", "--threads", "2", **settings)
        )

    def start_plain_clock(self) -> None:
        settings = {name: self.env[name] for name in _SETTINGS}
        self.plain_clock = self.running.enter_context(
            servers.command(self.folder, "clock", **settings)
        )

    def start_all(self) -> None:
        for slot in WORKERS:
            self.nursery.spawn(slot, "worker", "old" if slot == 0 else "new")
        for slot in CLOCKS:
            self.nursery.spawn(slot, "clock")
        for slot in CLERKS:
            self.nursery.spawn(slot, "clerk")
        self.start_plain_worker()
        self.start_plain_clock()


_SETTINGS = ("DATABASE_URL", "REDIS_URL", "STEP_MODULES", "STORM_SINK", "OUTGOING_ALLOWLIST")


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """Start servers, proxies, sink and nursery; the database is migrated. Nothing works yet."""
    with ExitStack() as parts:
        postgres = parts.enter_context(servers.postgresql_server(durable=True))
        redis = parts.enter_context(servers.forgetful_redis())
        postgres_proxy = parts.enter_context(tcp_proxy(postgres.port))
        redis_proxy = parts.enter_context(tcp_proxy(redis.port))
        sink = Sink()
        parts.enter_context(servers.effect_sink(sink))
        env = servers.environment(
            folder,
            DATABASE_URL=f"postgresql://postgres@127.0.0.1:{postgres_proxy.port}/postgres",
            REDIS_URL=f"redis://127.0.0.1:{redis_proxy.port}/0",
            STEP_MODULES=STEP_MODULES,
            STORM_SINK=sink.host,
            OUTGOING_ALLOWLIST=sink.host,
            DJANGO_SETTINGS_MODULE="workbench.settings",
            PYTHONPATH=str(ROOT),
        )
        direct = env | {"DATABASE_URL": postgres.url}
        servers.manage(folder, "migrate", "--verbosity", "0", **_chosen(direct))
        subprocess.run(
            [sys.executable, "-m", "tests.chaos.storm.prepare"], cwd=ROOT, env=direct, check=True
        )
        control = Control(folder / "control")
        nursery = Nursery(folder, env, control)
        parts.callback(nursery.close)
        made = World(
            folder, env, postgres, redis, postgres_proxy, redis_proxy, sink, nursery, control
        )
        with made.running:
            yield made


def _chosen(env: dict[str, str]) -> dict[str, str]:
    return {name: env[name] for name in _SETTINGS}
