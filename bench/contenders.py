"""Who is measured, and the processes of each.

They are started for a measurement and gone after it, so that nobody idles beside another. Each has
a database of its own on the one PostgreSQL, and two processes that work.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.conversation import Speaker, speaking
from bench.running import Running
from bench.servers import Servers
from tests import servers as test_servers

OURS = "Countersign"
STEP_MODULES = "bench.steps"
WORKERS = 2
START_SECONDS = 90.0
STOP_SECONDS = 10.0

Start = Callable[[Servers, ExitStack], Running]


@dataclass(frozen=True, slots=True)
class Contender:
    """One product, and how many runs of W1 take it some seconds. ``decides`` says if it has W2."""

    name: str
    start: Start
    runs: int
    decides: bool = True

    @contextlib.contextmanager
    def running(self, servers: Servers) -> Iterator[Running]:
        """Start its processes; they have ended when the block has."""
        with ExitStack() as stack:
            yield self.start(servers, stack)


# --- Ours ---------------------------------------------------------------------------------


def start_ours(servers: Servers, stack: ExitStack, database: str = "ours") -> Running:
    desk = start_our_desk(servers, stack, database)
    return Running(starters=[desk], deciders=[desk], witnesses=[desk])


def start_our_desk(
    servers: Servers, stack: ExitStack, database: str = "ours", clocks: int = 1
) -> Speaker:
    """Start two workers, clocks, and the desk that starts runs and decides."""
    var = servers.folder / database
    var.mkdir(exist_ok=True)
    settings = our_settings(servers, var, database)
    started: list[test_servers.Countersign] = []
    for arguments in [("worker", "--processes", "1")] * WORKERS + [("clock",)] * clocks:
        started.append(stack.enter_context(test_servers.command(var, *arguments, **settings)))
    stack.callback(_end_ours, started)
    desk = stack.enter_context(
        speaking(
            [sys.executable, "-m", "bench.desk"],
            folder=servers.folder,
            environment=test_servers.environment(var, **settings),
        )
    )
    desk.wait_until_ready()
    desk.ask("workers_ready", count=WORKERS)
    return desk


def _end_ours(started: Sequence[test_servers.Countersign]) -> None:
    """Ask all to leave before waiting for the first: each drains for a moment."""
    for each in started:
        each.process.terminate()
    for each in started:
        each.stop(signal.SIGTERM)


def our_settings(servers: Servers, var: Path, database: str) -> dict[str, str]:
    """Return where our processes find their database, made and migrated if it is not there."""
    url, fresh = servers.database(database)
    settings = {
        "DATABASE_URL": url,
        "REDIS_URL": servers.redis_url,
        "STEP_MODULES": STEP_MODULES,
    }
    if fresh:
        test_servers.manage(var, "migrate", "--verbosity", "0", **settings)
    return settings


def start_embedded(servers: Servers, stack: ExitStack) -> Running:
    """Start the one-process default, on SQLite."""
    var = servers.folder / "embedded"
    var.mkdir(exist_ok=True)
    process = speaking(
        [sys.executable, "-m", "bench.embedded"],
        folder=servers.folder,
        environment=test_servers.environment(var, STEP_MODULES=STEP_MODULES),
    )
    speaker = stack.enter_context(process)
    speaker.wait_until_ready()
    return Running(starters=[speaker])


# --- Peers --------------------------------------------------------------------------------


def start_dbos(servers: Servers, stack: ExitStack) -> Running:
    peer = Peer("dbos", servers, stack)
    workers = [peer.speaker("worker") for _ in range(WORKERS)]
    return Running(starters=workers, deciders=[peer.speaker("desk")], witnesses=workers)


def start_langgraph(servers: Servers, stack: ExitStack) -> Running:
    peer = Peer("langgraph", servers, stack)
    peer.set_up()
    workers = [peer.speaker("worker") for _ in range(WORKERS)]
    return Running(starters=workers, deciders=workers, witnesses=workers)


def start_procrastinate(servers: Servers, stack: ExitStack) -> Running:
    peer = Peer("procrastinate", servers, stack)
    peer.set_up()
    workers = [peer.speaker("worker") for _ in range(WORKERS)]
    desk = peer.speaker("desk")
    return Running(starters=[desk], deciders=[desk], witnesses=workers)


def start_dramatiq(servers: Servers, stack: ExitStack) -> Running:
    peer = Peer("dramatiq", servers, stack)
    peer.beside("-m", "dramatiq", "bench.peers.with_dramatiq", "-p", str(WORKERS), "-t", "8")
    return Running(starters=[peer.speaker("desk")])


def start_prefect(servers: Servers, stack: ExitStack) -> Running:
    peer = Peer("prefect", servers, stack)
    port = str(test_servers.free_port())
    peer.environment |= {
        "PREFECT_API_DATABASE_CONNECTION_URL": peer.url.replace("://", "+asyncpg://"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_HOME": str(servers.folder / "prefect"),
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    peer.beside("-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", port)
    _wait_for_page(f"http://127.0.0.1:{port}/api/health")
    return Running(starters=[peer.speaker("worker") for _ in range(WORKERS)])


CONTENDERS = [
    Contender(OURS, start_ours, runs=2_000),
    Contender("Dramatiq, bare", start_dramatiq, runs=1_000, decides=False),
    Contender("LangGraph", start_langgraph, runs=240),
    Contender("Procrastinate", start_procrastinate, runs=200),
    Contender("DBOS", start_dbos, runs=160),
    Contender("Prefect", start_prefect, runs=16, decides=False),
]

EMBEDDED = Contender("Countersign, embedded", start_embedded, runs=800, decides=False)


class Peer:
    """The processes of a peer, which run in the peers' environment."""

    def __init__(self, name: str, servers: Servers, stack: ExitStack) -> None:
        self._module = f"bench.peers.with_{name}"
        self._servers, self._stack = servers, stack
        self.url, self._fresh = servers.database(name)
        self.environment = {
            **os.environ,
            "BENCH_DATABASE_URL": self.url,
            "BENCH_REDIS_URL": servers.redis_url.rpartition("/")[0] + "/1",
        }

    def set_up(self) -> None:
        """Make its tables, the first time."""
        if self._fresh:
            command = [peers_python(), "-m", self._module, "set-up"]
            subprocess.run(
                command, env=self.environment, check=True, timeout=START_SECONDS,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            )  # fmt: skip

    def speaker(self, role: str) -> Speaker:
        command = [peers_python(), "-m", self._module, role]
        speaker = self._stack.enter_context(
            speaking(command, folder=self._servers.folder, environment=self.environment)
        )
        speaker.wait_until_ready()
        return speaker

    def beside(self, *arguments: str) -> None:
        """Start a process that does not answer; it is ended with the rest."""
        log = self._servers.folder / f"{self._module}.log"
        with log.open("a") as output:
            process = subprocess.Popen(
                [peers_python(), *arguments], env=self.environment, text=True,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        self._stack.callback(_end_group, process)


def peers_python() -> str:
    """Return the Python of the peers' environment; BENCH_PEERS_PYTHON names another."""
    ours = test_servers.ROOT / ".venv-bench/bin/python"
    return os.environ.get("BENCH_PEERS_PYTHON", str(ours))


def peers_there() -> bool:
    """Say whether the peers can be imported."""
    check = [peers_python(), "-c", "import dbos, dramatiq, langgraph, prefect, procrastinate"]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(check, capture_output=True, check=False, timeout=120).returncode == 0
    return False


def _end_group(process: "subprocess.Popen[str]") -> None:
    """End a process and its children: first as asked, then by force."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _wait_for_page(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.1)
    raise TimeoutError(f"{url} did not answer in {START_SECONDS:.0f} s.")
