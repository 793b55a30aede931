"""A worker that is gone, as after kill -9, keeps nobody from ending what it held."""

import time
from pathlib import Path

import psycopg
import pytest

from tests import servers
from tests.integration.resilience.workers import STEPS, prepared_site
from tests.waiting import until

pytestmark = pytest.mark.own_servers

MOST_SECONDS = 30.0
START = f"""
from tests.driving import start
from tests.factories.probes import publish_flow
nap = {{"type": "python", "function": "{STEPS}:nap", "args": {{"seconds": 600.0}}}}
start(publish_flow("nap -> b", name="alone", nap=nap, b={{"type": "end"}}))
called = {{"type": "subflow", "flow": "alone"}}
start(publish_flow("a -> b", name="caller", a=called, b={{"type": "end"}}))
"""

# It is up before the worker dies: what is measured is the cancelling, not how Python starts.
CANCEL = """
import time
from pathlib import Path
from django.utils import timezone
from flows.models import Run
from flows.services import cancel_run
from workbench.accounts.actors import Actor
print("ready", flush=True)
while not Path({signal!r}).exists():
    time.sleep(0.01)
for run in Run.objects.filter(parent_wait_id=None):
    cancel_run(run_id=run.pk, reason="asked", actor=Actor.system("test"), now=timezone.now())
"""


@pytest.mark.timeout(240)
def test_a_run_is_cancelled_within_30_seconds_of_its_workers_death(
    redis_url: str, migrated_postgresql: Path
) -> None:
    with prepared_site(START, redis_url=redis_url, like=migrated_postgresql) as (var, settings):
        _kill_and_cancel(settings["DATABASE_URL"], var, settings)


def _kill_and_cancel(database_url: str, var: Path, given: dict[str, str]) -> None:
    dead = var / "dead"
    with (
        psycopg.connect(database_url, autocommit=True) as database,
        servers.command(var, "clock", **given),
        servers.command(var, "shell", "-c", CANCEL.format(signal=str(dead)), **given) as operator,
        servers.command(var, "worker", "--processes", "1", **given) as worker,
    ):

        def count(sql: str) -> int:
            row = database.execute(f"SELECT count(*) FROM {sql}").fetchone()
            return int(row[0]) if row else 0

        # One nap is a run of its own, the other is called by a run that waits for it.
        until(
            lambda: count("flows_token WHERE state = 'running' AND step = 'nap'") == 2,
            lambda: f"both naps: {worker.output}",
            patience_seconds=90,
        )
        until(
            lambda: "ready" in operator.output,
            lambda: f"the operator: {operator.output}",
            patience_seconds=90,
        )
        worker.kill()
        killed = time.monotonic()
        dead.touch()
        assert operator.process.wait(90) == 0, operator.output
        cancelled = time.monotonic() - killed
        assert count("flows_run WHERE status = 'cancelled' AND finished_at IS NOT NULL") == 3
        assert count("flows_token") + count("flows_wait WHERE state = 'open'") == 0
        until(
            lambda: count("flows_worker") == 0,
            lambda: f"the burial: {worker.output}",
            patience_seconds=MOST_SECONDS,
        )
        buried = time.monotonic() - killed
        # Nobody goes on with what the dead one held.
        last = "SELECT DISTINCT ON (run_id) kind FROM flows_journal ORDER BY run_id, seq DESC"
        assert database.execute(last).fetchall() == [("run.cancelled",)] * 3
    print(f"\ncancelled {cancelled:.1f} s, the worker buried {buried:.1f} s after its death")  # noqa: T201
    assert cancelled < MOST_SECONDS
    assert buried < MOST_SECONDS
