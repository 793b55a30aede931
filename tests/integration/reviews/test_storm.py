"""Many clients over HTTP want the same cases; many promises fall due while the clock is killed.

Short in CI. RACE_CLIENTS, RACE_CASES, STORM_CASES and STORM_SECONDS make them as large as one
wants (50, 1000, 10000 and 60); ``-s`` shows the figures.
"""

import json
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import servers
from tests.console import console
from tests.racing import at_once
from tests.waiting import until

pytestmark = pytest.mark.own_servers

CLIENTS = int(os.environ.get("RACE_CLIENTS", "6"))
CASES = int(os.environ.get("RACE_CASES", "12"))
STORM_CASES = int(os.environ.get("STORM_CASES", "200"))
STORM_SECONDS = int(os.environ.get("STORM_SECONDS", "4"))
PATIENCE_SECONDS = 180 + CLIENTS * CASES // 20 + STORM_SECONDS * 3
MOST_LATE_SECONDS = 5.0

PREPARE_RACE = """
from django.utils import timezone
from tests.factories.cases import make_case
from tests.factories.people import make_person
from tests.factories.queues import make_policy, make_queue
from workbench.accounts.models import Role
from workbench.people.services import create_token
from workbench.accounts.actors import Actor
make_queue()
make_policy()
now = timezone.now()
for _ in range({cases}):
    make_case(now)
for number in range({clients}):
    person = make_person(f"p{{number}}", Role.REVIEWER)
    _, secret = create_token(
        user=person, name="race", scopes=["cases.view", "cases.decide"],
        actor=Actor.user(person), now=now,
    )
    print("token", secret)
"""
# One in twenty ends its run; the others are copies, because only their promise matters here.
PREPARE_STORM = """
from datetime import timedelta
from django.utils import timezone
from reviews.models import Case
from tests.factories.cases import make_case
from tests.factories.people import make_person
from tests.factories.queues import make_policy, make_queue
from workbench.accounts.models import Role
make_queue()
make_person("lea", Role.LEAD)
make_policy("remind", due_minutes=9000, steps=[{{"act": "remind", "after_minutes": 10}}])
make_policy("escalate", due_minutes=9000, steps=[{{"act": "escalate", "after_minutes": 10}}])
make_policy("urgent", due_minutes=10)
make_policy("expire", due_minutes=10, breach="expire")
at = timezone.now()
kinds = ("remind", "escalate", "urgent")
patterns = {{kind: make_case(timezone.now(), sla=kind) for kind in kinds}}
cases = []
for number in range({cases}):
    if number % 20 == 19:
        case = make_case(timezone.now(), sla="expire")
    else:
        case = Case.objects.get(pk=patterns[kinds[number % 3]].pk)
        case.pk, case.wait_id = None, 1_000_000 + number
    case.running_since, case.next_act_at = at - timedelta(minutes=10), None
    cases.append(case)
Case.objects.filter(pk__in=[each.pk for each in patterns.values()]).update(next_act_at=None)
first = min(each.pk for each in patterns.values())
Case.objects.bulk_create([case for case in cases if case.pk is None], batch_size=500)
for case in cases:
    if case.sla["policy"] == "expire":
        case.save()
print("first", first)
"""


@contextmanager
def database(
    migrated: Path, tmp_path: Path, script: str
) -> Iterator[tuple[dict[str, str], list[str]]]:
    """A migrated PostgreSQL on which the script was run.

    Yields the settings that name it, and of each line printed what follows the first word.
    """
    with servers.postgresql(like=migrated) as url:
        settings = {"DATABASE_URL": url}
        with console(tmp_path, **settings) as opened:
            said = opened.run(script)
        yield settings, [line.split(" ", 1)[1] for line in said.splitlines() if line]


# --- Racing ---------------------------------------------------------------------------


class Client:
    """One client with a connection and a token of its own."""

    def __init__(self, port: int, token: str) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def post(self, path: str, body: Any) -> tuple[int, str]:
        """Return the status, and the code of the problem where there is one."""
        self.connection.request("POST", f"/api/v1{path}", json.dumps(body), self.headers)
        with self.connection.getresponse() as response:
            answer = json.loads(response.read() or b"{}")
            return response.status, str(answer.get("type", "")).rpartition(":")[2]


@pytest.mark.timeout(PATIENCE_SECONDS)
def test_of_many_clients_one_holds_each_case_and_one_decides_it(
    migrated_postgresql: Path, tmp_path: Path
) -> None:
    script = PREPARE_RACE.format(cases=CASES, clients=CLIENTS)
    with (
        database(migrated_postgresql, tmp_path, script) as (settings, tokens),
        servers.serve(tmp_path, port=None, **settings) as web,
        psycopg.connect(settings["DATABASE_URL"], autocommit=True) as db,
    ):
        clients = [Client(int(web.url.rpartition(":")[2]), token) for token in tokens]
        ids = [row[0] for row in db.execute("SELECT id FROM reviews_case ORDER BY id")]
        began = time.monotonic()
        claims = at_once(
            lambda one: [clients[one].post(f"/cases/{pk}/claim", {}) for pk in ids], len(clients)
        )
        claimed_in = time.monotonic() - began
        check_answers(claims, 200, {"case-held-by-other", "case-stale"})
        assert count(db, "reviews_caseevent WHERE kind = 'claimed'") == CASES
        decisions = decide_all(db, clients, ids)
        check_answers(decisions, 201, {"case-held-by-other", "case-stale", "case-already-decided"})
        decided = "reviews_decision WHERE final AND state = 'committed'"
        assert count(db, decided) == CASES
        moved = "flows_journal WHERE kind = 'step.finished' AND step = 'review'"
        assert count(db, moved) == CASES
        for client in clients:
            client.connection.close()
    report_race(claims, decisions, claimed_in)


def decide_all(db: Any, clients: list[Client], ids: list[int]) -> list[list[Any]]:
    """Give every case back to the queue, then have all clients decide each at the same time."""
    db.execute(
        "UPDATE reviews_case SET state = 'open', claimed_by_id = NULL, lease_until = NULL, "
        "reserved_until = NULL, revision = revision + 1"
    )
    revisions = dict(db.execute("SELECT id, revision FROM reviews_case").fetchall())
    bodies = {
        pk: {"outcome": "approved", "commit_now": True, "revision": revisions[pk]} for pk in ids
    }
    return at_once(
        lambda one: [clients[one].post(f"/cases/{pk}/decisions", bodies[pk]) for pk in ids],
        len(clients),
    )


def check_answers(results: list[list[Any]], won: int, refusals: set[str]) -> None:
    """Of each case one client won; every other was told why not, by 409."""
    for answers in zip(*results, strict=True):
        assert sum(status == won for status, _ in answers) == 1, answers
        lost = [(status, code) for status, code in answers if status != won]
        assert {status for status, _ in lost} == {409}, answers
        assert {code for _, code in lost} <= refusals, answers


def count(db: Any, where: str) -> int:
    return int(db.execute(f"SELECT count(*) FROM {where}").fetchone()[0])


def report_race(claims: list[list[Any]], decisions: list[list[Any]], took: float) -> None:
    def codes(results: list[list[Any]]) -> Counter[str]:
        return Counter(code or str(status) for one in results for status, code in one)

    requests = CLIENTS * CASES
    print(  # noqa: T201 - the figures are what the test is for
        f"\n{CLIENTS} clients, {CASES} cases: {requests} claims in {took:.1f} s "
        f"({requests / took:.0f} a second); claims {dict(codes(claims))}; "
        f"decisions {dict(codes(decisions))}; 0 cases with two holders or two decisions"
    )


# --- Falling due ----------------------------------------------------------------------


@pytest.mark.timeout(PATIENCE_SECONDS + STORM_CASES // 20)
def test_each_act_is_done_once_and_none_early_though_the_clock_is_killed(
    migrated_postgresql: Path, tmp_path: Path
) -> None:
    script = PREPARE_STORM.format(cases=STORM_CASES)
    with (
        database(migrated_postgresql, tmp_path, script) as (settings, [first]),
        psycopg.connect(settings["DATABASE_URL"], autocommit=True) as db,
    ):
        with servers.command(tmp_path, "clock", **settings) as clock:
            wait_for_its_first_act(db, int(first))
            watch = Watch(db, int(first))
            watch.until(lambda: time.time() > watch.start + STORM_SECONDS / 2)
            clock.kill()
        killed_at = time.time()
        with servers.command(tmp_path, "clock", **settings) as clock:
            watch.until(lambda: len(watch.seen) >= STORM_CASES)
            assert clock.stop() == 0, clock.output
        watch.report(killed_at)
        doubled = "(SELECT case_id FROM reviews_caseevent WHERE kind IN ('sla_reminded', "
        doubled += "'escalated', 'sla_breached') GROUP BY 1 HAVING count(*) > 1) twice"
        assert count(db, doubled) == 0
        assert count(db, "reviews_case WHERE next_act_at < now()") == 0
        ended = "reviews_decision WHERE kind = 'timeout' AND decided_by_id IS NULL"
        assert count(db, ended) == STORM_CASES // 20


def wait_for_its_first_act(db: Any, case: int) -> None:
    """Return when the clock is at work: it has done the act of one more case."""
    db.execute("UPDATE reviews_case SET next_act_at = now() WHERE id = %s", [case])
    reminded = f"reviews_caseevent WHERE kind = 'sla_reminded' AND case_id = {case}"
    until(lambda: count(db, reminded), "the first act", patience_seconds=PATIENCE_SECONDS)


class Watch:
    """Looks at the database from outside, ten times a second: what is seen is committed."""

    def __init__(self, db: Any, first: int) -> None:
        """Let the acts fall due from a second on, one after the other within STORM_SECONDS."""
        self.db = db
        self.seen: dict[int, float] = {}
        self.last = (
            count(db, f"reviews_caseevent WHERE case_id = {first}")
            and db.execute("SELECT max(id) FROM reviews_caseevent").fetchone()[0]
        )
        self.start = time.time() + 1
        ids = db.execute(
            "SELECT id FROM reviews_case WHERE next_act_at IS NULL AND sla->>'policy' <> 'standard'"
            " AND id NOT IN (SELECT id FROM reviews_case WHERE wait_id < 1000000 AND "
            "sla->>'policy' <> 'expire')"
        ).fetchall()
        step = STORM_SECONDS / max(1, len(ids))
        self.due = {pk: self.start + number * step for number, (pk,) in enumerate(ids)}
        with db.cursor() as cursor:
            cursor.executemany(
                "UPDATE reviews_case SET next_act_at = to_timestamp(%s) WHERE id = %s",
                [(at, pk) for pk, at in self.due.items()],
            )
        assert len(self.due) == STORM_CASES

    def until(self, reached: Callable[[], bool]) -> None:
        def look_and_tell() -> bool:
            self.look()
            return reached()

        until(
            look_and_tell,
            lambda: f"all acts: {len(self.seen)} of {STORM_CASES} were done",
            patience_seconds=PATIENCE_SECONDS,
            pause_seconds=0.1,
        )

    def look(self) -> None:
        rows = self.db.execute(
            "SELECT id, case_id, at FROM reviews_caseevent WHERE id > %s AND kind IN "
            "('sla_reminded', 'escalated', 'sla_breached') ORDER BY id",
            [self.last],
        ).fetchall()
        now = time.time()
        for event_id, case_id, at in rows:
            self.last = event_id
            assert case_id not in self.seen, "an act was done twice"
            early = self.due[case_id] - at.timestamp()
            assert early < 0.001, "an act came early"
            self.seen[case_id] = now

    def report(self, killed_at: float) -> None:
        back_at = min(at for at in self.seen.values() if at > killed_at)
        late = [at - self.due[pk] for pk, at in self.seen.items()]
        # While no clock runs nothing can be on time: what the clock itself adds is told apart.
        added = [
            at - (max(self.due[pk], back_at) if killed_at <= at else self.due[pk])
            for pk, at in self.seen.items()
        ]
        print(  # noqa: T201 - the figures are what the test is for
            f"\n{STORM_CASES} acts due within {STORM_SECONDS} s, each done once, none early; clock "
            f"killed and away for {back_at - killed_at:.1f} s; late p50 {p(late, 50):.2f} s, "
            f"p99 {p(late, 99):.2f} s, most {max(late):.2f} s; without the time away p99 "
            f"{p(added, 99):.2f} s"
        )
        assert p(added, 99) < MOST_LATE_SECONDS


def p(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]
