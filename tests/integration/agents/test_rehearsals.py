"""Backtests, trials and tests of flows with an agent: nothing is done, and little is asked."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from flows.backtest.models import Backtest, BacktestRun
from flows.backtest.selectors import count_answers
from flows.graph.codec import parse
from flows.models import Flow, Run
from flows.runtime.flow_tests import run_flow_tests
from flows.testing.trial import Trial, play_trial
from tests.driving import driving, ended, start
from tests.factories.cases import approve, decide, reject
from tests.factories.people import ACTOR
from tests.integration.agents import tools
from tests.integration.agents.agent_flows import LOOK, LOOK_UP, TOOLS, publish, wait_for_case
from tests.integration.backtest import kit
from tests.language_server import LanguageServer, Turn

pytestmark = pytest.mark.django_db(transaction=True)
PAY: dict[str, Any] = {
    "name": "pay",
    "description": "Pay money back.",
    "type": "python",
    "with": {"function": f"{TOOLS}:pay"},
}
CALL = ("pay", {"order": "A-7", "amount": 40.0})


def record(office: LanguageServer, *decisions: Any, **tool: Any) -> Flow:
    """Run an agent that looks an order up and pays, once for each decision, None without one."""
    office.script(
        "Settle order", Turn(calls=[LOOK]), Turn(calls=[CALL]), Turn(json={"said": "Paid."})
    )
    flow = publish(LOOK_UP, {**PAY, **tool})
    for decision in decisions:
        run = start(flow, {"wish": "Please."})
        with driving():
            if decision is not None:
                decide(wait_for_case(), "ada", decision)
            ended(run)
    office.requests.clear()
    tools.forget()
    return flow


def draft_of(flow: Flow, **config: Any) -> dict[str, Any]:
    """Return the draft with other fields of the agent."""
    agent = flow.draft["steps"]["agent"]
    changed = {**agent, "with": {**agent["with"], **config}}
    return {**flow.draft, "steps": {**flow.draft["steps"], "agent": changed}}


def lanes_of(made: Backtest) -> list[dict[str, Any]]:
    return [row.lanes for row in BacktestRun.objects.filter(backtest=made).order_by("run_id")]


def test_an_unchanged_agent_is_played_from_its_record_and_does_nothing(
    office: LanguageServer,
) -> None:
    flow = record(office, approve(), reject(comment="No."), ask="always")
    made = kit.backtest(flow)
    assert (made.summary["kinds"]["same"], made.summary["noisy"]) == (2, 0)
    assert [each["draft"]["people"] for each in lanes_of(made)] == [1, 1]
    assert [each["recorded"]["people"] for each in lanes_of(made)] == [1, 1]
    assert made.summary["assumed"] == {}
    assert (not office.requests, tools.paid) == (True, [])
    answers = count_answers(made)
    assert (answers.recorded > 0, answers.asked, answers.missing) == (True, 0, 0)


def test_the_same_turns_with_fewer_questions_to_people_need_no_model(
    office: LanguageServer,
) -> None:
    flow = record(office, approve(), ask="always")
    when = {**PAY, "ask": "when", "when": "item.amount > 100.0"}
    made = kit.backtest(flow, draft_of(flow, tools=[LOOK_UP, when]))
    assert (made.summary["kinds"]["rerouted"], made.summary["answers"]["missing"]) == (1, 0)
    [lanes] = lanes_of(made)
    assert (lanes["baseline"]["people"], lanes["draft"]["people"]) == (1, 0)
    assert lanes["draft"]["verdict"] == "settled"
    assert (not office.requests, tools.paid) == (True, [])


def test_a_question_that_nobody_was_asked_stops_the_draft_there(office: LanguageServer) -> None:
    flow = record(office, None)
    asking = {**PAY, "ask": "always"}
    draft = draft_of(
        flow, tools=[LOOK_UP, asking], review={"queue": "underwriting", "sla": "standard"}
    )
    draft["steps"]["by_hand"] = {"type": "end", "with": {"outcome": "by_hand"}}
    draft["edges"] = [*draft["edges"], "agent.taken_over -> by_hand"]
    made = kit.backtest(flow, draft)
    [lanes] = lanes_of(made)
    assert (lanes["draft"]["verdict"], lanes["draft"]["people"]) == ("waits at agent", 1)
    assert (not office.requests, tools.paid) == (True, [])


def test_another_goal_is_another_question(office: LanguageServer) -> None:
    flow = record(office, None)
    draft = draft_of(flow, goal="Settle order A-7 kindly. ${ input.wish }")
    missing = kit.backtest(flow, draft)
    assert missing.summary["kinds"]["unanswered"] == 1
    assert missing.summary["answers"]["missing"] == 1
    assert lanes_of(missing)[0]["draft"]["verdict"] == "answer missing at agent"

    office.script("kindly", Turn(calls=[CALL]), Turn(json={"said": "Kindly paid."}))
    asked = kit.backtest(flow, draft, calls_allowed=5)
    assert asked.calls_made == sum(office.requests.values()) == 2
    assert lanes_of(asked)[0]["draft"]["verdict"] == "settled"
    assert tools.paid == []

    again = kit.backtest(flow, draft)
    assert (again.calls_made, sum(office.requests.values())) == (0, 2)
    assert lanes_of(again)[0]["draft"]["verdict"] == "settled"


def test_a_tool_with_effects_that_was_not_called_so_is_assumed_and_not_called(
    office: LanguageServer,
) -> None:
    flow = record(office, None)
    draft = draft_of(flow, goal="Settle order A-7 kindly.")
    office.script(
        "kindly", Turn(calls=[("pay", {"order": "A-7", "amount": 9.0})]), Turn(json={"said": "9."})
    )
    made = kit.backtest(flow, draft, calls_allowed=5)
    assert made.summary["assumed"] == {"agent": 1}
    assert tools.paid == []


def test_time_that_went_by_since_ends_no_agent(office: LanguageServer) -> None:
    flow = record(office, None)
    Run.objects.update(started_at=timezone.now() - timedelta(days=30))
    made = kit.backtest(flow, draft_of(flow, limits={"turns": 9, "seconds": 3600}))
    assert lanes_of(made)[0]["draft"]["verdict"] == "settled"
    assert not office.requests


# --- In the editor -------------------------------------------------------------------------


def test_a_trial_stands_in_for_the_agent_and_asks_nobody(office: LanguageServer) -> None:
    flow = record(office, ask="always")
    made = play_trial(
        flow.draft, Trial(input_text='{"wish": "Please."}'), actor=ACTOR, now=timezone.now()
    )
    assert (made.status, made.outcome) == ("completed", "settled")
    assert (made.path[0].step, made.path[0].assumed) == ("agent", True)
    assert made.output == {"said": {"said": ""}}
    assert (not office.requests, tools.paid) == (True, [])
    pinned = Trial(
        input_text='{"wish": ""}',
        pins={"agent": {"port": "taken_over", "output": {"result": None}}},
    )
    made = play_trial(flow.draft, pinned, actor=ACTOR, now=timezone.now())
    assert made.outcome == "by_hand"


def test_a_test_of_the_flow_says_that_the_agent_needs_a_stub(office: LanguageServer) -> None:
    flow = record(office, ask="always")
    output = {"result": {"said": "Ok."}, "turns": 1, "calls": 0, "tokens": 1, "cost": 0, "run": 1}
    tests = [
        {"name": "bare", "input": {"wish": ""}, "expect": {"outcome": "settled"}},
        {
            "name": "stubbed", "input": {"wish": ""}, "stubs": {"agent": {"output": output}},
            "expect": {"outcome": "settled", "output": {"said": {"said": "Ok."}}},
        },
    ]  # fmt: skip
    bare, stubbed = run_flow_tests(parse({**flow.draft, "tests": tests}), now=timezone.now())
    assert stubbed.problems == ()
    assert "waiting at agent" in bare.problems[0]
    assert "stub" in bare.problems[0]
    assert (not office.requests, tools.paid) == (True, [])
