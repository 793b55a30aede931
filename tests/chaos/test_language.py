"""Language models are asked while workers are killed: the same end, and nothing asked twice.

A call is paid for. What is on disk as answered is not asked again, whatever dies in between.
"""

import json
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest

from tests import servers
from tests.console import console
from tests.language_server import LanguageServer, Turn, language_server
from tests.servers import Countersign
from tests.waiting import until


class Asked(Protocol):
    """A server that counts its calls by their keys."""

    requests: Counter[str]

    @property
    def url(self) -> str: ...

    @property
    def host(self) -> str: ...


COUNT = 200
KILLS_AT = (0.2, 0.5, 0.8)
pytestmark = [pytest.mark.own_servers, pytest.mark.timeout(600)]

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"team": {"enum": ["cards", "loans"]}, "amount": {"type": "integer"}},
    "required": ["team", "amount"],
}
PREPARE = """
from tests.driving import start
from tests.factories.connections import make_connection
from tests.factories.probes import publish_flow
make_connection("support", kind="openai", address=URL)
ask = {"type": "llm.chat", "model": "support", "schema": SCHEMA}
flow = publish_flow(
    "ask -> check", "check -> done", "ask.error -> failed", "check.error -> failed", name="asks",
    ask={**ask, "user": "Ticket ${ input.number }. ${ input.text }"},
    check={**ask, "user": "Is ${ steps.ask.output.text } right for ${ input.number }?"},
    done={"type": "end", "outcome": "answered", "output": "${ steps.check.output.answer }"},
    failed={"type": "end", "outcome": "failed"},
)
texts = ["talks", "rambles", *["is well"] * 6]
for number in range(COUNT):
    start(flow, {"number": number, "text": texts[number % 8]})
"""


def prepare(folder: Path, server: Asked, code: str, **settings: str) -> None:
    """Start all runs, which wait for a worker."""
    given = f"URL, SCHEMA, COUNT = {server.url!r}, {SCHEMA!r}, {COUNT}\n"
    with console(folder, **settings) as opened:
        opened.run(given + code)


@dataclass
class Site:
    """An installation whose workers are killed. ``query`` reads what is on disk."""

    query: Callable[[str], list[tuple[Any, ...]]]
    start: Callable[[], Countersign]
    kills: int = 0
    worker: Countersign | None = None

    def go(self) -> None:
        self.worker = self.start()

    def kill(self) -> None:
        assert self.worker is not None
        self.worker.kill()
        self.kills += 1

    def is_over(self) -> bool:
        return self.query("SELECT count(*) FROM flows_run WHERE finished_at IS NULL") == [(0,)]

    def ends(self) -> dict[int, tuple[Any, ...]]:
        """Return how each run ended, by its number: status, outcome, and its last answer."""
        rows = self.query(
            "SELECT run.input, run.status, run.outcome, last.data FROM flows_run run "
            "LEFT JOIN flows_journal last ON last.run_id = run.id "
            "AND last.kind = 'step.finished' AND last.step IN ('done', 'failed')"
        )
        return {
            _read(given)["number"]: (status, outcome, _read(data)["output"])
            for given, status, outcome, data in rows
        }

    def list_done(self) -> Counter[str]:
        """Count, by idempotency key, the activations that are on disk as over."""
        rows = self.query(
            "SELECT run_id, token_id, activation FROM flows_journal "
            "WHERE kind IN ('step.finished', 'step.failed') AND step IN ('ask', 'check')"
        )
        return Counter(f"run-{run}-{token}-{activation}" for run, token, activation in rows)


def _read(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


@pytest.fixture
def server() -> Iterator[LanguageServer]:
    with language_server() as running:
        running.default = Turn(delay_seconds=0.01)
        running.script("talks", Turn(text="The cards team."), Turn())
        running.script("rambles", Turn(text="The cards team."))
        yield running


@contextmanager
def embedded(like: Path, folder: Path, server: Asked, code: str = PREPARE) -> Iterator[Site]:
    """One process with everything in it, on SQLite."""
    shutil.copytree(like, folder)
    settings, port = {"OUTGOING_ALLOWLIST": server.host}, servers.free_port()
    prepare(folder, server, code, **settings)

    def query(sql: str) -> list[tuple[Any, ...]]:
        path = f"file:{folder / 'countersign.sqlite3'}?mode=ro"
        with closing(sqlite3.connect(path, uri=True, timeout=30)) as connection:
            return connection.execute(sql).fetchall()

    with ExitStack() as running:
        site = Site(
            query, lambda: running.enter_context(servers.serve(folder, port=port, **settings))
        )
        yield site
        site.kill()


@contextmanager
def production(like: Path, redis_url: str, server: Asked, code: str = PREPARE) -> Iterator[Site]:
    """A worker process and a clock, on PostgreSQL and Redis."""
    with ExitStack() as running:
        url = running.enter_context(servers.postgresql(like=like))
        folder = running.enter_context(servers.private_folder())
        settings = {
            "DATABASE_URL": url, "REDIS_URL": redis_url, "OUTGOING_ALLOWLIST": server.host,
        }  # fmt: skip
        prepare(folder, server, code, **settings)
        running.enter_context(servers.command(folder, "clock", **settings))
        database = running.enter_context(psycopg.connect(url, autocommit=True))

        def query(sql: str) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in database.execute(sql).fetchall()]

        def start() -> Countersign:
            worker = servers.command(folder, "worker", "--processes", "1", **settings)
            return running.enter_context(worker)

        yield Site(query, start)


def check(site: Site, server: Asked, steps: int = 2 * COUNT) -> None:
    """Kill the worker on the way, and check that no call was made again and no step lost.

    About so many steps ask.
    """
    settled: dict[str, int] = {}
    site.go()
    for share in KILLS_AT:
        until(
            lambda: sum(site.list_done().values()) >= share * steps,  # noqa: B023
            f"{share:.0%} of the answers",
            patience_seconds=180,
        )
        site.kill()
        asked = count_calls(server)
        settled |= {key: asked[key] for key in site.list_done()}
        site.go()
    until(site.is_over, "the end of all runs", patience_seconds=180)
    done = site.list_done()
    assert set(done.values()) == {1}, "a step ended twice"
    asked = count_calls(server)
    assert set(asked) == set(done), "a call belongs to no step"
    again = {key for key, before in settled.items() if asked[key] != before}
    assert not again, "a call was made again after its answer was on disk"
    check_costs(site, server)
    extra = sum(server.requests.values()) - len(server.requests)
    print(  # noqa: T201 - seen with -s
        f"{site.kills} kills: {len(done)} steps, {len(server.requests)} calls, "
        f"{len(settled)} settled at a kill, {extra} repeated that were in flight"
    )


def check_costs(site: Site, server: Asked) -> None:
    """Check that the cost of each attempt is known, or counted as unknown, and never both."""
    key = "run_id, token_id, activation, fence"
    known = set(site.query(f"SELECT {key} FROM spending_charge"))
    unknown = site.query(f"SELECT {key} FROM spending_unanswered")
    assert len(unknown) == len(set(unknown))
    assert not known & set(unknown)
    lost = {f"run-{run}-{token}-{activation}" for run, token, activation, _ in unknown}
    repeated = {_activation(key) for key, count in server.requests.items() if count > 1}
    assert repeated <= lost, "a call that was lost is not counted"


def _activation(key: str) -> str:
    return re.sub(r"-[a-z0-9]+$", "", key)


def count_calls(server: Asked) -> Counter[str]:
    """Count the calls by the activation that made them."""
    calls: Counter[str] = Counter()
    for key, count in list(server.requests.items()):
        calls[_activation(key)] += count
    return calls


def check_ends(site: Site) -> None:
    ends = site.ends()
    assert len(ends) == COUNT
    for number, (status, outcome, output) in ends.items():
        assert status == "completed", number
        if number % 8 == 1:  # rambles
            assert outcome == "failed", number
        else:
            assert outcome == "answered", number
            assert output["team"] in {"cards", "loans"}
            assert isinstance(output["amount"], int)


def test_killed_on_the_embedded_default_it_ends_as_if_undisturbed(
    server: LanguageServer, migrated_folder: Path, tmp_path: Path
) -> None:
    with embedded(migrated_folder, tmp_path / "calm", server) as calm:
        calm.go()
        until(calm.is_over, "the end of all runs", patience_seconds=180)
        expected = calm.ends()
    server.requests.clear()
    server.answered.clear()
    with embedded(migrated_folder, tmp_path / "killed", server) as site:
        check(site, server)
        check_ends(site)
        assert site.ends() == expected


def test_killed_on_postgresql_it_ends_whole(
    server: LanguageServer, migrated_postgresql: Path, redis_url: str
) -> None:
    with production(migrated_postgresql, redis_url, server) as site:
        check(site, server)
        check_ends(site)
