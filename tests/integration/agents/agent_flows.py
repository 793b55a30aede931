"""Flows of one agent, and what tests do with their runs."""

from typing import Any

from django.utils import timezone

from flows.graph.codec import parse
from flows.models import Flow, Journal, Run
from flows.services import create_flow, publish_version
from reviews.models import Case
from reviews.rules.answers import Answer
from tests.driving import driving, ended, start
from tests.factories.cases import decide
from tests.factories.people import ACTOR
from tests.language_server import LanguageServer, Turn
from tests.waiting import until

TOOLS = "tests.integration.agents.tools"
RESULT = {
    "type": "object",
    "required": ["said"],
    "additionalProperties": False,
    "properties": {"said": {"type": "string"}},
}
LOOK_UP = {
    "name": "look_up",
    "description": "Look an order up.",
    "type": "python",
    "with": {"function": f"{TOOLS}:look_up"},
}
REFUND = {
    "name": "refund",
    "description": "Pay money back.",
    "type": "python",
    "with": {"function": f"{TOOLS}:refund"},
}
PAY = ("refund", {"order": "A-7", "amount": 40.0})
LOOK = ("look_up", {"order": "A-7"})


def publish(*given: Any, name: str = "support", edges: tuple[str, ...] = (), **config: Any) -> Flow:
    """Publish a flow of one agent with these tools."""
    agent = {
        "model": "assistant",
        "goal": "Settle order A-7. ${ input.wish }",
        "system": "You settle orders.",
        "tools": list(given),
        "result": RESULT,
        **config,
    }
    if any(tool.get("ask", "never") != "never" for tool in given):
        agent.setdefault("review", {"queue": "underwriting", "sla": "standard"})
    ends = ("settled", "stuck", "failed", *(["by_hand"] if "review" in agent else []))
    document = {
        "schema": "countersign/flow@1",
        "name": name,
        "title": "Support",
        "output": {"said": "${ has(steps.agent) ? steps.agent.output.result : null }"},
        "steps": {
            "agent": {"type": "agent.run", "title": "Settle it", "with": agent},
            **{end: {"type": "end", "with": {"outcome": end}} for end in ends},
        },
        "edges": [
            "agent.done -> settled",
            "agent.exhausted -> stuck",
            "agent.error -> failed",
            *(["agent.taken_over -> by_hand"] if "review" in agent else []),
            *edges,
        ],
    }
    now = timezone.now()
    flow = create_flow(
        name=name, title="Support", document=parse(document), author=None, actor=ACTOR, now=now
    )
    publish_version(
        flow_id=flow.pk, note="First", author=None, actor=ACTOR, now=now,
        revision=flow.draft_revision,
    )  # fmt: skip
    flow.refresh_from_db()
    return flow


def child_of(run: Run) -> Run:
    return Run.objects.exclude(parent_wait_id=None).get(root_id=run.pk)


def play(flow: Flow, wish: str = "Please.") -> Run:
    run = start(flow, {"wish": wish})
    with driving():
        return ended(run)


def wait_for_case() -> Case:
    return until(lambda: Case.objects.filter(state="open").first(), "a case")  # type: ignore[no-any-return]


def steps_of(run: Run) -> list[str]:
    rows = Journal.objects.filter(run_id=run.pk, kind="step.finished").order_by("seq")
    return [f"{row.step}.{row.port}" for row in rows if row.port and row.step != "begin"]


ASKING = {**REFUND, "ask": "always"}


def start_asking(office: LanguageServer, tool: dict[str, Any] = ASKING) -> Run:
    office.script("Settle order", Turn(calls=[PAY]), Turn(json={"said": "Then not."}))
    return start(publish(LOOK_UP, tool), {"wish": "Please."})


def decide_and_end(run: Run, answer: Answer) -> Run:
    with driving():
        decide(wait_for_case(), "ada", answer)
        return ended(run)
