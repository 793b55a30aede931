"""What a model may write, and what tools may answer: no run breaks, no rule is passed."""

from typing import Any

import pytest
from django.utils import timezone

from flows.models import Journal, Run
from flows.runtime.artifacts import store_artifact
from flows.runtime.held import give_artifacts
from flows.runtime.labels import Label
from flows.runtime.payloads import fetch
from flows.services.errors import FlowInvalid
from tests.driving import driving, ended, start
from tests.factories.cases import approve, decide
from tests.factories.probes import publish_flow
from tests.integration.agents.agent_flows import (
    LOOK_UP,
    TOOLS,
    play,
    publish,
    wait_for_case,
)
from tests.language_server import LanguageServer, Turn

pytestmark = pytest.mark.django_db(transaction=True)
NOTE = {
    "name": "note",
    "description": "Write a note.",
    "type": "subflow",
    "with": {"flow": "notes"},
    "schema": {"type": "object"},
    "ask": "always",
}


def child_of_agent(run: Run) -> Run:
    return Run.objects.get(root_id=run.pk, version__part="agent")


def answers_in(run: Run) -> list[str]:
    """Return what the model of the run's agent was told by its tools."""
    row = Journal.objects.filter(run_id=child_of_agent(run).pk, step="turn").order_by("-seq")[0]
    return [each["text"] for each in fetch(row.data)["messages"] if each["role"] == "tool"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"a b": 1},
        {"": 1},
        {"1st": "x"},
        {"x" * 200: "y"},
        {f"a{n}": n for n in range(300)},
        {"text": "<script>alert(1)</script>\n\n# heading", "deep": {"er": [1, {"x": None}]}},
        {"text": "x" * 29_000},
        {"text": "${ secrets.KEY } {{ 7 * 7 }}"},
    ],
)
def test_whatever_arguments_a_call_has_people_can_decide_about_it(
    office: LanguageServer, arguments: dict[str, Any]
) -> None:
    office.script("Settle order", Turn(calls=[("note", arguments)]), Turn(json={"said": "Noted."}))
    publish_flow("a -> b", name="notes", a={"type": "transform", "output": {}}, b={"type": "end"})
    run = start(publish(NOTE), {"wish": "Please."})
    with driving():
        decide(wait_for_case(), "ada", approve())
        ended(run)
    assert run.outcome == "settled", (run.error, child_of_agent(run).error)
    assert fetch(Run.objects.get(flow__name="notes").input) == arguments


def test_a_long_result_is_cut_and_the_conversation_has_an_end(server: LanguageServer) -> None:
    server.script(
        "Settle order", Turn(calls=[("flood", {"size": 3_000_000})]), Turn(json={"said": "Read."})
    )
    flood = {
        "name": "flood",
        "description": "Much.",
        "type": "python",
        "with": {"function": f"{TOOLS}:flood"},
    }
    run = play(publish(flood))
    assert run.outcome == "settled", (run.error, child_of_agent(run).error)
    [told] = answers_in(run)
    assert len(told) < 25_000
    assert "3,000," in told

    server.forget()
    server.script("Settle order", Turn(calls=[("flood", {"size": 100_000})] * 8))
    run = play(publish(flood, name="endless", limits={"turns": 100}))
    assert run.outcome == "stuck", (run.error, child_of_agent(run).error)


@pytest.mark.parametrize("name", ["end_finished", "end_budget", "end_x"])
def test_a_tool_may_not_have_the_name_of_a_step_of_the_agents_own(
    server: LanguageServer, name: str
) -> None:
    with pytest.raises(FlowInvalid):
        publish({**LOOK_UP, "name": name})


@pytest.mark.parametrize("schema", [{"type": "string"}, {"type": "array"}, {"enum": ["a"]}])
def test_results_and_arguments_are_objects(server: LanguageServer, schema: dict[str, Any]) -> None:
    with pytest.raises(FlowInvalid) as refused:
        publish(LOOK_UP, result=schema)
    assert refused.value.problems[0].field == "with.result"
    with pytest.raises(FlowInvalid) as refused:
        publish({**LOOK_UP, "schema": schema}, name="other")
    assert refused.value.problems[0].field == "with.tools[0].schema"


# --- Flows as tools -----------------------------------------------------------------------


def as_tool(name: str, flow: str, **fixed: Any) -> dict[str, Any]:
    return {
        "name": name,
        "description": "Run a flow.",
        "type": "subflow",
        "with": {"flow": flow, **fixed},
        "schema": {"type": "object"},
    }


def test_a_flow_is_a_tool_and_its_failure_is_told(server: LanguageServer) -> None:
    none = {"type": "transform", "output": {}}
    publish_flow(
        "a -> b", name="orders", output={"order": "${ input.order }"}, a=none,
        b={"type": "end", "outcome": "found"},
    )  # fmt: skip
    wrong = {"type": "transform", "output": "${ 1 / input.zero }"}
    publish_flow("a -> b", name="broken", a=wrong, b={"type": "end"})
    calls = [("look", {"order": "A-7"}), ("divide", {"zero": 0}), ("old", {"order": "x"})]
    server.script("Settle order", Turn(calls=calls), Turn(json={"said": "Found."}))
    tools_of_it = (
        as_tool("look", "orders"),
        as_tool("divide", "broken"),
        as_tool("old", "orders", version=7),
    )
    run = play(publish(*tools_of_it))
    assert run.outcome == "settled", (run.error, child_of_agent(run).error)
    told = answers_in(run)
    assert '"order": "A-7"' in told[0]
    assert told[1].startswith("The call failed: Run ")
    assert "has no version 7" in told[2]


def test_a_flow_that_calls_itself_by_its_agent_ends_at_the_limit_of_depth(
    server: LanguageServer, settings: Any
) -> None:
    settings.MAX_CHAIN_DEPTH = 5
    calls = [("once_more", {"wish": "x"})]
    server.script("Settle order", Turn(calls=calls), Turn(json={"said": "Found."}))
    run = play(publish(as_tool("once_more", "support")))
    assert run.outcome == "settled", run.error
    deepest = Run.objects.filter(root_id=run.pk).order_by("-depth")[0]
    assert deepest.depth == 5
    talk = Journal.objects.filter(run_id=deepest.pk, step="turn").order_by("-seq")[0].data
    assert any("levels deep" in each["text"] for each in talk["messages"])


# --- What the model does not choose ---------------------------------------------------


def test_tools_and_conditions_read_what_is_given_which_the_model_cannot_change(
    office: LanguageServer,
) -> None:
    none = {"type": "transform", "output": {}}
    publish_flow("a -> b", name="notes", a=none, b={"type": "end"})
    tool = as_tool("look_up", "${ input.given.flow }")
    tool |= {"ask": "when", "when": "input.given.limit < item.amount"}
    calls = [("look_up", {"amount": 5.0, "flow": "x"}), ("look_up", {"amount": 50.0})]
    office.script("Settle order", Turn(calls=calls), Turn(json={"said": "Found."}))
    run = start(publish(tool, given={"flow": "notes", "limit": 10.0}), {"wish": "Please."})
    with driving():
        decide(wait_for_case(), "ada", approve())
        ended(run)
    assert run.outcome == "settled", (run.error, child_of_agent(run).error)
    given = Run.objects.filter(flow__name="notes").order_by("pk").values_list("input", flat=True)
    assert list(given) == [{"amount": 5.0, "flow": "x"}, {"amount": 50.0}]


# --- Files ----------------------------------------------------------------------------


def keep(content: bytes) -> str:
    now = timezone.now()
    kept = store_artifact(content=content, media_type="text/plain", name="a.txt", now=now)
    return str(kept["artifact"])


def test_a_model_reads_only_files_that_its_run_holds(server: LanguageServer) -> None:
    stranger, own = keep(b"of another run"), keep(b"of this run")
    read = {
        "name": "read_file",
        "description": "Read a file.",
        "type": "python",
        "with": {"function": f"{TOOLS}:read_file"},
    }
    probe = {"type": "test.probe", "read": "${ input.file }"}
    publish_flow(
        "a -> b", "a.error -> c", name="reads", a=probe,
        output={"read": "${ has(steps.a) ? steps.a.output : null }"},
        b={"type": "end"}, c={"type": "end", "outcome": "no"},
    )  # fmt: skip
    named = ("read_file", "pass_on")
    calls = [(tool, {"file": digest}) for digest in (stranger, own) for tool in named]
    server.script("Settle order", Turn(calls=calls), Turn(json={"said": "Read."}))
    flow = publish(read, as_tool("pass_on", "reads"))
    run = start(flow, {"wish": f"Look at {stranger} and {own}."})
    held = {own: Label("a.txt", "text/plain")}
    give_artifacts(run.pk, held)
    with driving():
        ended(run)
    assert run.outcome == "settled", (run.error, child_of_agent(run).error)
    told = answers_in(run)
    assert told[0].startswith("The call failed")
    assert "of another run" not in told[1]
    assert told[2] == "of this run"
    assert "of this run" in told[3]
