"""A process is killed while it asks for many runs at once: each gets its own answer still."""

import json
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.console import console
from tests.integration.connections.model_server import Asked, serving_a_model
from tests.waiting import until

COUNT, MOST = 64, 16
pytestmark = [pytest.mark.own_servers, pytest.mark.timeout(300)]
PREPARE = """
import tests.integration.connections.many
from tests.driving import start
from tests.factories.connections import make_connection
from tests.factories.probes import publish_flow
make_connection("many", kind="tests_many", address=URL, price_call=1)
flow = publish_flow(
    "ask -> done", name="batching",
    ask={
        "type": "model.infer", "model": "many", "input": "${ input.number }",
        "batch": {"most": MOST, "wait_ms": 500},
    },
    done={"type": "end", "outcome": "done", "output": "${ steps.ask.output.prediction.twice }"},
)
for number in range(COUNT):
    start(flow, {"number": number})
"""


def test_killed_in_the_middle_of_a_batch_each_run_gets_its_own_answer(
    migrated_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "killed"
    shutil.copytree(migrated_folder, folder)
    with serving_a_model() as server:
        server.answer = double_slowly
        settings = {
            "OUTGOING_ALLOWLIST": server.address,
            "STEP_MODULES": "tests.integration.connections.many",
        }
        with console(folder, **settings) as opened:
            opened.run(f"URL, MOST, COUNT = {server.url!r}, {MOST}, {COUNT}\n" + PREPARE)
        port = servers.free_port()
        with servers.serve(folder, port=port, **settings) as first:
            until(lambda: list_answered(folder), "the first answers", patience_seconds=60)
            first.kill()
        settled, asked = set(list_answered(folder)), len(server.asked)
        with servers.serve(folder, port=port, **settings):
            until(lambda: len(list_ended(folder)) == COUNT, "all runs", patience_seconds=120)
        again = [number for call in server.asked[asked:] for number in call.body["inputs"]]
    ends = list_ended(folder)
    assert dict(ends) == {n: 2 * n for n in range(COUNT)}
    assert sorted(list_answered(folder)) == list(range(COUNT)), "a step ended twice"
    assert 0 < len(settled) < COUNT, "the kill came too early or too late to show anything"
    assert not settled & set(again), "an answer that was on disk was asked for again"
    assert set(again) == set(range(COUNT)) - settled
    assert max(len(call.body["inputs"]) for call in server.asked) > 1


_one_at_a_time = threading.Lock()


def double_slowly(asked: Asked) -> Any:
    """Answer one call after the other, so that some are under way when the first is on disk."""
    with _one_at_a_time:
        time.sleep(0.5)
    return {"outputs": [{"twice": 2 * each, "score": 0.9} for each in asked.body["inputs"]]}


def query(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    path = f"file:{folder / 'countersign.sqlite3'}?mode=ro"
    with closing(sqlite3.connect(path, uri=True, timeout=30)) as connection:
        return connection.execute(sql).fetchall()


def list_answered(folder: Path) -> list[int]:
    """Return the number of each run whose model's answer is on disk."""
    rows = query(
        folder,
        "SELECT run.input FROM flows_journal row JOIN flows_run run ON run.id = row.run_id "
        "WHERE row.kind = 'step.finished' AND row.step = 'ask'",
    )
    return [json.loads(given)["number"] for (given,) in rows]


def list_ended(folder: Path) -> list[tuple[int, Any]]:
    rows = query(
        folder,
        "SELECT run.input, row.data FROM flows_journal row JOIN flows_run run "
        "ON run.id = row.run_id WHERE row.kind = 'step.finished' AND row.step = 'done'",
    )
    return [(json.loads(given)["number"], json.loads(data)["output"]) for given, data in rows]
