"""Measure how long the list of runs takes with a million of them, on PostgreSQL.

    python -m bench.runs_list [--runs 1000000]

Starts a PostgreSQL of its own, fills it by generate_series, and prints the slowest of five calls
of each read behind the page, with its plan if it took longer than the target.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests import servers

TARGET_MS = 200
FILL = """
INSERT INTO flows_run (flow_id, version_id, status, seq, input, output, outcome, priority, trigger,
    idempotency_key, started_by, started_at, finished_at)
SELECT 1 + (n %% 10 = 0)::int, 1 + (n %% 10 = 0)::int,
    CASE WHEN n %% 997 = 0 THEN 'failed' WHEN n > %(runs)s - 500 THEN 'running'
        ELSE 'completed' END,
    12, jsonb_build_object('amount', n %% 20000, 'applicant', 'Applicant ' || n), NULL,
    CASE WHEN n %% 3 = 0 THEN 'declined' ELSE 'approved' END, 100, 'api', 'application-' || n,
    'bench',
    now() - (%(runs)s - n) * interval '30 seconds',
    CASE WHEN n <= %(runs)s - 500 THEN now() - (%(runs)s - n - 1) * interval '30 seconds' END
FROM generate_series(1, %(runs)s) n
"""


def fill(runs: int) -> None:
    # Imported here, as everywhere below, since models need Django to be set up first.
    from django.db import connection

    from flows.models import Flow, FlowVersion

    now = datetime.now(UTC)
    for name in ("consumer-loan", "support-triage"):
        flow = Flow.objects.create(name=name, title=name, created_at=now, updated_at=now)
        flow.released = FlowVersion.objects.create(
            flow=flow, number=1, document={"name": name, "steps": {}}, digest="0", published_at=now
        )
        flow.save()
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"runs": runs})
        cursor.execute("ANALYZE")


def list_reads(runs: int) -> dict[str, Callable[[], Any]]:
    from flows.selectors.flows import list_flows
    from flows.selectors.run_counts import count_runs
    from flows.selectors.run_filters import RunFilters
    from flows.selectors.runs import list_runs
    from workbench.accounts.permissions import EVERYWHERE, Reach

    one = Reach(everywhere=False, scopes=frozenset({("support-triage", "")}))
    now = datetime.now(UTC)
    month: dict[str, Any] = {
        "started_from": now - timedelta(days=200),
        "started_to": now - timedelta(days=170),
    }

    def page(
        within: Reach = EVERYWHERE, before: int | None = None, **filters: Any
    ) -> Callable[[], Any]:
        return lambda: list_runs(RunFilters(**filters), within=within, before=before)

    return {
        "newest page": page(),
        "deep page": page(before=runs // 2),
        "one flow": page(flow="support-triage"),
        "failed": page(state="failed"),
        "failed of one flow": page(state="failed", flow="support-triage"),
        "running": page(state="running"),
        "paused (none)": page(state="paused"),
        "waiting for a person (none)": page(state="waiting"),
        "a month, half a year ago": page(**month),
        "outcome": page(outcome="declined"),
        "outcome (none)": page(outcome="nothing"),
        "by id": page(text=str(runs // 3)),
        "by key": page(text="application-17"),
        "value of the input, new": page(text=f"Applicant {runs - 20}"),
        "value of the input (none)": page(text="nobody"),
        "narrowed by role": page(within=one),
        "failed, narrowed by role": page(within=one, state="failed"),
        "counts": lambda: count_runs(RunFilters(), within=EVERYWHERE),
        "counts of one flow": lambda: count_runs(
            RunFilters(flow="support-triage"), within=EVERYWHERE
        ),
        "list of flows": lambda: list_flows(within=EVERYWHERE, now=now),
    }


def measure_slowest_ms(read: Callable[[], Any]) -> float:
    """Return the time of the slowest of five calls, after one that does not count."""
    read()
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        read()
        taken.append(time.perf_counter() - began)
    return max(taken) * 1000


def explain(read: Callable[[], Any]) -> None:
    """Print the plan of the slowest query of a read."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        read()
    slowest = max(queries.captured_queries, key=lambda each: float(each["time"]))
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS) " + slowest["sql"])
        for (line,) in cursor.fetchall():
            print("      ", line)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=1_000_000)
    options = parser.parse_args()
    with servers.postgresql() as url, tempfile.TemporaryDirectory() as var:
        os.environ |= {"DATABASE_URL": url, "COUNTERSIGN_VAR": var}
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        fill(options.runs)
        slow = 0
        for name, read in list_reads(options.runs).items():
            took = measure_slowest_ms(read)
            slow += took > TARGET_MS
            print(f"{took:8.1f} ms  {name}", flush=True)
            if took > TARGET_MS:
                explain(read)
        print(f"{options.runs:,} runs, {slow} reads above {TARGET_MS} ms")
        from django.db import connection

        connection.close()


if __name__ == "__main__":
    main()
