"""A changed prompt over recorded runs: recorded answers first, the missing ones under a budget."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F
from django.utils import timezone

from flows.assets.contents import CONTENTS
from flows.assets.models import Asset
from flows.backtest import services
from flows.backtest.models import Backtest, BacktestRun
from flows.backtest.selectors import choose_runs, count_answers, list_flipped_runs
from flows.backtest.services import Choice, choose_again, play_part, start_backtest
from flows.connections.known import KNOWN
from flows.connections.models import Connection
from flows.graph.codec import parse
from flows.models import Flow, RecordedAnswer, Run
from flows.runtime.program import forget_programs
from flows.runtime.recalling import find_record
from flows.selectors.run_filters import RunFilters
from flows.services import create_flow
from flows.spending.models import Spent
from flows.testing.trial import Trial, play_trial
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
    print(  # noqa: T201 - the figures are what is asked for
        f"\n200 runs, prompt changed: asking 200 took {asking:.1f} s, recorded answers "
        f"{recorded:.1f} s, {len(flips)} flips"
    )
    assert recorded < 60


# --- What is missing, and what may be asked -----------------------------------------------


@pytest.fixture
def changed(server: LanguageServer) -> Flow:
    """A flow with six recorded runs whose prompt was changed since: each letter flips."""
    prompt, flow = make_letters_prompt(), make_letters_flow()
    server.script("First <", Turn(json={"topic": "card"}))
    server.script("Second <", Turn(json={"topic": "payment"}))
    run_all(flow, [f"Letter {at}" for at in range(6)])
    reword(prompt, "Second <{letter}>")
    server.requests.clear()
    return flow


def test_past_the_calls_allowed_the_rest_is_missing_and_no_flip(
    server: LanguageServer, changed: Flow
) -> None:
    made = backtest(changed, calls=4)
    assert answers_of(made) == (6, 4, 2, 0)
    assert (made.calls_made, sum(server.requests.values())) == (4, 4)
    kinds = made.summary["kinds"]
    assert (kinds["flipped"], kinds["unanswered"], made.summary["assumed"]) == (4, 2, {})
    assert made.summary["matrix"] == {"card": {"payment": 4}}
    assert answers_of(backtest(changed, calls=4)) == (10, 2, 0, 0)


def test_no_call_begins_once_the_cost_is_spent(server: LanguageServer, changed: Flow) -> None:
    each = (count_answers(backtest(changed)).price or 0.0) / 6
    made = backtest(changed, calls=100, cost=2.5 * each)
    assert made.calls_made == sum(server.requests.values()) == 3
    assert made.cost == pytest.approx(3 * each, rel=0.1)
    assert answers_of(made) == (6, 3, 3, 0)


def test_what_a_backtest_asks_is_counted_as_spent_by_the_flow_once(
    server: LanguageServer, changed: Flow
) -> None:
    before = sum(Spent.objects.filter(payer="flow").values_list("cost", flat=True))
    made = backtest(changed, calls=6)
    backtest(changed)
    after = sum(Spent.objects.filter(payer="flow").values_list("cost", flat=True))
    assert float(after - before) == pytest.approx(made.cost)


def test_a_model_that_is_away_makes_answers_missing_and_no_flips(
    server: LanguageServer, changed: Flow
) -> None:
    server.script("Second <", Turn(status=503))
    made = backtest(changed, calls=4)
    assert (made.calls_made, sum(server.requests.values())) == (4, 4), "failed calls count"
    assert answers_of(made) == (6, 0, 6, 0)
    assert (made.summary["kinds"]["flipped"], made.summary["kinds"]["unanswered"]) == (0, 6)
    assert not RecordedAnswer.objects.filter(run=None).exists()


def test_an_answer_that_does_not_fit_is_an_answer_and_recorded(
    server: LanguageServer, changed: Flow
) -> None:
    server.script("Second <", Turn(json={"topic": "weather"}))
    first = backtest(changed, calls=12)
    assert (first.calls_made, first.summary["kinds"]["flipped"]) == (12, 6), "with a repair each"
    assert first.summary["matrix"] == {"card": {"other": 6}}
    second = backtest(changed)
    assert (second.calls_made, second.summary["matrix"]) == (0, {"card": {"other": 6}})


def test_samples_of_an_agreement_are_recorded_each(server: LanguageServer) -> None:
    how = {"how": "agreement", "samples": 3}
    prompt, flow = make_letters_prompt(), make_letters_flow(confidence=how)
    server.script("<", Turn(json={"topic": "card"}))
    run_all(flow, ["Letter"])
    reword(prompt, "Second <{letter}>")
    assert answers_of(backtest(flow, calls=3)) == (1, 3, 0, 0)
    assert answers_of(backtest(flow)) == (4, 0, 0, 0)


# --- Whose answers they are ----------------------------------------------------------------


def test_another_flow_is_not_given_the_answers_of_this_one(
    server: LanguageServer, changed: Flow
) -> None:
    backtest(changed, calls=6)
    found = RecordedAnswer.objects.filter(run=None)
    assert {each.flow for each in found} == {"letters"}
    assert find_record("letters", found[0].digest) is not None
    assert find_record("other", found[0].digest) is None
    other = make_letters_flow("other")
    other.versions.update(pins={"prompt/triage": 1})
    forget_programs()
    run_all(other, ["Letter 0"])
    assert answers_of(backtest(other)) == (1, 0, 1, 0)


def test_a_flow_that_may_not_ask_the_model_any_more_is_not_given_its_answers(
    server: LanguageServer, changed: Flow
) -> None:
    backtest(changed, calls=6)
    Connection.objects.update(flows=["another"], revision=F("revision") + 1)
    KNOWN.forget()
    made = backtest(changed, calls=6)
    rows = BacktestRun.objects.filter(backtest=made)
    assert {row.lanes["draft"]["verdict"] for row in rows} == {"other"}, "by the error port"
    assert made.calls_made == 0


def test_answers_from_before_a_change_of_the_connection_are_told_as_stale(
    server: LanguageServer, changed: Flow
) -> None:
    backtest(changed, calls=6)
    assert answers_of(backtest(changed)) == (12, 0, 0, 0)
    Connection.objects.update(changed_at=timezone.now())
    KNOWN.forget()
    assert answers_of(backtest(changed)) == (12, 0, 0, 12)


def test_an_answer_of_one_run_serves_another_with_the_same_question(
    server: LanguageServer,
) -> None:
    prompt, flow = make_letters_prompt(), make_letters_flow()
    server.script("<", Turn(json={"topic": "card"}))
    run_all(flow, ["Same"])
    reword(prompt, "Second <{letter}>")
    publish_again(flow)
    flow.refresh_from_db()
    run_all(flow, ["Same"])
    found = answers_of(backtest(flow))
    assert (found[0] > 0, found[1:]) == (True, (0, 0, 0))


def test_an_answer_goes_with_the_run_whose_it_is(server: LanguageServer, changed: Flow) -> None:
    backtest(changed)
    assert RecordedAnswer.objects.count() == 6
    Run.objects.filter(flow=changed).latest("pk").delete()
    assert RecordedAnswer.objects.count() == 5


def test_what_a_trial_in_the_editor_is_answered_is_recorded(
    server: LanguageServer, changed: Flow
) -> None:
    # A trial takes what is released, as a draft is pinned to nothing; a process knows that a while.
    CONTENTS.forget()
    trial = Trial(input_text='{"letter": "Letter 0"}')
    play_trial(changed.draft, trial, actor=ACTOR, now=timezone.now())
    assert sum(server.requests.values()) == 1
    assert answers_of(backtest(changed)) == (7, 0, 5, 0)


def test_a_part_that_dies_has_written_down_what_it_paid_for(
    server: LanguageServer, changed: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*args: Any, **rest: Any) -> None:
        raise KeyboardInterrupt

    run_ids = choose_runs(changed, RunFilters(flow=changed.name), most=1_000)
    made = start_backtest(
        flow=changed, choice=Choice(run_ids, "all", calls_allowed=100), author=None,
        now=timezone.now(), queued=False,
    )  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(services, "_store_part", die)
        with pytest.raises(KeyboardInterrupt):
            play_part(backtest_id=made.pk, now=timezone.now(), queued=False)
    made.refresh_from_db()
    assert (made.done, made.calls_made) == (0, 6)
    assert answers_of(play(made)) == (12, 0, 0, 0)
    assert sum(server.requests.values()) == 6


def test_the_command_tells_what_is_missing_and_fails_where_it_cannot_be_told(
    server: LanguageServer, changed: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        call_command("flow", "backtest", "letters", "--fail-on-flips")
    out = capsys.readouterr().out
    assert "Answers of models: 6 recorded (0 before" in out
    assert "6 missing, asking costs about 0." in out
    assert "6 runs cannot be compared without them: allow calls" in out
    call_command("flow", "backtest", "letters", "--calls", "6", "--cost", "10")
    assert "6 asked (cost 0." in capsys.readouterr().out
    call_command("flow", "backtest", "letters", "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["answers"]["recorded"] == 12
    assert len(found["flipped"]) == 6
