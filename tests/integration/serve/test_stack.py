"""Production in small: PostgreSQL, Redis, web, workers and clock as processes of their own."""

import os
import signal
from collections.abc import Callable

import psycopg
import pytest

from tests import servers
from tests.servers import Stack
from tests.waiting import until

pytestmark = pytest.mark.own_servers


@pytest.mark.timeout(180)
def test_every_process_works_and_leaves_cleanly(stack: Callable[..., Stack]) -> None:
    running = stack(workers=1)
    assert servers.get(f"{running.web.url}/accounts/login/")[0] == 200

    with psycopg.connect(running.database_url, autocommit=True) as database:
        # Without a message, as if Redis had lost it: the clock rings, a worker tries.
        database.execute(
            "INSERT INTO dispatch_outbox (job, args, attempts, due_at, ring_at, last_error,"
            " created_at) VALUES ('tests.unheard_of', '{}', 0, now(), now(), '', now())"
        )

        def attempts() -> int:
            found = database.execute("SELECT attempts FROM dispatch_outbox").fetchone()
            return int(found[0]) if found else 0

        tried = until(
            attempts,
            lambda: f"an attempt: {running.workers[0].output}{running.clock.output}",
            patience_seconds=30,
        )
    assert tried == 1, running.workers[0].output + running.clock.output

    for process in [running.web, *running.workers, running.clock]:
        assert process.stop(signal.SIGTERM) == 0, process.output


@pytest.mark.timeout(180)
def test_a_worker_process_that_is_killed_is_replaced(stack: Callable[..., Stack]) -> None:
    running = stack(workers=0)
    with (
        psycopg.connect(running.database_url, autocommit=True) as database,
        servers.command(running.var, "worker", "--processes", "2", **running.settings) as worker,
    ):

        def drivers(besides: int = 0) -> list[str]:
            found = database.execute("SELECT name FROM flows_worker WHERE id > %s", [besides])
            return [str(row[0]) for row in found.fetchall()]

        until(lambda: len(drivers()) == 2, lambda: worker.output, patience_seconds=40)
        newest = database.execute("SELECT max(id) FROM flows_worker").fetchone()
        assert newest
        commands = servers.list_children(worker.process.pid)
        assert len(commands) == 2
        [victim] = servers.list_children(commands[0])
        os.kill(victim, signal.SIGKILL)
        until(lambda: drivers(newest[0]), lambda: worker.output, patience_seconds=40)
        assert worker.process.poll() is None
        assert worker.stop(signal.SIGTERM) == 0, worker.output
