"""A changed prompt over recorded runs: recorded answers first, the missing ones under a budget."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from flows.assets.models import Asset
from flows.backtest.models import Backtest, BacktestRun
from flows.backtest.selectors import choose_runs, count_answers, list_flipped_runs
from flows.backtest.services import Choice, choose_again, play_part, start_backtest
from flows.graph.codec import parse
from flows.models import Flow, RecordedAnswer, Run
from flows.selectors.run_filters import RunFilters
from flows.services import create_flow
from flows.spending.models import Spent
from tests.driving import driving, start
from tests.factories.connections import make_connection
from tests.factories.people import ACTOR
from tests.factories.prompts import make_prompt, publish_again, reword
from tests.language_server import LanguageServer, Turn, language_server
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)
PRICES = {"price_input": "0.5", "price_output": "1.5"}
TOPICS = ("card", "payment", "other")


@pytest.fixture(scope="module")
def running() -> Iterator[LanguageServer]:
    with language_server() as server:
        yield server


@pytest.fixture
def server(running: LanguageServer, settings: Any) -> LanguageServer:
    settings.OUTGOING_ALLOWLIST = [running.host]
    running.forget()
    make_connection("support", kind="openai", address=running.url, **PRICES)
    return running


def say(server: LanguageServer, wording: str, letter: str, topic: str) -> None:
    """Let the model sort this letter so, when it is asked in this wording."""
    server.script(f"{wording} <{letter}>", Turn(json={"topic": topic}))


def make_letters_flow(name: str = "letters", **ask: Any) -> Flow:
    cases = [
        {"port": topic, "when": f"steps.sort.output.answer.topic == '{topic}'"}
        for topic in TOPICS[:-1]
    ]
    asking = {"model": "support", "prompt": "triage", "variables": {"letter": "${ input.letter }"}}
    steps = {
        "sort": {"type": "llm.chat", "with": {**asking, **ask}},
        "route": {"type": "branch", "with": {"cases": cases, "otherwise": "other"}},
        **{topic: {"type": "end", "with": {"outcome": topic}} for topic in TOPICS},
    }
    edges = ["sort.done -> route", *(f"route.{topic} -> {topic}" for topic in TOPICS)]
    edges += ["sort.error -> other"]
    head = {"schema": "countersign/flow@1", "name": name, "title": "Letters"}
    flow = create_flow(
        name=name, title="Letters", document=parse({**head, "steps": steps, "edges": edges}),
        author=None, actor=ACTOR, now=timezone.now(),
    )  # fmt: skip
    publish_again(flow)
    flow.refresh_from_db()
    return flow


def make_letters_prompt() -> Asset:
    parts = [{"role": "user", "text": "First <{letter}>"}]
    return make_prompt(
        parts=parts, examples=[], tests=[], variables={"letter": {"type": "string", "sample": "x"}}
    )


def run_all(flow: Flow, letters: list[str]) -> list[Run]:
    runs = [start(flow, {"letter": letter}) for letter in letters]
    with driving(riders=8):
        running = Run.objects.filter(flow=flow, status="running")
        until(lambda: not running.exists(), "the runs to end", patience_seconds=120)
    for run in runs:
        run.refresh_from_db()
        assert run.status == "completed", run.error
    return runs


def backtest(flow: Flow, *, calls: int = 0, cost: float = 0.0, **more: Any) -> Backtest:
    flow.refresh_from_db()
    run_ids = choose_runs(flow, RunFilters(flow=flow.name), most=1_000)
    choice = Choice(run_ids, "all", calls_allowed=calls, cost_allowed=cost, **more)
    return play(start_backtest(
        flow=flow, choice=choice, author=None, now=timezone.now(), queued=False
    ))  # fmt: skip


def play(made: Backtest) -> Backtest:
    while play_part(backtest_id=made.pk, now=timezone.now(), queued=False):
        pass
    made.refresh_from_db()
    return made


def answers_of(made: Backtest) -> tuple[int, int, int, int]:
    found = count_answers(made)
    return found.recorded, found.asked, found.missing, found.stale


def test_200_recorded_runs_are_asked_once_and_then_free_and_the_flips_are_exact(
    server: LanguageServer,
) -> None:
    letters = [f"Letter {at:03}" for at in range(200)]
    before = {letter: TOPICS[at % 3] for at, letter in enumerate(letters)}
    after = {letter: TOPICS[at % 7 % 3] for at, letter in enumerate(letters)}
    for letter in letters:
        say(server, "First", letter, before[letter])
        say(server, "Second", letter, after[letter])
    prompt, flow = make_letters_prompt(), make_letters_flow()
    runs = run_all(flow, letters)
    assert [run.outcome for run in runs] == list(before.values())
    reword(prompt, "Second <{letter}>")
    server.requests.clear()

    unasked = backtest(flow)
    assert answers_of(unasked) == (200, 0, 200, 0)
    assert unasked.summary["kinds"]["unanswered"] == 200
    assert list_flipped_runs(unasked) == []
    assert not server.requests

    began = time.perf_counter()
    first = play(start_backtest(
        flow=flow, choice=choose_again(unasked, calls=200, cost=1_000.0), author=None,
        now=timezone.now(), queued=False,
    ))  # fmt: skip
    asking = time.perf_counter() - began
    assert answers_of(first) == (200, 200, 0, 0)
    assert (first.calls_made, sum(server.requests.values())) == (200, 200)
    assert first.cost == pytest.approx(count_answers(unasked).price, rel=0.05)

    began = time.perf_counter()
    second = backtest(flow)
    recorded = time.perf_counter() - began
    assert answers_of(second) == (400, 0, 0, 0)
    assert (second.calls_made, sum(server.requests.values())) == (0, 200)

    flips = sorted(run.pk for run, at in zip(runs, letters, strict=True) if before[at] != after[at])
    assert 0 < len(flips) < 200
    assert list_flipped_runs(first) == list_flipped_runs(second) == flips
    rows = BacktestRun.objects.filter(backtest=second)
    named = {row.run_id: row.lanes["draft"]["verdict"] for row in rows}
    assert named == {run.pk: after[at] for run, at in zip(runs, letters, strict=True)}
    print(f"\n200 runs, prompt changed: asking 200 took {asking:.1f} s, "
          f"recorded answers {recorded:.1f} s, {len(flips)} flips")  # fmt: skip
    assert recorded < 60
