"""A disk that is full: those who write are told so, and all goes on once there is room again.

The process's own limit of how large a file may grow stands in for the disk: a test may move it
while the process runs.
"""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.chaos import loans
from tests.chaos.loans import Bank, Client
from tests.console import console
from tests.waiting import until

pytestmark = pytest.mark.timeout(240)
FLOW = """
schema: countersign/flow@1
name: writing
title: Writing
steps:
  a: {type: transform, with: {output: {text: "${ input.text }"}}}
  pause: {type: wait, with: {seconds: 2}}
  b: {type: transform, with: {output: {text: "${ steps.a.output.text }"}}}
  c: {type: end, with: {outcome: written}}
edges: [a.done -> pause, pause.done -> b, b.done -> c]
"""
UNDER_WAY = 30
MAKE_STARTER = """
from django.utils import timezone
from workbench.accounts.models import Role, RoleGrant, User
user = User.objects.create_user("starter", "starter@example.org", "secret")
RoleGrant.objects.create(user=user, role=Role.OPERATOR, granted_at=timezone.now())
"""


@pytest.fixture
def writing(tmp_path: Path) -> Iterator[tuple[Bank, str]]:
    """A running installation, and a token that may start runs."""
    document = tmp_path / "flow.yaml"
    document.write_text(FLOW)
    with console(tmp_path) as opened:
        opened.manage("migrate", "--verbosity", "0")
        opened.manage("flow", "import", str(document), "--publish", "It writes")
        opened.run(MAKE_STARTER)
        token = loans.make_token(opened, "starter", "runs.start", "runs.view")
    bank = Bank(tmp_path, {})
    with bank._running:
        bank.start()
        yield bank, token


def limit_files(bank: Bank, most_bytes: int) -> None:
    assert bank.server is not None
    hard = resource.prlimit(bank.server.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(bank.server.process.pid, resource.RLIMIT_FSIZE, (most_bytes, hard))


def start(bank: Bank, token: str, key: str, text: str = "x") -> requests.Response:
    return requests.post(
        f"{bank.url}/api/v1/flows/writing/runs", json={"input": {"text": text}}, timeout=60,
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key},
    )  # fmt: skip


def fill(bank: Bank) -> None:
    """Leave no room: every file of the database is as large as it may be."""
    sizes = [path.stat().st_size for path in bank.var.glob("countersign.sqlite3*")]
    limit_files(bank, min(size for size in sizes if size))


def wait_for_due_pauses(bank: Bank, said_before: int) -> None:
    """Return when the pauses of the runs under way are due, and none could be written off.

    ``said_before`` is how much the server had said while there was room: an outage is told once, by
    whichever part of it is the first to notice.
    """
    assert bank.server is not None
    server = bank.server
    until(lambda: "The database does not answer" in server.output[said_before:], "it to be noticed")
    to_come = "SELECT count(*) FROM flows_timer WHERE due_at > strftime('%Y-%m-%d %H:%M:%f', 'now')"
    until(lambda: bank.query(to_come) == [(0,)], "the pauses to be due")
    assert bank.query("SELECT count(*) FROM flows_run WHERE outcome = 'written'") == [(0,)]


def test_writers_are_told_and_all_goes_on_once_there_is_room(writing: tuple[Bank, str]) -> None:
    bank, token = writing
    before = [start(bank, token, f"before-{n}") for n in range(UNDER_WAY)]
    assert {answer.status_code for answer in before} == {201}

    assert bank.server is not None
    said_before = len(bank.server.output)
    fill(bank)
    refused = start(bank, token, "while-full", "y" * 10_000)
    told = refused.text
    wait_for_due_pauses(bank, said_before)
    limit_files(bank, resource.RLIM_INFINITY)

    assert refused.status_code == 503, refused.text
    assert "The disk is full" in told
    client = Client(bank, token)
    again = client.post("/flows/writing/runs", {"input": {"text": "y" * 10_000}}, "while-full")
    assert again.status_code == 201, again.text

    def all_written() -> bool:
        return bank.query("SELECT count(*) FROM flows_run WHERE outcome = 'written'") == [
            (UNDER_WAY + 1,)
        ]

    until(all_written, "the end of every run", patience_seconds=60)
    assert bank.query("SELECT count(*) FROM flows_token") == [(0,)]
    assert set(loans.finished_steps(bank).values()) == {1}
