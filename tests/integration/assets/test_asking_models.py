"""Tests of prompts that ask a model in the background: budget, stop, and workers that die."""

import threading
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from flows.assets import asking
from flows.assets.asking import play_tests, start_test_run, stop_test_run
from flows.assets.errors import TestsUnderWay
from flows.assets.kinds import TestBudget
from flows.assets.models import Asset, AssetTestRun
from flows.models import RecordedAnswer
from flows.spending.models import Spent
from flows.steps import language
from flows.steps.base import StepFailure
from flows.steps.language import ChatAnswer, ChatRequest
from flows.steps.models import Provenance
from tests.driving import deliver_outbox
from tests.factories.people import ACTOR
from tests.factories.prompts import make_prompt
from workbench.dispatch.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)
TESTS = [
    {
        "name": f"Letter {at}",
        "variables": {"letter": f"Letter {at}"},
        "expect": [{"kind": "schema"}],
    }
    for at in range(5)
]


class Small:
    """A model for 0.5 a call that can be told to die, or to fail."""

    name = "test-small"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.dies_at: int | None = None
        self.fails = False

    def language_models(self) -> dict[str, str]:
        return {"small": "1"}

    def chat(self, request: ChatRequest) -> ChatAnswer:
        self.asked.append(request.messages[-1].text)
        if self.dies_at == len(self.asked):
            raise KeyboardInterrupt
        if self.fails:
            raise StepFailure("It is away.", kind="http")
        made = Provenance("connection", request.model, "1", cost=0.5)
        return ChatAnswer('{"topic": "card"}', (), "stop", made)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Small:
    made = Small()
    monkeypatch.setattr(language, "_PROVIDERS", {"test-small": made})
    return made


def begin(asset: Asset, *, calls: int = 100, cost: float = 0.0) -> AssetTestRun:
    budget = TestBudget("small", "", calls, cost)
    return start_test_run(
        asset=asset, budget=budget, author=None, actor=ACTOR, now=timezone.now()
    )  # fmt: skip


def finish(run: AssetTestRun) -> AssetTestRun:
    while deliver_outbox(timezone.now()):
        pass
    run.refresh_from_db()
    return run


def states_of(run: AssetTestRun) -> list[str]:
    return [each["state"] for each in run.results]


def test_it_goes_on_part_by_part_to_the_end(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "PART_SECONDS", 0.0)
    run = begin(make_prompt(tests=TESTS))
    play_tests(run_id=run.pk, now=timezone.now())
    run.refresh_from_db()
    assert (run.state, run.done, run.calls_made) == ("running", 1, 1)
    run = finish(run)
    assert (run.state, run.done, run.calls_made, run.cost_made) == ("completed", 5, 5, 2.5)
    assert states_of(run) == ["passed"] * 5
    assert len(small.asked) == 5
    spent = Spent.objects.get(payer="connection", name="small")
    assert float(spent.cost) == 2.5


def test_past_its_calls_or_its_cost_no_call_begins(small: Small) -> None:
    asset = make_prompt(tests=TESTS)
    run = finish(begin(asset, calls=2))
    assert (run.calls_made, states_of(run)) == (2, ["passed"] * 2 + ["skipped"] * 3)
    run = finish(begin(asset, cost=0.75))
    assert (run.cost_made, states_of(run)) == (1.0, ["passed"] * 2 + ["skipped"] * 3)
    small.fails = True
    run = finish(begin(asset, calls=3))
    assert (run.calls_made, states_of(run)) == (3, ["failed"] * 3 + ["skipped"] * 2)


def test_a_worker_that_dies_pays_for_nothing_twice_and_another_goes_on(small: Small) -> None:
    run = begin(make_prompt(tests=TESTS))
    small.dies_at = 4
    with pytest.raises(KeyboardInterrupt):
        play_tests(run_id=run.pk, now=timezone.now())
    run.refresh_from_db()
    assert (run.state, run.done, run.calls_made) == ("running", 0, 4)
    assert RecordedAnswer.objects.count() == 3

    run = finish(run)

    assert (run.state, run.done, states_of(run)) == ("completed", 5, ["passed"] * 5)
    # The three that were answered are not asked again; the one under way may have been paid for.
    assert (len(small.asked), run.calls_made, run.cost_made) == (6, 6, 2.5)
    assert small.asked.count(small.asked[0]) == 1


def test_other_tests_ask_anew(small: Small) -> None:
    asset = make_prompt(tests=TESTS)
    finish(begin(asset))
    finish(begin(asset))
    assert len(small.asked) == 10


def test_one_that_is_stopped_begins_no_further_call(small: Small) -> None:
    run = begin(make_prompt(tests=TESTS))
    reached, go_on = threading.Event(), threading.Event()

    def wait(request: ChatRequest, ask: Any = small.chat) -> ChatAnswer:
        reached.set()
        go_on.wait(20)
        return ask(request)  # type: ignore[no-any-return]

    small.chat = wait  # type: ignore[method-assign]

    def work() -> None:
        try:
            play_tests(run_id=run.pk, now=timezone.now())
        finally:
            connections.close_all()

    worker = threading.Thread(target=work)
    worker.start()
    assert reached.wait(20)
    stop_test_run(run_id=run.pk, actor=ACTOR, now=timezone.now())
    go_on.set()
    worker.join()
    run = finish(run)
    assert (run.state, len(small.asked), run.calls_made) == ("cancelled", 1, 1)
    assert states_of(run)[0] == "passed"


def test_an_error_of_ours_ends_it_and_is_told(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(request: ChatRequest) -> ChatAnswer:
        raise RuntimeError("Broken.")

    monkeypatch.setattr(small, "chat", break_off)
    run = begin(make_prompt(tests=TESTS))
    with pytest.raises(RuntimeError):
        play_tests(run_id=run.pk, now=timezone.now())
    run = finish(run)
    assert (run.state, run.error) == ("failed", "RuntimeError: Broken.")
    assert not Outbox.objects.exists()


def test_a_prompt_is_tested_once_at_a_time(small: Small) -> None:
    asset = make_prompt(tests=TESTS)
    begin(asset)
    with pytest.raises(TestsUnderWay):
        begin(asset)
    assert Outbox.objects.filter(job=asking.JOB).count() == 1
