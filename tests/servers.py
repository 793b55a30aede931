"""Private servers for tests and benches: free ports, folders of their own, always stopped.

``python -m tests.servers pytest tests/integration`` runs the command with a PostgreSQL and a Redis
of its own, named by TEST_DATABASE_URL and TEST_REDIS_URL.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message as EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler

ROOT = Path(__file__).resolve().parent.parent
# Past these a process hangs; how quickly one starts and stops is a bench's business.
START_SECONDS = 60.0
STOP_SECONDS = 60.0


class ServerMissing(Exception):
    """A program is not installed here; the message says which Debian package has it."""


class ServerFailed(Exception):
    """A process did not start, or did not end as it should; the message has its last output."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: "subprocess.Popen[str]", log: Path) -> None:
    """Return when the port accepts. Raises: ServerFailed."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return
        if process.poll() is not None:
            break
        time.sleep(0.03)
    raise ServerFailed(f"{process.args!r} did not start:\n{log.read_text()[-4000:]}")


def stop(process: "subprocess.Popen[str]", with_signal: signal.Signals) -> int:
    """End a process and return its exit code; a deaf one is killed."""
    if process.poll() is None:
        process.send_signal(with_signal)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="countersign-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# --- PostgreSQL and Redis -----------------------------------------------------


def find_postgresql() -> Path:
    """Return PostgreSQL's folder of programs. Raises: ServerMissing."""
    # Debian keeps them off the PATH; what is on the PATH may be a wrapper.
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=_major, reverse=True)
    on_path = shutil.which("postgres")
    if not found and not on_path:
        raise ServerMissing("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    return (found[0] if found else Path(str(on_path))).parent


def _major(postgres: Path) -> int:
    name = postgres.parent.parent.name
    return int(name) if name.isdigit() else 0


def find_redis() -> str:
    """Return the Redis server's program. Raises: ServerMissing."""
    found = shutil.which("redis-server")
    if not found:
        raise ServerMissing("Redis is not installed (Debian: apt-get install redis-server)")
    return found


@dataclass
class Server:
    """A server that may be killed and started again, on the same port and the same data."""

    command: list[Any]
    folder: Path
    port: int
    url: str
    user: str | None = None
    process: "subprocess.Popen[str] | None" = None

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def start(self) -> None:
        """Start it and return when its port accepts. Raises: ServerFailed."""
        with self.log.open("a") as output:
            self.process = subprocess.Popen(
                [str(part) for part in self.command], stdout=output, stderr=subprocess.STDOUT,
                text=True, stdin=subprocess.DEVNULL, user=self.user, cwd=self.folder,
                start_new_session=True,
            )  # fmt: skip
        wait_for_port(self.port, self.process, self.log)

    def kill(self) -> None:
        """End it and its children as a power cut would, all at once."""
        if self.process is None:
            return
        children = list_children(self.process.pid)
        for pid in (self.process.pid, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, with_signal: signal.Signals) -> None:
        if self.process is not None:
            stop(self.process, with_signal)


def list_children(parent: int) -> list[int]:
    """Return the ids of a process's children: PostgreSQL's have sessions of their own."""
    with contextlib.suppress(OSError):
        tasks = Path(f"/proc/{parent}/task").glob("*/children")
        return [int(pid) for task in tasks for pid in task.read_text().split()]
    return []


@contextlib.contextmanager
def postgresql_server(*, durable: bool = False, like: Path | None = None) -> Iterator[Server]:
    """Run a PostgreSQL that may be killed.

    ``durable`` keeps fsync on, which a bench needs and a test does not. ``like`` is the folder of
    data that another one has left, to begin with.
    """
    programs = find_postgresql()
    # PostgreSQL refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    with private_folder() as folder:
        if user:
            shutil.chown(folder, user)
        data, port = folder / "data", free_port()
        begin: list[Any] = ["cp", "-a", like, data] if like else [
            programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
            "--locale=C.UTF-8", "--no-sync",
        ]  # fmt: skip
        subprocess.run(begin, check=True, capture_output=True, user=user, cwd=folder)
        # Killed, it syncs before it is back: as one file system 0.2 s, as single files 4 s.
        sync = ["-c", "recovery_init_sync_method=syncfs"] if sys.platform == "linux" else []
        quick = sync if durable else ["-c", "fsync=off", "-c", "full_page_writes=off"]
        command = [
            programs / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder,
            "-c", "max_connections=200", *quick,
        ]  # fmt: skip
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        server = Server(command, folder, port, url, user)
        try:
            server.start()
            _wait_for_queries(programs, port, server.log)
            yield server
        finally:
            server.stop(signal.SIGINT)


@contextlib.contextmanager
def postgresql(*, durable: bool = False, like: Path | None = None) -> Iterator[str]:
    """Run a PostgreSQL and yield the URL of its database."""
    with postgresql_server(durable=durable, like=like) as server:
        yield server.url


def _wait_for_queries(programs: Path, port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    check = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    while subprocess.run(check, check=False).returncode != 0:
        if time.monotonic() > deadline:
            raise ServerFailed(f"PostgreSQL did not answer:\n{log.read_text()[-4000:]}")
        time.sleep(0.05)


@contextlib.contextmanager
def forgetful_redis(port: int | None = None) -> Iterator[Server]:
    """Run a Redis that keeps nothing on disk, and that may be killed."""
    program, port = find_redis(), port or free_port()
    with private_folder() as folder:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                   "--appendonly", "no", "--databases", "32", "--dir", folder]  # fmt: skip
        server = Server(command, folder, port, f"redis://127.0.0.1:{port}")
        try:
            server.start()
            yield server
        finally:
            server.stop(signal.SIGTERM)


@contextlib.contextmanager
def redis_server(port: int | None = None) -> Iterator[str]:
    """Run a Redis and yield its URL."""
    with forgetful_redis(port) as server:
        yield server.url


@dataclass
class Bucket:
    """An empty bucket of an S3 server, which may be killed and started again: then it is gone."""

    server: Server
    name: str = "papers"

    @property
    def settings(self) -> dict[str, str]:
        """What a process needs in its environment to keep its files there."""
        place = f"s3://{self.name}/kept?endpoint={self.server.url}&region=us-east-1"
        return {"ARTIFACT_STORE": place, **self.credentials}

    @property
    def credentials(self) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "only for tests"}

    def make(self) -> None:
        """Make the bucket: moto takes anybody's word, so that no request has to be signed."""
        made = urllib.request.Request(f"{self.server.url}/{self.name}", method="PUT")
        with urllib.request.urlopen(made, timeout=10):
            pass


@contextlib.contextmanager
def s3_server() -> Iterator[Bucket]:
    """Run an S3 server (moto's, which keeps all in memory) with one bucket."""
    port = free_port()
    with private_folder() as folder:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        server = Server(command, folder, port, f"http://127.0.0.1:{port}")
        try:
            server.start()
            bucket = Bucket(server)
            bucket.make()
            yield bucket
        finally:
            server.kill()


@contextlib.contextmanager
def _child(
    command: Sequence[Any], output: Any, *, user: str | None = None, cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
) -> Iterator["subprocess.Popen[str]"]:  # fmt: skip
    """Start a process in a session of its own: a Ctrl-C reaches it through us, in order."""
    process = subprocess.Popen(
        [str(part) for part in command], stdout=output, stderr=subprocess.STDOUT, text=True,
        stdin=subprocess.DEVNULL, user=user, cwd=cwd, env=env, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


# --- Our own processes --------------------------------------------------------


@dataclass
class Countersign:
    """One of our processes, started as a user starts it."""

    process: "subprocess.Popen[str]"
    log: Path
    url: str = ""
    var: Path = field(default_factory=Path)

    @property
    def output(self) -> str:
        return self.log.read_text()

    def stop(self, with_signal: signal.Signals = signal.SIGINT) -> int:
        return stop(self.process, with_signal)

    def kill(self) -> None:
        """End it as a power cut would: this process and its children, at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def environment(var: Path, **settings: str) -> dict[str, str]:
    """Return the environment of one of our processes: ours without what tests have set."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "EMAIL_HOST"}
    }
    return ours | {"COUNTERSIGN_VAR": str(var), "SECRET_KEY": "only for tests"} | settings


@contextlib.contextmanager
def command(var: Path, *arguments: str, **settings: str) -> Iterator[Countersign]:
    """Run ``manage.py …`` until the block ends; the caller stops it and looks at the exit code."""
    log = Path(tempfile.mkstemp(prefix=f"{arguments[0]}-", suffix=".log", dir=var)[1])
    program = [sys.executable, "manage.py", *arguments]
    with (
        log.open("w") as output,
        _child(program, output, env=environment(var, **settings)) as child,
    ):
        running = Countersign(process=child, log=log, var=var)
        try:
            yield running
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if child.poll() is None:
                    running.kill()


def _wait_for_words(server: Countersign, words: str) -> None:
    """The port accepts a moment before the server says where it is."""
    deadline = time.monotonic() + START_SECONDS
    while words not in server.output:
        if time.monotonic() > deadline:
            raise ServerFailed(f"serve did not say {words!r}:\n{server.output[-4000:]}")
        time.sleep(0.02)


@contextlib.contextmanager
def serve(
    var: Path, *arguments: str, port: int | None = None, **settings: str
) -> Iterator[Countersign]:
    """Run ``manage.py serve`` on a free port. At the end it must leave cleanly, or this raises."""
    port = port or free_port()
    with command(var, "serve", "--port", str(port), *arguments, **settings) as server:
        server.url = f"http://127.0.0.1:{port}"
        wait_for_port(port, server.process, server.log)
        _wait_for_words(server, server.url)
        yield server
        if server.process.poll() is None and (code := server.stop()) != 0:
            raise ServerFailed(f"serve ended with {code}:\n{server.output[-4000:]}")


@dataclass
class Stack:
    """Everything that production has: servers, web, workers, clock. Parts may be killed."""

    database_url: str
    redis_url: str
    var: Path
    web: Countersign
    workers: list[Countersign]
    clock: Countersign

    @property
    def settings(self) -> dict[str, str]:
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}


@contextlib.contextmanager
def stack(
    *, workers: int = 2, durable: bool = False, like: Path | None = None, **settings: str
) -> Iterator[Stack]:
    """Run PostgreSQL, Redis, one web process, ``workers`` worker processes and a clock.

    ``like`` is a folder of data that is migrated, to begin with.
    """
    with contextlib.ExitStack() as running:
        database_url = running.enter_context(postgresql(durable=durable, like=like))
        redis_url = running.enter_context(redis_server()) + "/0"
        var = running.enter_context(private_folder())
        settings |= {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        if not like:
            manage(var, "migrate", "--verbosity", "0", **settings)
        yield Stack(
            database_url=database_url,
            redis_url=redis_url,
            var=var,
            web=running.enter_context(serve(var, port=None, **settings)),
            workers=[
                running.enter_context(command(var, "worker", "--processes", "1", **settings))
                for _ in range(workers)
            ],
            clock=running.enter_context(command(var, "clock", **settings)),
        )


def manage(var: Path, *arguments: str, **settings: str) -> str:
    """Run ``manage.py …`` to its end and return its output. Raises: ServerFailed."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment(var, **settings),
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=600,
    )  # fmt: skip
    if done.returncode != 0:
        raise ServerFailed(f"manage.py {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
    return done.stdout


# --- Sinks --------------------------------------------------------------------


class _Inbox(MessageHandler):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[EmailMessage] = []

    def handle_message(self, message: EmailMessage) -> None:
        self.messages.append(message)


@dataclass
class MailSink:
    """A mail server that keeps what it gets."""

    port: int
    inbox: _Inbox

    @property
    def messages(self) -> list[EmailMessage]:
        return self.inbox.messages

    @property
    def settings(self) -> dict[str, str]:
        return {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(self.port)}


@contextlib.contextmanager
def mail_sink() -> Iterator[MailSink]:
    inbox = _Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield MailSink(controller.port, inbox)
    finally:
        controller.stop()


@dataclass
class EffectSink:
    """An HTTP server outside of us that counts effects by ``Idempotency-Key``.

    ``requests`` counts what arrived, ``effects`` what it answered with success. It fails the next
    ``fail_next`` requests with 503 and waits ``delay_seconds`` before each answer.
    """

    port: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)
    bodies: list[Any] = field(default_factory=list)
    fail_next: int = 0
    delay_seconds: float = 0.0
    answer: Any = field(default_factory=lambda: {"ok": True})
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/effect"

    def take(self, key: str, body: bytes) -> tuple[int, Any]:
        """Count one request; return status and answer."""
        time.sleep(self.delay_seconds)
        with self.lock:
            self.requests[key] += 1
            with contextlib.suppress(ValueError):
                self.bodies.append(json.loads(body or b"null"))
            if self.fail_next > 0:
                self.fail_next -= 1
                return 503, {"error": "told to fail"}
            self.effects[key] += 1
            return 200, self.answer


@contextlib.contextmanager
def effect_sink(sink: EffectSink | None = None) -> Iterator[EffectSink]:
    """Run the sink, or the given one."""
    sink = sink or EffectSink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:
                # Its client was killed while it spoke: half a request has no effect.
                self.close_connection = True
                return
            status, answer = sink.take(self.headers.get("Idempotency-Key", ""), body)
            payload = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            # A client that was killed no longer listens; its effect is counted all the same.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.wfile.write(payload)

        do_GET = do_PUT = do_POST  # noqa: N815 - the names that http.server asks for

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        sink.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield sink
        finally:
            server.shutdown()
            thread.join()


def get(url: str) -> tuple[int, str]:
    """Fetch a page; return status and text. Tests of pages use a client."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def main(arguments: Sequence[str]) -> int:
    """Run a command with a PostgreSQL and a Redis of its own; return its exit code."""
    durable = "--durable" in arguments
    program = [argument for argument in arguments if argument != "--durable"]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with postgresql(durable=durable) as database_url, redis_server() as redis_url:
        names = {"TEST_DATABASE_URL": database_url, "TEST_REDIS_URL": redis_url}
        return subprocess.run(program, check=False, env=os.environ | names).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
