"""The products that are measured, and how the processes of each are started.

They run only while they are measured, so that none disturbs another. Each has a database of its own
on the one PostgreSQL, and two working processes.
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

from bench.conversation import ProcessFailed, Speaker, start_speaker
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
    """A product. ``runs`` of W1 take it some seconds; ``decides`` says whether it can do W2."""

    name: str
    start: Start
    runs: int
    decides: bool = True

    @contextlib.contextmanager
    def running(self, servers: Servers) -> Iterator[Running]:
        """Start its processes, and stop them when the block ends."""
        with ExitStack() as stack:
            yield self.start(servers, stack)


# --- Ours ---------------------------------------------------------------------------------


def start_ours(servers: Servers, stack: ExitStack, database: str = "ours") -> Running:
    desk = start_our_desk(servers, stack, database)
    return Running(starters=[desk], deciders=[desk], witnesses=[desk])


def start_our_desk(
    servers: Servers, stack: ExitStack, database: str = "ours", clocks: int = 1
) -> Speaker:
    """Start two workers, the clocks, and the desk, which starts runs and decides."""
    var = servers.folder / database
    var.mkdir(exist_ok=True)
    settings = prepare_settings(servers, var, database)
    started: list[test_servers.Countersign] = []
    for arguments in [("worker", "--processes", "1")] * WORKERS + [("clock",)] * clocks:
        started.append(stack.enter_context(test_servers.command(var, *arguments, **settings)))
    stack.callback(_stop_ours, started)
    desk = stack.enter_context(
        start_speaker(
            [sys.executable, "-m", "bench.desk"],
            folder=servers.folder,
            environment=test_servers.environment(var, **settings),
        )
    )
    desk.wait_until_ready()
    _wait_for_workers(desk, started)
    return desk


def _wait_for_workers(desk: Speaker, started: Sequence[test_servers.Countersign]) -> None:
    """Wait until the workers beat. Raises: ProcessFailed, with the log of a process that ended."""
    deadline = time.monotonic() + START_SECONDS
    while desk.ask("count_workers") < WORKERS:
        for each in started:
            if each.process.poll() is not None:
                raise ProcessFailed(f"A process ended at its start:\n{each.output[-2000:]}")
        if time.monotonic() > deadline:
            raise ProcessFailed(f"{WORKERS} workers did not register in {START_SECONDS:.0f} s.")
        time.sleep(0.05)


def _stop_ours(started: Sequence[test_servers.Countersign]) -> None:
    """Tell all to stop before waiting for any: each needs a moment to finish its work."""
    for each in started:
        each.process.terminate()
    for each in started:
        each.stop(signal.SIGTERM)


def prepare_settings(servers: Servers, var: Path, database: str) -> dict[str, str]:
    """Return the environment of our processes. The database is made and migrated if it is new."""
    url, fresh = servers.database(database)
    settings = {
        "DATABASE_URL": url,
        "REDIS_URL": servers.redis_url,
        "STEP_MODULES": STEP_MODULES,
        "LEDGER_KEY": servers.ledger_key,
    }
    if fresh:
        test_servers.manage(var, "migrate", "--verbosity", "0", **settings)
    return settings


def start_embedded(servers: Servers, stack: ExitStack) -> Running:
    """Start the one-process default, on SQLite."""
    var = servers.folder / "embedded"
    var.mkdir(exist_ok=True)
    process = start_speaker(
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
    workers = [peer.start_speaker("worker") for _ in range(WORKERS)]
    return Running(starters=workers, deciders=[peer.start_speaker("desk")], witnesses=workers)


def start_langgraph(servers: Servers, stack: ExitStack) -> Running:
    peer = Peer("langgraph", servers, stack)
    peer.set_up()
    workers = [peer.start_speaker("worker") for _ in range(WORKERS)]
    return Running(starters=workers, deciders=workers, witnesses=workers)


def start_procrastinate(servers: Servers, stack: ExitStack) -> Running:
    peer = Peer("procrastinate", servers, stack)
    peer.set_up()
    workers = [peer.start_speaker("worker") for _ in range(WORKERS)]
    desk = peer.start_speaker("desk")
    return Running(starters=[desk], deciders=[desk], witnesses=workers)


def start_dramatiq(servers: Servers, stack: ExitStack) -> Running:
    peer = Peer("dramatiq", servers, stack)
    peer.start_silent("-m", "dramatiq", "bench.peers.with_dramatiq", "-p", str(WORKERS), "-t", "8")
    return Running(starters=[peer.start_speaker("desk")])


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
    peer.start_silent("-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", port)
    _wait_for_page(f"http://127.0.0.1:{port}/api/health")
    return Running(starters=[peer.start_speaker("worker") for _ in range(WORKERS)])


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
    """Starts the processes of a peer, in the environment where the peers are installed."""

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
        """Make its tables if the database is new."""
        if self._fresh:
            command = [peers_python(), "-m", self._module, "set-up"]
            subprocess.run(
                command, env=self.environment, check=True, timeout=START_SECONDS,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            )  # fmt: skip

    def start_speaker(self, role: str) -> Speaker:
        command = [peers_python(), "-m", self._module, role]
        speaker = self._stack.enter_context(
            start_speaker(command, folder=self._servers.folder, environment=self.environment)
        )
        speaker.wait_until_ready()
        return speaker

    def start_silent(self, *arguments: str) -> None:
        """Start a process that answers no requests. It is stopped with the others."""
        log = self._servers.folder / f"{self._module}.log"
        with log.open("a") as output:
            process = subprocess.Popen(
                [peers_python(), *arguments], env=self.environment, text=True,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        self._stack.callback(_stop_group, process)


def peers_python() -> str:
    """Return the Python that has the peers: BENCH_PEERS_PYTHON, else that of .venv-bench."""
    ours = test_servers.ROOT / ".venv-bench/bin/python"
    return os.environ.get("BENCH_PEERS_PYTHON", str(ours))


def are_peers_installed() -> bool:
    """Return whether the peers can be imported."""
    check = [peers_python(), "-c", "import dbos, dramatiq, langgraph, prefect, procrastinate"]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(check, capture_output=True, check=False, timeout=120).returncode == 0
    return False


def _stop_group(process: "subprocess.Popen[str]") -> None:
    """Stop a process and its children: by SIGTERM, and later by SIGKILL."""
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
