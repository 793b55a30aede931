"""Measure what a model step costs beyond its HTTP call: ``python -m bench.model_step``.

A run asks a model on loopback many times in a row, through a connection with a secret, a contract
and prices; each step is journaled with its provenance. The server notes when each request arrives:
the time from one to the next is that of a whole step. Beside it stand the same calls bare, each on
a connection of its own as well. On SQLite in a folder of its own, or on DATABASE_URL, which must be
an empty database.
"""

import argparse
import http.client
import itertools
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STEPS_A_RUN = 50
BODY = json.dumps({"amount": 12000, "purpose": "car"}).encode()
ANSWER = json.dumps({"label": "approve", "score": 0.93, "model_version": "7"}).encode()


class Model(BaseHTTPRequestHandler):
    """Answers at once, and notes when it was asked."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    arrivals: list[float] = []

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        self.arrivals.append(time.perf_counter())
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.model_step", description=__doc__)
    parser.add_argument("--calls", type=int, default=500)
    calls = parser.parse_args().calls
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{server.server_address[1]}"
    with tempfile.TemporaryDirectory() as var:
        os.environ.setdefault("COUNTERSIGN_VAR", var)
        os.environ["OUTGOING_ALLOWLIST"] = address
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
        measure(address, calls)
    server.shutdown()


def measure(address: str, calls: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    make_connection(address)
    ask_bare(address, 20)
    bare = ask_bare(address, calls)
    steps = run_steps(calls)
    print(f"{calls} calls, {connection.vendor}")
    print(f"bare call   {describe(bare)}")
    print(f"model step  {describe(steps)}")
    print(f"overhead    p50 {statistics.median(steps) - statistics.median(bare):.2f} ms")


def make_connection(address: str) -> None:
    from django.utils import timezone

    from flows.connections.services import save_connection
    from flows.connections.settings import ConnectionSettings
    from workbench.accounts.actors import Actor
    from workbench.secrets.services import set_secret

    actor, now = Actor.system("bench"), timezone.now()
    set_secret(name="KEY", value="sk-bench-0123", uses=["connection:risk"], actor=actor, now=now)
    contract = {"type": "object", "properties": {"score": {"type": "number"}}}
    settings = ConnectionSettings.model_validate(
        {
            "title": "Risk", "kind": "http", "address": f"http://{address}/predict",
            "secret_name": "KEY", "flows": ["bench"], "prices": {"call": 0.01},
            "input_schema": {"type": "object"}, "output_schema": contract,
            "options": {"version_at": "model_version",
                        "confidence": {"how": "field", "path": "score"}},
        }
    )  # fmt: skip
    save_connection(name="risk", settings=settings, actor=actor, now=now)


def ask_bare(address: str, calls: int) -> list[float]:
    """Return the milliseconds from each request's arrival to the next one's."""
    Model.arrivals.clear()
    for _ in range(calls + 1):
        client = http.client.HTTPConnection(address, timeout=10)
        client.request("POST", "/predict", BODY, {"Content-Type": "application/json"})
        json.loads(client.getresponse().read())
        client.close()
    return list_gaps(Model.arrivals)


def run_steps(calls: int) -> list[float]:
    """Return the same for the steps of runs, one run after the other."""
    from django.utils import timezone

    from flows.runtime.driver import Driver
    from flows.services import start_run
    from workbench.accounts.actors import Actor

    flow, driver, gaps = publish(), Driver(), list[float]()
    driver.start()
    while len(gaps) < calls:
        Model.arrivals.clear()
        run = start_run(flow=flow, input={}, actor=Actor.system("bench"), now=timezone.now()).run
        while run.finished_at is None:
            time.sleep(0.05)
            run.refresh_from_db()
        assert run.status == "completed", run.error
        gaps += list_gaps(Model.arrivals)
    driver.stop(5)
    return gaps[:calls]


def publish() -> Any:
    from django.utils import timezone

    from flows.graph.codec import parse, to_mapping
    from flows.models import FlowVersion
    from flows.services import create_flow, release_version
    from workbench.accounts.actors import Actor

    asks = {"type": "model.infer", "with": {"model": "risk", "input": json.loads(BODY)}}
    names = [f"ask{number}" for number in range(STEPS_A_RUN + 1)]
    document = parse(
        {
            "schema": "countersign/flow@1", "name": "bench", "title": "Bench",
            "steps": dict.fromkeys(names, asks),
            "edges": [f"{a}.done -> {b}" for a, b in itertools.pairwise(names)],
        }
    )  # fmt: skip
    actor, now = Actor.system("bench"), timezone.now()
    flow = create_flow(
        name="bench", title="Bench", document=document, author=None, actor=actor, now=now
    )
    version = FlowVersion.objects.create(
        flow=flow, number=1, document=to_mapping(document), digest="bench", published_at=now
    )
    return release_version(version_id=version.pk, actor=actor, now=now)


def list_gaps(arrivals: Sequence[float]) -> list[float]:
    return [(b - a) * 1000 for a, b in itertools.pairwise(arrivals)]


def describe(gaps: Sequence[float]) -> str:
    p95 = statistics.quantiles(gaps, n=20)[18]
    return f"p50 {statistics.median(gaps):.2f} ms, p95 {p95:.2f} ms"


if __name__ == "__main__":
    main()
