"""Measure how long the lists of cases take, with 100,000 open and 1,000,000 closed ones.

    python -m bench.review_lists [--open 100000] [--closed 1000000] [--on postgresql sqlite]

Fills a database of its own by one INSERT … SELECT, and prints the slowest of five calls of each
read behind the pages, with its plan if it took longer than the target.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bench.runs_list import explain, measure_slowest_ms
from tests import servers

TARGET_MS = 200
QUEUES = ("underwriting", "claims")
# What a case shows, as large as the demo's.
SHOWN = json.dumps({"show": [{"title": "Applicant", "text": "x" * 2000}]})
COLUMNS = """queue_id, wait_id, run_id, flow, flow_version, step, title, title_words, summary,
    subject, state, revision, claimed_by_id, claimed_at, lease_until, escalation, priority, value,
    product, rank, confidence, requested_by, shown, rules, fields, sla, used_seconds, running_since,
    acts_done, next_act_at, warn_at, due_at, outcome, opened_at, closed_at, independent"""
# One case in twelve is claimed, one in fifty is overdue, one in ten is in the other queue.
OPEN = """
INSERT INTO reviews_case ({columns})
SELECT CASE WHEN n % 10 = 0 THEN 2 ELSE 1 END, n, n, 'consumer-loan', 1, 'review',
    'Loan over ' || (n * 37 % 20000) || ' DM',
    'loan over ' || (n * 37 % 20000) || ' dm', 'car', 'A-' || (n % 40000),
    CASE WHEN n % 12 = 0 THEN 'claimed' WHEN n % 50 = 7 THEN 'waiting_for_info' ELSE 'open' END,
    2, CASE WHEN n % 12 = 0 THEN 1 + n % 20 END,
    CASE WHEN n % 12 = 0 THEN {now} END, CASE WHEN n % 12 = 0 THEN {ahead_n} END,
    0, 1 + (n * 7 % 4), n * 37 % 20000, '', 1.8e9 + n * 60 - (n % 7) * 14400, 0.5, '',
    {shown}, '{{}}', '{{}}', '{{}}', 0, {now}, 0, {ahead_n},
    CASE WHEN n % 50 = 1 THEN {ago_n} WHEN n % 40 = 3 THEN {ago_n} ELSE {ahead_n} END,
    CASE WHEN n % 50 = 1 THEN {ago_n} ELSE {ahead_n} END,
    '', {ago_n}, NULL, FALSE
FROM {series}
"""
CLOSED = """
INSERT INTO reviews_case ({columns})
SELECT CASE WHEN n % 10 = 0 THEN 2 ELSE 1 END, n, n, 'consumer-loan', 1, 'review',
    'Loan over ' || (n * 37 % 20000) || ' DM',
    'loan over ' || (n * 37 % 20000) || ' dm', 'car', 'A-' || (n % 40000), 'decided',
    3, 1 + n % 20, NULL, NULL, 0, 3, n * 37 % 20000, '', 1.7e9 + n, 0.5, '',
    '{{}}', '{{}}', '{{}}', '{{}}', 0, NULL, 1, NULL, NULL, NULL, 'approved', {ago_n}, {ago_n},
    FALSE
FROM {series}
"""
POSTGRESQL = {
    "now": "now()",
    "ago_n": "now() - n * interval '20 seconds'",
    "ahead_n": "now() + n * interval '20 seconds'",
    "series": "generate_series({first}, {last}) n",
}
SQLITE = {
    "now": "strftime('%Y-%m-%d %H:%M:%S', 'now')",
    "ago_n": "strftime('%Y-%m-%d %H:%M:%S', 'now', '-' || (n * 20) || ' seconds')",
    "ahead_n": "strftime('%Y-%m-%d %H:%M:%S', 'now', '+' || (n * 20) || ' seconds')",
    "series": (
        "(WITH RECURSIVE counting(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM counting "
        "WHERE n < {last}) SELECT n FROM counting)"
    ),
}


def fill(open_cases: int, closed_cases: int) -> None:
    # Imported here, as everywhere below, since models need Django to be set up first.
    from django.db import connection

    from reviews.models import Queue
    from workbench.accounts.models import Role, RoleGrant, User

    now = datetime.now(UTC)
    for name in QUEUES:
        Queue.objects.create(name=name, title=name.capitalize(), created_at=now)
    for number in range(20):
        user = User.objects.create(username=f"reviewer{number}")
        RoleGrant.objects.create(user=user, role=Role.REVIEWER, granted_at=now)
    words = POSTGRESQL if connection.vendor == "postgresql" else SQLITE
    with connection.cursor() as cursor:
        for statement, first, last in (
            (OPEN, 1, open_cases),
            (CLOSED, open_cases + 1, open_cases + closed_cases),
        ):
            series = words["series"].format(first=first, last=last)
            sql = statement.format(
                **{**words, "series": series}, columns=COLUMNS, shown=f"'{SHOWN}'"
            )
            cursor.execute(sql)
        # As autovacuum would have done by then.
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def list_reads(open_cases: int) -> dict[str, Callable[[], Any]]:
    from reviews.models import Queue
    from reviews.rules.filters import CaseFilters
    from reviews.selectors.acting import make_acting
    from reviews.selectors.cases import get_work
    from reviews.selectors.line import Line, list_first_in_line
    from reviews.selectors.lists import list_cases
    from reviews.selectors.queues import list_queue_rows
    from reviews.team.selectors import list_lanes
    from workbench.accounts.models import User

    user = User.objects.get(username="reviewer3")
    queue = Queue.objects.get(name=QUEUES[0])
    now = datetime.now(UTC)

    def page(cursor: str = "", of: Queue | None = queue, **filters: Any) -> Callable[[], Any]:
        chosen = CaseFilters(**filters)
        return lambda: list_cases(
            principal=user, user=user, queue=of, filters=chosen, cursor=cursor, now=now
        )

    deep = f"{1.8e9 + open_cases * 30!r}~1"
    long_ago = f"{now.timestamp() - open_cases * 20 - 8e6!r}~1"
    return {
        "open, first page": page(),
        "open, deep page": page(cursor=deep),
        "open, of all queues": page(of=None),
        "mine": page(show="mine"),
        "claimed": page(show="claimed"),
        "waiting for information": page(show="waiting"),
        "decided, newest": page(show="decided"),
        "decided, deep page": page(show="decided", cursor=long_ago),
        "all that is not closed": page(show="all"),
        "overdue": page(band="overdue"),
        "due soon": page(band="due_soon"),
        "urgent": page(priority=1),
        "held by a colleague": page(show="claimed", holder="reviewer5"),
        "by subject": page(text="A-77"),
        "by number": page(text="4711"),
        "words of the title": page(text="over 14"),
        "words of the title (none)": page(text="nobody has this"),
        "words of a decided title (none)": page(show="decided", text="nobody has this"),
        "what next would give": lambda: get_work(make_acting(user), queue, now),
        "next": lambda: list_first_in_line(Line.of(queue, make_acting(user), now).parts, 1),
        "queues with their load": lambda: list_queue_rows(user, user, now),
        "the team": lambda: list_lanes([queue], now, now),
    }


def measure(options: argparse.Namespace) -> int:
    import django
    from django.core.management import call_command
    from django.db import connection

    django.setup()
    call_command("migrate", verbosity=0)
    fill(options.open, options.closed)
    slow = 0
    for name, read in list_reads(options.open).items():
        took = measure_slowest_ms(read)
        slow += took > TARGET_MS
        print(f"{took:8.1f} ms  {name}", flush=True)
        if took > TARGET_MS and connection.vendor == "postgresql":
            explain(read)
    print(
        f"{connection.vendor}: {options.open:,} open, {options.closed:,} closed, "
        f"{slow} reads above {TARGET_MS} ms"
    )
    connection.close()
    return slow


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--open", type=int, default=100_000)
    parser.add_argument("--closed", type=int, default=1_000_000)
    parser.add_argument("--on", nargs="+", default=["postgresql", "sqlite"])
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        measure(options)
        return
    again = [sys.executable, "-m", "bench.review_lists", "--here", "--open", str(options.open),
             "--closed", str(options.closed)]  # fmt: skip
    for database in options.on:
        # A process for each, since Django is set up for one database.
        with tempfile.TemporaryDirectory() as var:
            os.environ |= {"COUNTERSIGN_VAR": var, "SECRET_KEY": "only for a bench"}
            os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
            if database == "sqlite":
                subprocess.run(again, check=True)
                continue
            with servers.postgresql() as url:
                subprocess.run(again, check=True, env=os.environ | {"DATABASE_URL": url})


if __name__ == "__main__":
    main()
