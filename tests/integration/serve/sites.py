"""An installation with people, a queue and a flow that asks a person, then uses a secret."""

import base64
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests import servers
from tests.chaos.loans import make_token
from tests.console import console
from tests.servers import EffectSink
from tests.waiting import until

SECRET = "only-the-sink-may-see-this"
SET_SECRET = f"""
from django.utils import timezone
from workbench.accounts.actors import Actor
from workbench.secrets.services import set_secret
set_secret(
    name="KEY", value={SECRET!r}, uses=["flow:*"], actor=Actor.system("tests"), now=timezone.now()
)
"""
READ_ARTIFACTS = """
import hashlib
from flows.models import Artifact
from flows.runtime.artifacts import read_artifact
digests = list(Artifact.objects.values_list("digest", flat=True))
assert all(hashlib.sha256(read_artifact(each)[1]).hexdigest() == each for each in digests)
print(len(digests))
"""


def write_flow(folder: Path, sink: EffectSink) -> Path:
    document = {
        "schema": "countersign/flow@1",
        "name": "loan",
        "title": "Loan",
        "steps": {
            "ask": {
                "type": "review.case",
                "with": {"queue": "underwriting", "sla": "standard", "title": "${ input.name }"},
            },
            "tell": {
                "type": "http.request",
                "with": {
                    "url": sink.url,
                    "method": "POST",
                    "body": {"run": "${ run.id }", "key": "${ secrets.KEY }"},
                },
            },
            "settled": {"type": "end", "with": {"outcome": "settled"}},
            "declined": {"type": "end", "with": {"outcome": "declined"}},
        },
        "edges": [
            "ask.approved -> tell",
            "ask.rejected -> declined",
            "ask.expired -> declined",
            "ask.rework -> declined",
            "tell.done -> settled",
        ],
    }
    path = folder / "flow.json"
    path.write_text(json.dumps(document))
    return path


@dataclass
class Site:
    """A running installation, as its API shows it."""

    url: str
    reviewer: str
    designer: str

    def ask(self, token: str, method: str, path: str, **options: Any) -> Any:
        answer = requests.request(
            method, f"{self.url}/api/v1{path}", timeout=30,
            headers={"Authorization": f"Bearer {token}"}, **options,
        )  # fmt: skip
        assert answer.ok, answer.text
        return answer.json()

    def start_run(self, name: str) -> int:
        """Start a run whose input is so large that it becomes an artifact."""
        note = base64.b64encode(os.urandom(60_000)).decode()
        body = {"input": {"name": name, "note": note}}
        return int(self.ask(self.designer, "POST", "/flows/loan/runs", json=body)["id"])

    def approve(self, run: int) -> None:
        """Approve the case of the run, once it is there."""

        def found() -> Any:
            cases = self.ask(self.reviewer, "GET", "/cases?show=all&limit=200")["items"]
            return [case for case in cases if case["run"] == run]

        [case] = until(found, f"the case of run {run}")
        body = {"outcome": "approved", "commit_now": True, "revision": case["revision"]}
        self.ask(self.reviewer, "POST", f"/cases/{case['id']}/decisions", json=body)

    def outcome(self, run: int) -> str:
        """Return how the run ended; wait until it has."""

        def ended() -> Any:
            found = self.ask(self.designer, "GET", f"/runs/{run}")
            assert found["status"] != "failed", found
            return found["status"] == "completed" and found

        return str(until(ended, lambda: f"the end of run {run}", patience_seconds=40)["outcome"])


def prepare(var: Path, sink: EffectSink, **settings: str) -> tuple[str, str]:
    """Load people, queue, secret and flow; return a reviewer's and a designer's token."""
    with console(var, **settings) as opened:
        opened.manage("load_demo", "--runs", "0")
        opened.run(SET_SECRET)
        flow = str(write_flow(var, sink))
        opened.manage("flow", "import", flow, "--publish", "First")
        reviewer = make_token(opened, "reviewer", "cases.view", "cases.decide")
        return reviewer, make_token(opened, "designer", "runs.view", "runs.start")


@dataclass
class Writer:
    """Starts one run after the other, in a thread."""

    site: Site
    started: list[int] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def write(self) -> None:
        while not self.stopped.is_set():
            self.started.append(self.site.start_run(f"written {len(self.started)}"))


@contextmanager
def writing(site: Site) -> Iterator[Writer]:
    writer = Writer(site)
    thread = threading.Thread(target=writer.write)
    thread.start()
    try:
        yield writer
    finally:
        writer.stopped.set()
        thread.join()


def shell(
    commands: str, folder: Path = servers.ROOT, /, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run commands of the docs in the project's folder, with the programs of its environment."""
    assert commands.strip()
    programs = f"{servers.ROOT / '.venv' / 'bin'}:{servers.find_postgresql()}:{os.environ['PATH']}"
    var = Path(environment.pop("COUNTERSIGN_VAR"))
    settings = servers.environment(var, **environment) | {"PATH": programs}
    if "SECRET_KEY" not in environment:
        del settings["SECRET_KEY"]
    return subprocess.run(
        ["sh", "-euc", commands], cwd=folder, env=settings, check=False, text=True,
        capture_output=True, timeout=300,
    )  # fmt: skip
