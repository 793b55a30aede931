"""Loan applications, the flow they run through, and a client that decides their cases by API."""

import json
import os
import sqlite3
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from flows.graph.codec import parse, to_mapping, to_yaml
from tests import servers
from tests.console import Console, console
from tests.servers import Countersign, EffectSink

Json = Any
FLOW_FILE = servers.ROOT / "examples" / "consumer_loan" / "flow.yaml"
FLOW = "consumer-loan"
# A claim whose process died is answered with 409 until it is known to be dead.
PATIENCE_SECONDS = 60.0
# A case that was sent round again is back within this time.
QUIET_SECONDS = 4.0
CREATED = 201
MAKE_TOKEN = """
from django.utils import timezone
from workbench.accounts.models import User
from workbench.people.services import create_token
from workbench.accounts.actors import Actor
_, secret = create_token(user=User.objects.get(username={user!r}), name="chaos",
    scopes={scopes!r}, now=timezone.now(), actor=Actor.system("tests", "command"))
print("secret", secret)
"""


def write_applications(folder: Path, count: int) -> Path:
    """Write ``count`` starts: rows of the file in APPLICATIONS_DATA, else generated ones."""
    if data := os.environ.get("APPLICATIONS_DATA"):
        module, arguments = "convert", [data, "--prefix", "application"]
    else:
        module, arguments = "generate", ["--count", str(count), "--seed", "11"]
    made = subprocess.run(
        [sys.executable, "-m", f"examples.consumer_loan.{module}", *arguments],
        cwd=servers.ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    path = folder / "applications.jsonl"
    path.write_text("".join(made.stdout.splitlines(keepends=True)[:count]))
    return path


def with_effects_at(sink: EffectSink) -> str:
    """Return the demo's flow, telling the sink instead of the applicant, as YAML."""
    mapping = to_mapping(parse(FLOW_FILE.read_text()))
    mapping["steps"]["notify"] = {
        "type": "http.request",
        "title": "Tell the applicant",
        "with": {
            "url": sink.url,
            "method": "POST",
            "body": {"run": "${ run.id }", "decision": "${ steps.settle.output.decision }"},
        },
        "retry": {"max_attempts": 5, "initial_seconds": 1, "max_seconds": 5},
    }
    mapping.pop("tests", None)
    return to_yaml(parse(mapping))


def prepare(folder: Path, count: int) -> str:
    """Load the demo without applications into the folder, write ``count`` of ours beside it.

    Returns the secret of a reviewer's token.
    """
    write_applications(folder, count)
    with console(folder) as opened:
        opened.manage("migrate", "--verbosity", "0")
        opened.manage("load_demo", "--runs", "0")
        return make_token(opened, "reviewer", "cases.view", "cases.decide")


def make_token(opened: Console, user: str, *scopes: str) -> str:
    return opened.run(MAKE_TOKEN.format(user=user, scopes=list(scopes))).split()[-1]


@dataclass
class Bank:
    """An installation with the demo, whose process is started, killed and started again.

    ``var`` is a folder that ``prepare`` made, or a copy of one.
    """

    var: Path
    settings: dict[str, str]
    port: int = field(default_factory=servers.free_port)
    kills: int = 0
    _running: ExitStack = field(default_factory=ExitStack)
    server: Countersign | None = None

    @classmethod
    @contextmanager
    def opened(cls, var: Path, sink: EffectSink) -> Iterator["Bank"]:
        """Publish the flow whose effects go to the sink; stop what runs at the end."""
        bank = cls(var, {"OUTGOING_ALLOWLIST": sink.host})
        document = var / "flow.yaml"
        document.write_text(with_effects_at(sink))
        bank.manage("flow", "import", str(document), "--publish", "Effects are counted")
        with bank._running:
            yield bank

    def manage(self, *arguments: str) -> str:
        return servers.manage(self.var, *arguments, **self.settings)

    def start(self) -> None:
        serving = servers.serve(self.var, port=self.port, **self.settings)
        self.server = self._running.enter_context(serving)

    def kill(self) -> None:
        """As a power cut would."""
        assert self.server is not None
        self.server.kill()
        self.kills += 1

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def query(self, sql: str, *values: Json) -> list[tuple[Any, ...]]:
        """Read the database past the application: what is on disk is what counts."""
        path = f"file:{self.var / 'countersign.sqlite3'}?mode=ro"
        with closing(sqlite3.connect(path, uri=True, timeout=30)) as connection:
            return connection.execute(sql, values).fetchall()


@dataclass
class Client:
    """The HTTP API with a token. A POST is repeated, under its key, until it is answered."""

    bank: Bank
    token: str
    repeated: int = 0

    def get(self, path: str) -> Json:
        answer = requests.get(f"{self.bank.url}/api/v1{path}", headers=self._headers(), timeout=60)
        answer.raise_for_status()
        return answer.json()

    def pages(self, path: str) -> Iterator[Json]:
        cursor = ""
        while cursor is not None:
            page = self.get(f"{path}&limit=100&cursor={cursor}")
            yield from page["items"]
            cursor = page["next"]

    def post(self, path: str, body: Json, key: str) -> requests.Response:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = requests.post(
                    f"{self.bank.url}/api/v1{path}", json=body, timeout=60,
                    headers=self._headers() | {"Idempotency-Key": key},
                )  # fmt: skip
            except requests.ConnectionError:
                answer = None
            in_progress = answer is not None and "request-in-progress" in answer.text
            if answer is not None and not in_progress:
                return answer
            assert time.monotonic() < deadline, answer.text if answer is not None else "no answer"
            self.repeated += 1
            time.sleep(0.2)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def conclusion_on(application: str, round_number: int) -> dict[str, Json]:
    """Return what the underwriter of these tests concludes: the same for the same application."""
    choice = zlib.crc32(application.encode()) % 10
    if choice == 0 and round_number == 0:
        return {"outcome": "rework", "reasons": ["corrected"], "comment": "Once more, please."}
    if choice < 6:
        return {"outcome": "approved"}
    return {"outcome": "rejected", "reasons": ["income"], "grounds": {"income": "income"}}


def decide_all(client: Client, on_decided: Callable[[int], None] = lambda _: None) -> Counter[str]:
    """Decide every waiting case until none is left. Returns how many of each outcome."""
    decided: Counter[str] = Counter()
    rounds: Counter[str] = Counter()
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < QUIET_SECONDS:
        for case in list(client.pages("/cases?show=all")):
            application = case["subject"]
            number = rounds[application]
            body = conclusion_on(application, number) | {
                "commit_now": True, "revision": case["revision"],
            }  # fmt: skip
            answer = client.post(
                f"/cases/{case['id']}/decisions", body, f"{application}, round {number}"
            )
            assert answer.status_code == CREATED, (case, answer.text)
            rounds[application] += 1
            decided[answer.json()["outcome"]] += 1
            on_decided(decided.total())
            quiet_since = time.monotonic()
        time.sleep(0.2)
    return decided


def end_state(bank: Bank) -> dict[str, tuple[Any, ...]]:
    """Return how each application ended: status, outcome and output, by idempotency key."""
    rows = bank.query("SELECT idempotency_key, status, outcome, output FROM flows_run")
    return {
        key: (status, outcome, json.loads(output or "null"))
        for key, status, outcome, output in rows
    }


def finished_steps(bank: Bank) -> Counter[tuple[Any, ...]]:
    """Count, by activation, how often the journals say that a step finished."""
    rows = bank.query(
        "SELECT run_id, token_id, activation, step FROM flows_journal WHERE kind = 'step.finished'"
    )
    return Counter(rows)


def told_before(bank: Bank) -> set[str]:
    """Return the idempotency keys of the effects whose steps are on disk as finished."""
    return {
        f"run-{run}-{token}-{activation}"
        for run, token, activation, step in finished_steps(bank)
        if step == "notify"
    }
