"""Agents call tools and people decide about calls, while the worker is killed with kill -9.

No effect is made twice, no turn is lost, no answer that is on disk is asked for again, and no call
that a person refused is made. Few runs; the full form:

    AGENT_RUNS=100 python -m tests.servers pytest tests/chaos/test_agents.py -s --timeout 1800
"""

import json
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import servers
from tests.console import Console, console
from tests.language_server import LanguageServer, Turn, language_server
from tests.servers import Countersign, EffectSink
from tests.waiting import until

COUNT = int(os.environ.get("AGENT_RUNS", "8"))
# A worker is killed when it has done this share of all, or has worked for so long. One that was
# killed before it did anything would leave steps that look as if they killed their workers.
SHARE, FEWEST, SECONDS, PATIENCE = 0.06, 18, 3.0, 60.0
TURNS, CALLS = 6, 6
pytestmark = [pytest.mark.own_servers, pytest.mark.timeout(300 + COUNT * 10)]

PREPARE = """
from django.utils import timezone
from flows.graph.codec import parse
from flows.services import create_flow, publish_version
from tests.factories.connections import make_connection
from tests.factories.people import ACTOR
from tests.factories.queues import make_office
from workbench.accounts.models import Role
make_office(ada=Role.REVIEWER)
make_connection("assistant", kind="openai", address=URL)
whole = {"type": "integer"}
schema = {"type": "object", "properties": {"number": whole, "at": whole}}
tool = {"type": "http.request", "with": {"url": SINK, "method": "POST"}, "schema": schema}
agent = {
    "model": "assistant", "goal": "Number ${ input.number }.", "system": "You settle orders.",
    "tools": [
        {**tool, "name": "act", "description": "Do it."},
        {**tool, "name": "pay", "description": "Pay.", "ask": "always"},
    ],
    "review": {"queue": "underwriting", "sla": "standard"},
}
ends = ("settled", "stuck", "by_hand", "failed")
document = parse({
    "schema": "countersign/flow@1", "name": "settles", "title": "Settles",
    "output": {"agent": "${ has(steps.agent) ? steps.agent.output : null }"},
    "steps": {
        "agent": {"type": "agent.run", "with": agent},
        **{end: {"type": "end", "with": {"outcome": end}} for end in ends},
    },
    "edges": [
        "agent.done -> settled", "agent.exhausted -> stuck", "agent.taken_over -> by_hand",
        "agent.error -> failed",
    ],
})
now = timezone.now()
flow = create_flow(
    name="settles", title="Settles", document=document, author=None, actor=ACTOR, now=now
)
publish_version(
    flow_id=flow.pk, note="First", author=None, actor=ACTOR, now=now, revision=flow.draft_revision
)
"""
START = """
from flows.models import Flow
from tests.driving import start
flow = Flow.objects.get(name="settles")
for number in NUMBERS:
    start(flow, {"number": number})
"""
DECIDE = """
from reviews.models import Case
from tests.factories.cases import approve, decide, reject
for case in Case.objects.filter(state="open"):
    fields = {each["key"]: each["value"] for each in case.shown["show"][0]["fields"]}
    refused = fields["number"] % 2 == 0
    decide(case, "ada", reject(comment="Not this one.") if refused else approve())
"""


def is_refused(number: int) -> bool:
    return number % 2 == 0


@dataclass
class Till(EffectSink):
    """Keeps what was asked for under each key."""

    by_key: dict[str, set[str]] = field(default_factory=dict)

    def take(self, key: str, body: bytes) -> tuple[int, Any]:
        # PostgreSQL keeps the fields of a JSON value in an order of its own.
        asked = json.dumps(json.loads(body), sort_keys=True)
        self.by_key.setdefault(key, set()).add(asked)
        return super().take(key, body)


def script(server: LanguageServer, number: int) -> None:
    """Let the model make six calls for the number, the fourth of which needs a person."""

    def turn(*calls: tuple[str, int]) -> Turn:
        asked = [(tool, {"number": number, "at": at}) for tool, at in calls]
        return Turn(calls=asked, delay_seconds=0.03)

    server.script(
        f"Number {number}.",
        turn(("act", 1)), turn(("act", 2), ("act", 3)), turn(("pay", 4)), turn(("act", 5)),
        turn(("act", 6)), Turn(text=f"All is done for {number}."),
    )  # fmt: skip


@dataclass
class Site:
    """An installation on PostgreSQL and Redis, whose worker may be killed."""

    database: psycopg.Connection[Any]
    open_worker: Any
    console: Console
    worker: Countersign | None = None
    kills: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.database.execute(sql).fetchall()]

    def go(self) -> None:
        self.worker = self.open_worker()

    def kill(self) -> None:
        assert self.worker is not None
        self.worker.kill()
        self.kills += 1

    def begin(self, numbers: range) -> None:
        self.ask(f"NUMBERS = {list(numbers)!r}\n{START}")

    def ask(self, code: str) -> None:
        with self.lock:
            self.console.run(code)

    def is_over(self) -> bool:
        return self.query("SELECT count(*) FROM flows_run WHERE finished_at IS NULL") == [(0,)]

    def has_suspects(self) -> bool:
        """Return whether a step that a killed worker held has not been tried again yet.

        Three deaths in a row would be the step's fault, and here they never are.
        """
        return self.query("SELECT count(*) FROM flows_token WHERE deaths > 0") != [(0,)]

    def list_live(self) -> list[tuple[Any, ...]]:
        """Return what keeps runs from their end, for whoever looks at a failed test."""
        return self.query(
            "SELECT token.run_id, token.step, token.state, token.attempt, token.owner, wait.kind, "
            "reviews_case.state FROM flows_token token LEFT JOIN flows_wait wait "
            "ON wait.token_id = token.id AND wait.state = 'open' "
            "LEFT JOIN reviews_case ON reviews_case.wait_id = wait.id"
        )

    def list_done(self, steps: str = "'turn', 'act', 'pay'") -> Counter[str]:
        """Count, by idempotency key, the activations that are on disk as over."""
        rows = self.query(
            "SELECT run_id, token_id, activation FROM flows_journal "
            f"WHERE kind IN ('step.finished', 'step.failed') AND step IN ({steps})"
        )
        return Counter(f"run-{run}-{token}-{activation}" for run, token, activation in rows)

    def ends(self, numbers: range) -> dict[int, tuple[Any, ...]]:
        """Return how each run ended, and the conversation of its agent."""
        rows = self.query(
            "SELECT parent.input, parent.status, parent.outcome, parent.output, last.data "
            "FROM flows_run parent "
            "JOIN flows_run child ON child.root_id = parent.id "
            "JOIN flows_journal last ON last.run_id = child.id AND last.step = 'turn' "
            "AND last.port = 'finished'"
        )
        found = {given["number"]: _normalise(given["number"], rest) for given, *rest in rows}
        return {number: found[number] for number in numbers if number in found}


def _normalise(number: int, rest: list[Any]) -> tuple[Any, ...]:
    """Return what is the same for each number: the run's id and the clock are not."""
    status, outcome, output, last = rest
    talk = json.dumps(last["messages"], sort_keys=True).replace(f"Number {number}.", "Number N.")
    talk = re.sub(rf'(number\\*": ){number}\b', r"\1N", talk).replace(f"for {number}.", "for N.")
    talk = re.sub(r'(date\\*": \\*")[^"\\]*', r"\1D", talk)
    used = {name: output["agent"][name] for name in ("turns", "calls", "tokens")}
    return status, outcome, used, talk


@contextmanager
def production(like: Path, redis_url: str, server: LanguageServer, till: Till) -> Iterator[Site]:
    with ExitStack() as running:
        url = running.enter_context(servers.postgresql(like=like))
        folder = running.enter_context(servers.private_folder())
        settings = {
            "DATABASE_URL": url, "REDIS_URL": redis_url,
            "OUTGOING_ALLOWLIST": f"{server.host},{till.host}",
        }  # fmt: skip
        desk = running.enter_context(console(folder, **settings))
        desk.run(f"URL, SINK = {server.url!r}, {till.url!r}\n{PREPARE}")
        running.enter_context(servers.command(folder, "clock", **settings))
        database = running.enter_context(psycopg.connect(url, autocommit=True))

        def open_worker() -> Countersign:
            worker = servers.command(folder, "worker", "--processes", "1", **settings)
            return running.enter_context(worker)

        yield Site(database, open_worker, desk)


@contextmanager
def clerk(site: Site) -> Iterator[list[BaseException]]:
    """Decide the cases as they come, whatever happens to the workers; yield what went wrong."""
    stop = threading.Event()
    wrong: list[BaseException] = []

    def work() -> None:
        try:
            while not stop.wait(0.2):
                site.ask(DECIDE)
        except BaseException as error:
            wrong.append(error)

    working = threading.Thread(target=work, daemon=True)
    working.start()
    yield wrong
    stop.set()
    working.join(30)
    assert not wrong, wrong


def count_asked(server: LanguageServer) -> Counter[str]:
    """Count the questions to the model by the activation that asked them."""
    asked: Counter[str] = Counter()
    for key, count in list(server.requests.items()):
        asked[re.sub(r"-turn-\d+$", "", key)] += count
    return asked


def work_under_fire(
    site: Site, server: LanguageServer, till: Till, wrong: list[BaseException]
) -> dict[str, int]:
    """Kill the worker every few seconds; return the requests of what was on disk at a kill."""
    settled: dict[str, int] = {}
    least = max(FEWEST, int(SHARE * COUNT * (TURNS + CALLS)))
    done = sum(site.list_done().values())
    while not site.is_over():
        began, before, worked_from = time.monotonic(), done, None
        while not site.is_over():
            assert not wrong, wrong
            assert time.monotonic() - began < PATIENCE, site.list_live()
            done = sum(site.list_done().values())
            if worked_from is None and done > before:
                worked_from = time.monotonic()
            has_worked = worked_from is not None and time.monotonic() - worked_from > SECONDS
            if (done - before >= least or has_worked) and not site.has_suspects():
                break
            time.sleep(0.02)
        else:
            break
        site.kill()
        asked = count_asked(server) + till.requests
        settled |= {key: asked[key] for key in site.list_done()}
        site.go()
    return settled


def test_agents_end_as_if_undisturbed_whatever_is_killed(
    migrated_postgresql: Path, redis_url: str
) -> None:
    calm, killed = range(1, COUNT + 1), range(COUNT + 1, 2 * COUNT + 1)
    till = Till()
    with (
        language_server() as server,
        servers.effect_sink(till),
        production(migrated_postgresql, redis_url, server, till) as site,
    ):
        for number in (*calm, *killed):
            script(server, number)
        site.begin(calm)
        site.go()
        with clerk(site) as wrong:
            until(site.is_over, "the end of the undisturbed runs", patience_seconds=120 + COUNT)
            site.begin(killed)
            began = time.monotonic()
            settled = work_under_fire(site, server, till, wrong)
        took = time.monotonic() - began
        asked = count_asked(server)
        check_done(site, asked, till)
        again = {key for key, before in settled.items() if (asked + till.requests)[key] != before}
        assert not again, "what was on disk was done again"
        check_effects(till, [*calm, *killed])
        check_ends(site, calm, killed)
        print(  # noqa: T201 - seen with -s
            f"{COUNT} agents, {site.kills} kills in {took:.0f} s: {sum(asked.values())} questions "
            f"for {len(asked)} turns, {sum(till.requests.values())} requests for "
            f"{len(till.by_key)} effects, {len(settled)} on disk at a kill, none of them repeated"
        )


def check_done(site: Site, asked: Counter[str], till: Till) -> None:
    """Each activation ended once, and nothing was asked or done but by one of them."""
    done = site.list_done()
    assert set(done.values()) == {1}, "a step ended twice"
    assert set(asked) <= set(done), "a question belongs to no turn"
    assert len(asked) == 2 * COUNT * TURNS, "a turn was lost"
    assert set(till.by_key) == set(site.list_done("'act', 'pay'"))


def check_effects(till: Till, numbers: list[int]) -> None:
    """Each key stands for one effect, each effect has one key, and none is of a refused call."""
    made = [json.loads(body) for bodies in till.by_key.values() for body in bodies]
    effects = Counter((each["number"], each["at"]) for each in made)
    expected = {
        (number, at)
        for number in numbers
        for at in range(1, CALLS + 1)
        if not (at == 4 and is_refused(number))
    }
    assert set(effects) == expected
    assert set(effects.values()) == {1}, "an effect has two keys"


def check_ends(site: Site, calm: range, killed: range) -> None:
    expected, found = site.ends(calm), site.ends(killed)
    assert len(expected) == len(found) == COUNT
    for number, end in found.items():
        assert end[:2] == ("completed", "settled"), number
        like = next(each for each in calm if is_refused(each) == is_refused(number))
        assert end == expected[like], number
        assert ("A person refused this call: Not this one." in end[3]) == is_refused(number)
