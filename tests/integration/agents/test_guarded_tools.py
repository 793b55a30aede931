"""A guard between an agent and its tools: a tool is a flow that begins with a guard."""

from typing import Any

import pytest

from flows.models import MaskedValue, Run
from flows.selectors.masked_values import list_masked_values
from tests.integration.agents.agent_flows import play, publish
from tests.integration.guards.guarded import publish_document
from tests.language_server import LanguageServer, Turn

pytestmark = pytest.mark.django_db(transaction=True)
WRITE: Any = {
    "name": "write",
    "description": "Write to the customer.",
    "type": "subflow",
    "with": {"flow": "guarded-write"},
    "schema": {"type": "object", "properties": {"text": {"type": "string"}}},
}


def publish_tool() -> None:
    """Publish the flow that the agent calls: what it must not send is refused in words."""
    against = [
        {"rule": "secrets", "level": "critical"},
        {"rule": "personal", "then": "tokens", "level": "info"},
    ]
    publish_document(
        {
            "schema": "countersign/flow@1",
            "name": "guarded-write",
            "title": "Write, guarded",
            "output": {
                "sent": "${ steps.guard.output.flags.size() == 0 ? "
                "steps.guard.output.value.text : 'Refused: ' + steps.guard.output.flags[0].label }"
            },
            "steps": {
                "guard": {"type": "guard", "with": {"check": "${ input }", "against": against}},
                "sent": {"type": "end", "with": {"outcome": "sent"}},
                "refused": {"type": "end", "with": {"outcome": "refused"}},
            },
            "edges": ["guard.clean -> sent", "guard.flagged -> refused"],
        }
    )


def call(server: LanguageServer, text: str) -> tuple[Run, Run]:
    """Play an agent that writes this; return its run and that of the tool."""
    server.script(
        "Settle order", Turn(calls=[("write", {"text": text})]), Turn(json={"said": "Done."})
    )
    publish_tool()
    run = play(publish(WRITE))
    assert run.outcome == "settled", run.error
    return run, Run.objects.get(flow__name="guarded-write")


def test_what_the_guard_flags_is_not_done_and_the_model_is_told(server: LanguageServer) -> None:
    _, tool = call(server, "The key is AKIAIOSFODNN7ABCDEFG.")
    assert tool.outcome == "refused"
    assert tool.output == {"sent": "Refused: Secret"}


def test_personal_data_reaches_the_tool_as_tokens(server: LanguageServer) -> None:
    _, tool = call(server, "Write to anna@example.org.")
    assert tool.outcome == "sent"
    [row] = MaskedValue.objects.all()
    assert row.run_id == tool.pk
    assert [each.token for each in list_masked_values(tool)] == [row.token]
