"""The conversation of an agent's run, on its page, on its caller's page, and over HTTP."""

from typing import Any

import pytest

from flows.agents.talks import get_talk, is_agent
from flows.models import Run
from tests.driving import driving, ended, start
from tests.factories.cases import approve, decide, reject
from tests.factories.people import make_person, signed_in
from tests.integration.agents.agent_flows import (
    LOOK,
    LOOK_UP,
    PAY,
    REFUND,
    TOOLS,
    child_of,
    play,
    publish,
    wait_for_case,
)
from tests.language_server import LanguageServer, Turn
from tests.web.api import Api
from tests.web.pages import text_of
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db(transaction=True)
ASKING = {**REFUND, "ask": "always"}


def play_asking(office: LanguageServer, **answer: Any) -> Run:
    """Play an agent that looks an order up, twice calls for a refund, and is allowed one."""
    office.script(
        "Settle order",
        Turn(text="I look it up.", calls=[LOOK, ("look_up", {"order": 5})]),
        Turn(calls=[PAY]),
        Turn(calls=[("refund", {"order": "A-7", "amount": 99.0})]),
        Turn(json={"said": "<b>Paid</b> back."}),
    )
    run = start(publish(LOOK_UP, ASKING), {"wish": "<script>alert(1)</script>"})
    with driving():
        decide(wait_for_case(), "ada", reject(comment="Too <i>soon</i>."))
        decide(wait_for_case(), "ada", approve(fields={"amount": 9.0}, why={"amount": "Less."}))
        return ended(run)


def test_it_says_who_said_what_and_what_became_of_each_call(office: LanguageServer) -> None:
    agent = child_of(play_asking(office))
    talk = get_talk(agent)
    assert [each.who for each in talk.spoken] == ["system", "user", *["assistant"] * 4]
    first, second, third, last = talk.spoken[2:]
    assert (first.text, first.number, first.model) == ("I look it up.", 1, "assistant")
    assert first.tokens
    assert first.seconds is not None
    assert [(call.tool, call.state) for call in first.calls] == [
        ("look_up", "done"),
        ("look_up", ""),
    ]
    assert "The arguments do not fit" in str(first.calls[1].result)
    [refused], [made] = second.calls, third.calls
    assert (refused.decision, refused.state, refused.comment) == (
        "rejected",
        "refused",
        "Too <i>soon</i>.",
    )
    assert (made.decision, made.state, made.decided_by, made.changes) == (
        "approved",
        "done",
        "ada",
        1,
    )
    assert made.result == (
        'A person changed the arguments of this call to {"amount": 9.0, "order": "A-7"}\n'
        '{"refunded": 9.0}'
    )
    assert made.case_url.startswith("/")
    assert (talk.turns, talk.calls) == (4, 3)
    assert last.calls == []


def test_a_conversation_under_way_waits_for_a_person(office: LanguageServer) -> None:
    office.script("Settle order", Turn(calls=[PAY]), Turn(json={"said": "Paid."}))
    run = start(publish(ASKING), {"wish": "Please."})
    with driving():
        case = wait_for_case()
        [said] = [call for each in get_talk(child_of(run)).spoken for call in each.calls]
        page = text_of(signed_in(make_person("", Role.AUDITOR)).get(f"/runs/{child_of(run).pk}/"))
        decide(case, "ada", approve())
        ended(run)
    assert (said.decision, said.result) == ("waiting", None)
    assert said.case_label == f"Case {case.pk}"
    assert "Waits for a person" in page


def test_the_page_shows_it_escaped_and_links_the_case_for_whoever_sees_it(
    office: LanguageServer,
) -> None:
    run = play_asking(office)
    agent = child_of(run)
    auditor, outsider = make_person("", Role.AUDITOR), make_person("", Role.DESIGNER)
    shown = text_of(signed_in(auditor).get(f"/runs/{agent.pk}/"))
    assert "Conversation" in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "Too &lt;i&gt;soon&lt;/i&gt;." in shown
    assert "<script>alert" not in shown
    assert "/cases/" in text_of(signed_in(auditor).get(f"/runs/{agent.pk}/conversation/"))
    blind = text_of(signed_in(outsider).get(f"/runs/{agent.pk}/conversation/"))
    assert "Approved by ada, 1 argument changed" in " ".join(blind.split())
    assert "/cases/" not in blind
    assert signed_in(auditor).get(f"/runs/{run.pk}/conversation/").status_code == 404
    assert signed_in(make_person("")).get(f"/runs/{agent.pk}/conversation/").status_code in (
        403,
        404,
    )


def test_the_callers_page_folds_it_and_lists_say_whose_agent_a_run_is(
    server: LanguageServer,
) -> None:
    server.script("Settle order", Turn(json={"said": "Done."}))
    run = play(publish(LOOK_UP))
    client = signed_in(make_person("", Role.AUDITOR))
    page = text_of(client.get(f"/runs/{run.pk}/"))
    assert f"/runs/{child_of(run).pk}/conversation/" in page
    assert "Conversation of the agent" in page
    rows = text_of(client.get("/runs/rows/"))
    assert rows.count("agent agent</span>") == 1


def test_long_words_are_folded_and_large_ones_left_to_the_step(server: LanguageServer) -> None:
    flood = {
        "name": "flood",
        "description": "Much.",
        "type": "python",
        "with": {"function": f"{TOOLS}:flood"},
    }
    calls = [("flood", {"size": 1_000}), ("flood", {"size": 15_000})]
    server.script("Settle order", Turn(calls=calls), Turn(json={"said": "Done."}))
    agent = child_of(play(publish(flood)))
    page = text_of(signed_in(make_person("", Role.AUDITOR)).get(f"/runs/{agent.pk}/conversation/"))
    assert "x" * 1_000 in page
    assert "x" * 1_001 not in page
    assert "The result has 15000 characters" in page


def test_a_conversation_in_an_artifact_is_read_from_there(server: LanguageServer) -> None:
    flood = {
        "name": "flood",
        "description": "Much.",
        "type": "python",
        "with": {"function": f"{TOOLS}:flood"},
    }
    calls = [("flood", {"size": 19_000})] * 5
    server.script("Settle order", Turn(calls=calls), Turn(json={"said": "Done."}))
    agent = child_of(play(publish(flood)))
    [turn] = [each for each in get_talk(agent).spoken if each.calls]
    assert [(call.state, len(call.result or "")) for call in turn.calls] == [("done", 19_000)] * 5


def test_the_api_gives_the_conversation_of_an_agents_run(office: LanguageServer) -> None:
    run = play_asking(office)
    api = Api(Role.AUDITOR)
    whole = api.get(f"/runs/{run.pk}").json()
    assert (whole["part"], whole["conversation"]) == ("", None)
    agent = child_of(run)
    assert is_agent(agent)
    told = api.get(f"/runs/{agent.pk}").json()
    assert told["part"] == "agent"
    calls = [call for each in told["conversation"]["spoken"] for call in each["calls"]]
    assert [call["state"] for call in calls] == ["done", "", "refused", "done"]
    assert calls[3]["decided_by"] == "ada"
