"""A policy decides which tools an agent calls."""

import pytest

from flows.models import Journal
from tests.factories.policies import attach
from tests.integration.agents import tools
from tests.integration.agents.agent_flows import PAY, REFUND, child_of, play, publish
from tests.language_server import LanguageServer, Turn

pytestmark = pytest.mark.django_db(transaction=True)
SMALL = """\
package small

import rego.v1

default allow := false

allow if {
    input.tool == "refund"
    input.arguments.amount <= 5
}

reasons := ["Refunds of at most 5."]
"""


def test_a_call_that_a_policy_refuses_is_not_made_and_the_model_reads_why(
    server: LanguageServer,
) -> None:
    attach(SMALL, "tool_call")
    server.script("Settle order", Turn(calls=[PAY]), Turn(json={"said": "Sorry."}))
    run = play(publish(REFUND))
    assert run.outcome == "settled", run.error
    assert tools.paid == []
    rows = Journal.objects.filter(run_id=child_of(run).pk, step="turn", kind="step.finished")
    talk = rows.order_by("-seq")[0].data
    told = [each["text"] for each in talk["messages"] if each["role"] == "tool"]
    assert any("The policy small@1 refuses it: Refunds of at most 5." in each for each in told)
    verdicts = [row.provenance["policies"] for row in rows if "policies" in (row.provenance or {})]
    assert verdicts[0][0]["point"] == "tool_call"


def test_a_call_that_it_allows_is_made(server: LanguageServer) -> None:
    attach(SMALL.replace("<= 5", "<= 5000"), "tool_call")
    server.script("Settle order", Turn(calls=[PAY]), Turn(json={"said": "Paid."}))
    play(publish(REFUND))
    assert len(tools.paid) == 1
