"""Agents: turns and calls are activations, people decide about calls, limits hold."""

from typing import Any

import pytest

from flows.models import FlowVersion, Journal
from flows.services.errors import FlowInvalid
from flows.services.ledger_check import check_versions
from tests.driving import driving, ended, start
from tests.factories.cases import approve, decide, reject
from tests.integration.agents import tools
from tests.integration.agents.agent_flows import (
    LOOK,
    LOOK_UP,
    PAY,
    REFUND,
    TOOLS,
    child_of,
    decide_and_end,
    play,
    publish,
    start_asking,
    steps_of,
    wait_for_case,
)
from tests.language_server import LanguageServer, Turn

pytestmark = pytest.mark.django_db(transaction=True)
# --- Turns and calls -------------------------------------------------------------------


def test_an_agent_calls_its_tools_and_ends_with_a_result(server: LanguageServer) -> None:
    server.script(
        "Settle order", Turn(calls=[LOOK]), Turn(calls=[PAY]), Turn(json={"said": "Paid back."})
    )
    run = play(publish(LOOK_UP, REFUND))
    assert (run.status, run.outcome) == ("completed", "settled"), run.error
    assert run.output == {"said": {"said": "Paid back."}}
    assert tools.paid == [("A-7", 40.0)]
    agent = child_of(run)
    assert agent.version.part == "agent"
    assert steps_of(agent) == [
        "turn.look_up", "look_up.done", "told_look_up.done",
        "turn.refund", "refund.done", "told_refund.done", "turn.finished",
    ]  # fmt: skip
    assert agent.output["turns"] == 3
    assert agent.output["calls"] == 2
    assert agent.output["tokens"] > 0


def test_several_calls_of_one_turn_are_made_one_after_another(server: LanguageServer) -> None:
    server.script("Settle order", Turn(calls=[LOOK, PAY]), Turn(json={"said": "Done."}))
    run = play(publish(LOOK_UP, REFUND))
    assert run.outcome == "settled", run.error
    assert child_of(run).output["turns"] == 2
    assert tools.paid == [("A-7", 40.0)]


def test_the_result_can_come_by_the_tool_finish(server: LanguageServer) -> None:
    server.script("Settle order", Turn(calls=[("finish", {"said": "Nothing to do."})]))
    run = play(publish(LOOK_UP))
    assert run.output == {"said": {"said": "Nothing to do."}}


def test_without_a_schema_the_result_is_text(server: LanguageServer) -> None:
    server.script("Settle order", Turn(text="All is well."))
    assert play(publish(LOOK_UP, result={})).output == {"said": "All is well."}


# --- Bad answers -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (("fly", {}), "There is no tool 'fly'"),
        (("refund", {"order": "A-7"}), "The arguments do not fit"),
        (("refund", {"order": "A-7", "amount": "40"}), "The arguments do not fit"),
        (("refund", [1]), "not a JSON object"),
        (("refund", "{nonsense"), "not a JSON object"),
        (("finish", {"said": 5}), "The arguments do not fit"),
    ],
)
def test_a_call_that_cannot_be_made_is_answered_and_not_made(
    server: LanguageServer, bad: tuple[str, Any], told: str
) -> None:
    server.script("Settle order", Turn(calls=[bad]), Turn(json={"said": "Sorry."}))
    run = play(publish(REFUND))
    assert run.outcome == "settled", run.error
    assert tools.paid == []
    talk = Journal.objects.filter(run_id=child_of(run).pk, step="turn").order_by("-seq")[0].data
    assert any(told in each["text"] for each in talk["messages"] if each["role"] == "tool")


def test_a_result_that_does_not_fit_is_asked_for_again_and_then_fails(
    server: LanguageServer,
) -> None:
    server.script("Settle order", Turn(json={"said": 1}), Turn(json={"said": "Right."}))
    assert play(publish(LOOK_UP)).output == {"said": {"said": "Right."}}
    server.forget()
    server.script("Settle order", Turn(json={"said": 1}))
    run = play(publish(LOOK_UP, name="stubborn"))
    assert run.outcome == "failed"
    assert child_of(run).error["kind"] == "contract"


@pytest.mark.parametrize(
    ("turn", "kind"),
    [
        (Turn(calls=[PAY], finish="length"), "cut"),
        (Turn(refusal="I will not."), "refused_by_model"),
    ],
)
def test_a_cut_or_refused_turn_makes_no_call(server: LanguageServer, turn: Turn, kind: str) -> None:
    server.script("Settle order", turn)
    run = play(publish(REFUND))
    assert run.outcome == "failed"
    assert child_of(run).error["kind"] == kind
    assert tools.paid == []


def test_a_tool_that_fails_is_told_to_the_model(server: LanguageServer) -> None:
    server.script(
        "Settle order",
        Turn(calls=[("look_up", {"order": "gone"})]),
        Turn(calls=[LOOK]),
        Turn(json={"said": "Found it."}),
    )
    run = play(publish(LOOK_UP))
    assert run.outcome == "settled", run.error
    talk = Journal.objects.filter(run_id=child_of(run).pk, step="turn").order_by("-seq")[0].data
    answers = [each["text"] for each in talk["messages"] if each["role"] == "tool"]
    assert answers[0] == "The call failed: There is no such order."
    assert '"amount": 40.0' in answers[1]


# --- Limits ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "ended_by"),
    [({"turns": 3}, "turns"), ({"tokens": 1}, "tokens"), ({"cost": 0.001}, "cost")],
)
def test_a_limit_ends_the_agent_by_its_own_port(
    server: LanguageServer, limits: dict[str, Any], ended_by: str
) -> None:
    server.script("Settle order", Turn(calls=[LOOK]))
    run = play(publish(LOOK_UP, limits={"turns": 20, **limits}))
    assert run.outcome == "stuck"
    last = Journal.objects.filter(run_id=child_of(run).pk, step="turn").order_by("-seq")[0]
    assert last.data["ended"] == ended_by
    if ended_by == "turns":
        assert last.data["turns"] == 3


# --- People ----------------------------------------------------------------------------


def test_a_case_shows_goal_conversation_call_and_arguments(office: LanguageServer) -> None:
    run = start_asking(office)
    with driving():
        case = wait_for_case()
        shown = {group["title"]: group for group in case.shown["show"]}
        decide(case, "ada", approve())
        ended(run)
    fields = {each["key"]: each for each in shown["Arguments"]["fields"]}
    assert fields["amount"]["value"] == 40.0
    assert fields["amount"]["editable"] is True
    assert shown["Goal"]["text"] == "Settle order A-7. Please."
    assert ["Agent calls", 'refund {"amount": 40.0, "order": "A-7"}'] in shown[
        "Conversation so far"
    ]["table"]["rows"]


def test_an_approved_call_is_made_once(office: LanguageServer) -> None:
    run = decide_and_end(start_asking(office), approve())
    assert run.outcome == "settled", run.error
    assert tools.paid == [("A-7", 40.0)]


def test_a_person_changes_the_arguments_of_a_call(office: LanguageServer) -> None:
    answer = approve(fields={"amount": 15}, why={"amount": "Half was delivered."})
    decide_and_end(start_asking(office), answer)
    assert tools.paid == [("A-7", 15.0)]


def test_a_refused_call_is_never_made_and_the_model_reads_why(office: LanguageServer) -> None:
    run = decide_and_end(start_asking(office), reject(comment="Paid last week."))
    assert run.outcome == "settled", run.error
    assert tools.paid == []
    talk = Journal.objects.filter(run_id=child_of(run).pk, step="turn").order_by("-seq")[0].data
    assert "A person refused this call: Paid last week." in [m["text"] for m in talk["messages"]]


def test_a_person_takes_over(office: LanguageServer) -> None:
    run = decide_and_end(start_asking(office), reject(form={"take_over": True}))
    assert run.outcome == "by_hand"
    assert tools.paid == []


@pytest.mark.parametrize(("amount", "asks"), [(40.0, False), (400.0, True)])
def test_a_condition_on_the_arguments_decides_whether_people_are_asked(
    office: LanguageServer, amount: float, asks: bool
) -> None:
    tool = {**REFUND, "ask": "when", "when": "item.amount > 100.0"}
    call = ("refund", {"order": "A-7", "amount": amount})
    office.script("Settle order", Turn(calls=[call]), Turn(json={"said": "Then not."}))
    run = start(publish(tool), {"wish": "Please."})
    with driving():
        if asks:
            decide(wait_for_case(), "ada", reject(comment="No."))
        ended(run)
    assert tools.paid == ([] if asks else [("A-7", amount)])


# --- Publishing -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "config"),
    [
        ({**REFUND, "with": {"function": "nowhere:nothing"}}, {}),
        ({**REFUND, "name": "turn"}, {}),
        ({**REFUND, "type": "subflow", "with": {}}, {}),
        ({**REFUND, "with": {"function": f"{TOOLS}:refund", "args": {}}}, {}),
        ({**REFUND, "ask": "when"}, {}),
        ({**REFUND, "schema": {"type": "nonsense"}}, {}),
        (REFUND, {"result": {"type": "nonsense"}}),
        (REFUND, {"goal": ""}),
    ],
)
def test_an_agent_that_could_not_run_is_not_published(
    server: LanguageServer, tool: dict[str, Any], config: dict[str, Any]
) -> None:
    with pytest.raises(FlowInvalid):
        publish(tool, **config)
    assert not FlowVersion.with_parts.exists()


def test_the_agents_document_is_a_part_of_the_version_and_in_the_ledger(
    server: LanguageServer,
) -> None:
    flow = publish(LOOK_UP)
    assert [version.part for version in FlowVersion.with_parts.order_by("part")] == ["", "agent"]
    assert flow.versions.count() == 1
    assert list(check_versions()) == []
    part = FlowVersion.with_parts.get(part="agent")
    changed = {**part.document, "title": "Pay everything"}
    FlowVersion.with_parts.filter(pk=part.pk).update(document=changed)
    assert [fault.code for fault in check_versions()] == ["record-changed"]
