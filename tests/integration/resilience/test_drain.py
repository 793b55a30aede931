"""A real worker that is told to stop: it finishes what it can and hands back the rest."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import servers
from tests.integration.resilience.workers import prepared_site
from tests.waiting import until

pytestmark = pytest.mark.own_servers

START = """
from django.utils import timezone
from tests.driving import start
from tests.factories.probes import publish_flow
for name, seconds in (("short", 1.0), ("long", 60.0)):
    function = "tests.integration.resilience.slow_steps:nap"
    call = {"type": "python", "function": function, "args": {"seconds": seconds}}
    start(publish_flow("a -> b", name=name, a=call, b={"type": "end"}))
"""


@pytest.mark.timeout(240)
def test_sigterm_finishes_short_steps_and_hands_back_long_ones(
    redis_url: str, migrated_postgresql: Path
) -> None:
    with prepared_site(START, redis_url=redis_url, like=migrated_postgresql) as (var, settings):
        _stop_in_the_middle(settings["DATABASE_URL"], var, settings)


def _stop_in_the_middle(database_url: str, var: Any, given: dict[str, str]) -> None:
    with (
        psycopg.connect(database_url, autocommit=True) as database,
        servers.command(var, "worker", "--processes", "1", **given) as worker,
    ):
        _wait_until_both_run(database, worker)
        began = time.monotonic()
        assert worker.stop(signal.SIGTERM) == 0, worker.output
        took = time.monotonic() - began
        tokens = "SELECT f.name, t.step, t.state, t.deaths FROM flows_token t JOIN flows_run r"
        left = database.execute(
            f"{tokens} ON r.id = t.run_id JOIN flows_flow f ON f.id = r.flow_id ORDER BY f.name"
        ).fetchall()
        status: dict[str, str] = dict(
            database.execute(
                "SELECT f.name, r.status FROM flows_run r JOIN flows_flow f ON f.id = r.flow_id"
            ).fetchall()
        )
        workers = database.execute("SELECT count(*) FROM flows_worker").fetchone()
    # It may take no longer than its limit, though a step would.
    assert took < 30
    # The long step is there for another worker at once, and counts as no death.
    assert left[0] == ("long", "a", "ready", 0), json.dumps(left)
    # The short one was finished: what followed it is done, or waits for the next worker.
    assert status["long"] == "running"
    assert status["short"] == "completed" or ("short", "b", "ready", 0) in left
    assert workers == (0,)


def _wait_until_both_run(database: Any, worker: servers.Countersign) -> None:
    running = "SELECT count(*) FROM flows_token WHERE state = 'running' AND step = 'a'"
    until(
        lambda: database.execute(running).fetchone() == (2,),
        lambda: f"both steps: {worker.output}",
        patience_seconds=90,
    )
