"""Backtests on the real engine and database: what flips, what is noise, what is left alone."""

import random
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from flows.backtest import services
from flows.backtest.models import Backtest, BacktestRun
from flows.backtest.selectors import RowFilter, list_flipped_runs, list_rows
from flows.backtest.services import Choice, cancel_backtest, play_part, start_backtest
from flows.connections.models import Connection
from flows.graph.codec import parse, to_mapping
from flows.models import FlowVersion, Journal, Run
from flows.runtime.program import forget_programs
from flows.services import release_version
from flows.services.errors import FlowInvalid
from flows.steps.models import LOCAL
from tests.driving import deliver_outbox, driving, ended, start
from tests.factories.connections import make_connection
from tests.factories.people import ACTOR
from tests.factories.probes import publish_flow
from tests.integration.backtest import kit
from tests.integration.connections.model_server import serving_a_model
from workbench.dispatch.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fresh_kit() -> None:
    forget_programs()
    kit.answers.clear()


def rows_of(backtest: Backtest) -> dict[int, BacktestRun]:
    return {row.run_id: row for row in list_rows(backtest, RowFilter(), most=1_000)[0]}


def test_a_moved_threshold_flips_exactly_the_runs_that_brute_force_says() -> None:
    flow = kit.loan(at=0.8)
    rng = random.Random(5)
    scores = [round(rng.random(), 3) for _ in range(60)]
    unsure = [i for i, p in enumerate(scores) if 0.3 <= p < 0.8]
    decide = {i: "no" if i % 2 else "yes" for i in unsure[: len(unsure) // 2]}
    runs = kit.record_runs(flow, scores, decide)

    made = kit.backtest(flow, kit.with_threshold(flow, 0.6))

    def outcome(index: int, at: float) -> str:
        if scores[index] >= at:
            return "granted"
        if scores[index] < 0.3:
            return "refused"
        said = decide.get(index)
        return {"yes": "granted", "no": "refused", None: "waits at desk"}[said]

    flips = [run.pk for i, run in enumerate(runs) if outcome(i, 0.6) != outcome(i, 0.8)]
    rerouted = [i for i in decide if scores[i] >= 0.6 and decide[i] == "yes"]
    assert len(flips) > 5
    assert list_flipped_runs(made) == flips
    assert made.summary["kinds"]["rerouted"] == len(rerouted)
    assert made.summary["noisy"] == 0
    assert made.summary["first"] == {"route": len(flips) + len(rerouted)}
    assert made.summary["lanes"]["draft"]["people_runs"] == sum(0.3 <= p < 0.6 for p in scores)
    assert made.summary["lanes"]["baseline"]["people_runs"] == len(unsure)


def test_a_backtest_sends_nothing_and_leaves_the_runs_as_they_are() -> None:
    flow = kit.loan()
    kit.record_runs(flow, [0.1, 0.9, 0.5])
    sent, before = len(mail.outbox), (Run.objects.count(), Journal.objects.count())
    kit.backtest(flow, kit.with_threshold(flow, 0.95))
    assert len(mail.outbox) == sent
    assert (Run.objects.count(), Journal.objects.count()) == before


def test_a_run_that_the_draft_newly_sends_to_people_waits_for_them() -> None:
    flow = kit.loan(at=0.8)
    [run] = kit.record_runs(flow, [0.85])
    row = rows_of(kit.backtest(flow, kit.with_threshold(flow, 0.9)))[run.pk]
    assert row.lanes["draft"]["verdict"] == "waits at desk"
    assert (row.lanes["baseline"]["people"], row.lanes["draft"]["people"]) == (0, 1)


def test_an_effect_that_was_never_recorded_is_told_as_assumed() -> None:
    flow = kit.loan(at=0.8)
    [run] = kit.record_runs(flow, [0.85])
    draft = kit.with_threshold(flow, 0.9)
    del draft["steps"]["desk"]
    kept = [edge for edge in draft["edges"] if not edge.startswith("desk")]
    draft["edges"] = [edge.replace("-> desk", "-> tell") for edge in kept]
    row = rows_of(kit.backtest(flow, draft))[run.pk]
    assert row.lanes["draft"]["verdict"] == "refused"
    assert row.lanes["draft"]["assumed"] == ["tell"]


def test_an_answer_of_a_model_comes_from_the_journal() -> None:
    flow = kit.loan()
    kit.record_runs(flow, [0.9, 0.9])
    kit.answers[:] = [0.1] * 4
    made = kit.backtest(flow)
    assert (made.summary["kinds"]["same"], made.calls_made) == (2, 0)
    assert len(kit.answers) == 4


@pytest.mark.parametrize("kept", ["in the journal", "of another backtest"])
def test_an_answer_of_another_version_of_the_model_is_not_taken(
    kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = kit.loan()
    kit.record_runs(flow, [0.9])
    draft = to_mapping(parse(flow.draft))
    if kept == "of another backtest":
        draft["steps"]["score"]["with"]["input"] = {"p": "${ double(input.p) - 0.5 }"}
        assert kit.backtest(flow, draft, calls_allowed=1).calls_made == 1
    assert kit.backtest(flow, draft).summary["kinds"]["unanswered"] == 0
    monkeypatch.setattr(LOCAL._models[kit.FUZZY], "version", "2")
    assert kit.backtest(flow, draft).summary["kinds"]["unanswered"] == 1
    assert kit.backtest(flow, draft, calls_allowed=9).calls_made >= 1
    assert kit.backtest(flow, draft).summary["kinds"]["unanswered"] == 0


def test_an_answer_from_before_a_change_of_the_connection_is_not_taken(settings: Any) -> None:
    with serving_a_model() as server:
        settings.OUTGOING_ALLOWLIST = [server.address]
        server.answer = {"p": 0.9}
        row = make_connection(address=server.url)
        ask = {"type": "model.infer", "model": "risk", "input": "${ input }"}
        flow = publish_flow("ask -> after", name="asking", ask=ask)
        with driving():
            ended(start(flow, {"p": 0.9}))
        assert kit.backtest(flow).summary["kinds"]["same"] == 1
        Connection.objects.filter(pk=row.pk).update(changed_at=timezone.now())
        assert kit.backtest(flow).summary["kinds"]["unanswered"] == 1
        assert kit.backtest(flow, calls_allowed=1).calls_made == 1
        made = kit.backtest(flow)
    assert (made.summary["kinds"]["same"], made.calls_made, len(server.asked)) == (1, 0, 2)


def test_a_model_that_is_asked_again_shows_as_noise_and_not_as_a_flip() -> None:
    flow = kit.loan()
    first, second = kit.record_runs(flow, [0.9, 0.9])
    kit.answers[:] = [0.1, 0.9]
    made = kit.backtest(flow, ask_again=True, calls_allowed=10)
    rows = rows_of(made)
    assert (rows[second.pk].noisy, rows[first.pk].noisy) == (True, False)
    assert made.summary["kinds"]["flipped"] == 0
    assert made.calls_made == 2


def test_past_the_calls_allowed_the_recorded_answers_are_taken() -> None:
    flow = kit.loan()
    kit.record_runs(flow, [0.9, 0.9, 0.9])
    kit.answers[:] = [0.1] * 9
    made = kit.backtest(flow, ask_again=True, calls_allowed=1)
    assert (made.calls_made, made.summary["noisy"]) == (1, 1)


def test_a_model_that_is_given_something_new_is_asked_only_within_the_budget() -> None:
    flow = kit.loan()
    kit.record_runs(flow, [0.9])
    draft = to_mapping(parse(flow.draft))
    draft["steps"]["score"]["with"]["input"] = {"p": "${ double(input.p) - 0.5 }"}
    none = kit.backtest(flow, draft)
    assert none.summary["kinds"] == {
        "flipped": 0, "rerouted": 0, "changed": 0, "same": 0, "unanswered": 1,
    }  # fmt: skip
    assert none.summary["assumed"] == {}
    asked = kit.backtest(flow, draft, calls_allowed=1)
    assert (asked.summary["kinds"]["flipped"], asked.calls_made) == (1, 1)
    again = kit.backtest(flow, draft)
    assert (again.summary["kinds"]["flipped"], again.calls_made) == (1, 0)


def test_what_the_release_changed_since_is_told_apart_from_what_the_draft_changes() -> None:
    flow = kit.loan(at=0.8)
    old, _ = kit.record_runs(flow, [0.75, 0.95])
    newer = FlowVersion.objects.create(
        flow=flow, number=2, document=kit.with_threshold(flow, 0.7), digest="2",
        published_at=timezone.now(),
    )  # fmt: skip
    release_version(version_id=newer.pk, actor=ACTOR, now=timezone.now())
    made = kit.backtest(flow, kit.with_threshold(flow, 0.9))
    row = rows_of(made)[old.pk]
    verdicts = [row.lanes[lane]["verdict"] for lane in ("recorded", "baseline", "draft")]
    assert verdicts == ["waits at desk", "granted", "waits at desk"]
    assert (row.noisy, row.kind) == (True, "flipped")


# --- Parts ---


def started(flow: Any, runs: list[Run], *, queued: bool) -> Backtest:
    choice = Choice([run.pk for run in runs], "these")
    return start_backtest(flow=flow, choice=choice, author=None, now=timezone.now(), queued=queued)


def test_a_worker_plays_it_part_by_part_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "PART_RUNS", 2)
    flow = kit.loan()
    runs = kit.record_runs(flow, [0.9, 0.1, 0.5, 0.9, 0.9])
    Outbox.objects.all().delete()
    made = started(flow, runs, queued=True)
    parts = 0
    while deliver_outbox(timezone.now()):
        parts += 1
    made.refresh_from_db()
    assert (made.state, made.done, parts) == ("completed", 5, 3)
    assert made.summary["runs"] == made.rows.count() == 5


def test_a_part_that_another_worker_has_played_meanwhile_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flow = kit.loan()
    made = started(flow, kit.record_runs(flow, [0.9, 0.1]), queued=False)
    real = services._play_runs

    def slow(*arguments: Any) -> Any:
        played = real(*arguments)
        monkeypatch.setattr(services, "_play_runs", real)
        play_part(backtest_id=made.pk, now=timezone.now(), queued=False)
        return played

    monkeypatch.setattr(services, "_play_runs", slow)
    assert play_part(backtest_id=made.pk, now=timezone.now(), queued=False) is False
    made.refresh_from_db()
    assert (made.summary["runs"], made.rows.count(), made.state) == (2, 2, "completed")


def test_a_stopped_backtest_keeps_what_it_has_and_plays_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(services, "PART_RUNS", 1)
    flow = kit.loan()
    made = started(flow, kit.record_runs(flow, [0.9, 0.1]), queued=False)
    assert play_part(backtest_id=made.pk, now=timezone.now(), queued=False) is True
    cancel_backtest(backtest_id=made.pk, actor=ACTOR, now=timezone.now())
    assert play_part(backtest_id=made.pk, now=timezone.now(), queued=False) is False
    made.refresh_from_db()
    assert (made.state, made.summary["runs"]) == ("cancelled", 1)
    with pytest.raises(services.BacktestEnded):
        cancel_backtest(backtest_id=made.pk, actor=ACTOR, now=timezone.now())


def test_a_run_that_is_gone_is_passed_over() -> None:
    flow = kit.loan()
    runs = kit.record_runs(flow, [0.9, 0.1])
    made = started(flow, runs, queued=False)
    Run.objects.filter(pk=runs[1].pk).delete()
    play_part(backtest_id=made.pk, now=timezone.now(), queued=False)
    made.refresh_from_db()
    assert (made.state, made.summary["runs"]) == ("completed", 1)


def test_a_draft_that_cannot_be_played_and_no_runs_are_refused() -> None:
    flow = kit.loan()
    with pytest.raises(services.NoRuns):
        started(flow, [], queued=False)
    runs = kit.record_runs(flow, [0.9])
    flow.draft = {**flow.draft, "steps": {"x": {"type": "no.such.type"}}, "edges": []}
    with pytest.raises(FlowInvalid):
        started(flow, runs, queued=False)
