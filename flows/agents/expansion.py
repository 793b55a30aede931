"""The document that an agent is made of: the model's turn, one step for each tool, the next turn.

    turn ──refund──► refund ──done──► told_refund ──► turn ──finished──► finished
      └──ask_refund─► ask_refund ──approved──► refund
                          └──rejected──► choice_refund ──on──► refused_refund ──► turn
                                              └──over──► taken_over

So each turn and each call is an activation with a journal row, a fence and a key of its own.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from flows.agents.config import AgentConfig, ToolConfig
from flows.agents.conversation import MOST_CALLS_A_TURN
from flows.steps.functions import UnknownFunction, get_function

Json = Any
BEGIN = "begin"
TURN = "turn"
# Of the model's server: a turn that was answered and failed is not asked for again.
RETRY = {"max_attempts": 5, "initial_seconds": 1, "factor": 2, "max_seconds": 60}
TOOL_RETRY = {"max_attempts": 3, "initial_seconds": 1, "factor": 2, "max_seconds": 30}
MARKS = ("told", "failed", "refused")


def build_document(name: str, step: str, title: str, config: AgentConfig) -> dict[str, Json]:
    """Return the document for the agent ``step`` of the flow ``name``.

    Its input is ``{"messages": [{"role", "text"}, …], "given", "files"}``, its output ``{"result",
    "turns", "calls", "tokens", "cost"}``, its outcome ``finished``, ``exhausted``, ``taken_over``
    or ``budget``.
    """
    # The turn has an edge into it from itself, so something must come before it.
    begin = {"type": "transform", "title": "Begin", "with": {"output": {}}}
    steps: dict[str, Json] = {BEGIN: begin, TURN: _make_turn(config)}
    edges = [f"{BEGIN}.done -> {TURN}", f"{TURN}.again -> {TURN}"]
    for tool in config.tools:
        steps |= _make_tool_steps(tool, config)
        edges += _list_tool_edges(tool)
    ends = ["finished", "exhausted", "budget"]
    ends += ["taken_over"] if any(tool.ask != "never" for tool in config.tools) else []
    for end in ends:
        title = end.replace("_", " ").capitalize()
        steps[f"end_{end}"] = {"type": "end", "title": title, "with": {"outcome": end}}
    edges += [f"{TURN}.{end} -> end_{end}" for end in ("finished", "exhausted", "budget")]
    return {
        "schema": "countersign/flow@1",
        "name": name,
        "title": f"{title or step}: agent",
        "input": {
            "type": "object",
            "required": ["messages"],
            "properties": {
                "messages": {"type": "array", "items": {"type": "object"}},
                "given": {"type": "object"},
                "files": {"type": "array", "items": {"type": "string"}},
            },
        },
        "output": {
            key: f"${{ has(steps.{TURN}) ? steps.{TURN}.output.{key} : null }}"
            for key in ("result", "turns", "calls", "tokens", "cost")
        },
        "steps": steps,
        "edges": edges,
        "layout": _lay_out(steps),
    }


def _make_turn(config: AgentConfig) -> dict[str, Json]:
    marks = [f"{mark}_{tool.name}" for tool in config.tools for mark in _list_marks(tool)]
    return {
        "type": "agent.turn",
        "title": "The model's turn",
        "with": {
            "model": config.model,
            "messages": "${ input.messages }",
            "tools": [_describe_tool(tool) for tool in config.tools],
            "result": config.result,
            "limits": config.limits.model_dump(mode="json"),
            "began_at": "${ run.started_at }",
            "kept": f"${{ has(steps.{TURN}) ? steps.{TURN}.output : null }}",
            "told": [f"${{ has(steps.{mark}) ? steps.{mark}.output : null }}" for mark in marks],
            "temperature": config.temperature,
            "max_tokens": config.max_tokens,
        },
        "retry": RETRY,
        # The step counts its own turns; each call that it handed out comes back to it too.
        "max_visits": config.limits.turns * (MOST_CALLS_A_TURN + 2) + 1,
    }


def _list_marks(tool: ToolConfig) -> tuple[str, ...]:
    return MARKS if tool.ask != "never" else MARKS[:2]


def _describe_tool(tool: ToolConfig) -> dict[str, Json]:
    return {
        "name": tool.name,
        "description": tool.description,
        "schema": find_arguments(tool),
        "ask": tool.ask,
        **({"when": tool.when} if tool.when else {}),
    }


def find_arguments(tool: ToolConfig) -> Mapping[str, Json]:
    """Return the JSON Schema of a tool's arguments: its own, or that of its function."""
    if tool.arguments or tool.type != "python":
        return tool.arguments or {"type": "object"}
    try:
        return get_function(str(tool.fixed.get("function"))).input_schema
    except UnknownFunction:
        return {"type": "object"}


# --- The steps of a tool ----------------------------------------------------------------


def _make_tool_steps(tool: ToolConfig, config: AgentConfig) -> dict[str, Json]:
    name, words = tool.name, tool.name.replace("_", " ")
    # Where a person may have changed them, the model is told with what the call was made.
    made = {"arguments": _find_call_arguments(tool)} if tool.ask != "never" else {}
    steps: dict[str, Json] = {
        name: {
            "type": tool.type,
            "title": words.capitalize(),
            "with": {**tool.fixed, tool.arguments_field: _find_call_arguments(tool)},
            **({} if tool.type == "subflow" else {"retry": TOOL_RETRY}),
        },
        f"told_{name}": _make_mark(
            f"Tell the result of {words}", result=f"${{ steps.{name}.output }}", **made
        ),
        f"failed_{name}": _make_mark(f"Tell that {words} failed", failed=name, **made),
    }
    if tool.ask != "never":
        steps |= _make_review_steps(tool, config)
    return steps


def _find_call_arguments(tool: ToolConfig) -> str:
    """Return the expression of the arguments: as the model wrote them, or as a person left them."""
    given = f"steps.{TURN}.output.call.arguments"
    if tool.ask == "never":
        return f"${{ {given} }}"
    asked = f"steps.ask_{tool.name}.output.fields"
    return f"${{ steps.{TURN}.output.call.asked ? {asked} : {given} }}"


def _make_mark(title: str, **said: Json) -> dict[str, Json]:
    """Return a step that says what became of a call, with the call's number."""
    output = {"number": f"${{ steps.{TURN}.output.call.number }}", **said}
    return {"type": "transform", "title": title, "with": {"output": output}}


def _make_review_steps(tool: ToolConfig, config: AgentConfig) -> dict[str, Json]:
    assert config.review is not None  # the config was checked
    ask, choice = f"ask_{tool.name}", f"choice_{tool.name}"
    words = tool.name.replace("_", " ")
    return {
        ask: {
            "type": "review.case",
            "title": f"May it {words}?",
            "with": {
                "queue": config.review.queue,
                "sla": config.review.sla,
                "priority": config.review.priority,
                "title": f"${{ steps.{TURN}.output.call.title }}",
                "summary": tool.description,
                "show": f"${{ steps.{TURN}.output.call.shown }}",
                "allow": ["approved", "rejected", "information", "escalation"],
                "form": {
                    "type": "object",
                    "properties": {
                        "take_over": {
                            "type": "boolean",
                            "title": "I take over",
                            "description": "With a rejection: the agent stops here.",
                        }
                    },
                },
            },
        },
        choice: {
            "type": "branch",
            "title": "Does a person take over?",
            "with": {
                "cases": [
                    {
                        "port": "over",
                        "when": f"has(steps.{ask}.output.form) && "
                        f"has(steps.{ask}.output.form.take_over) && "
                        f"steps.{ask}.output.form.take_over == true",
                    }
                ],
                "otherwise": "on",
            },
        },
        f"refused_{tool.name}": _make_mark(
            f"Tell that {words} was refused", refused=f"${{ steps.{ask}.output.comment }}"
        ),
    }


def _list_tool_edges(tool: ToolConfig) -> Iterator[str]:
    name = tool.name
    if tool.ask != "always":
        yield f"{TURN}.{name} -> {name}"
    yield f"{name}.done -> told_{name}"
    yield f"{name}.error -> failed_{name}"
    yield f"told_{name}.done -> {TURN}"
    yield f"failed_{name}.done -> {TURN}"
    if tool.ask != "never":
        yield f"{TURN}.ask_{name} -> ask_{name}"
        yield f"ask_{name}.approved -> {name}"
        yield f"ask_{name}.rejected -> choice_{name}"
        yield f"ask_{name}.expired -> refused_{name}"
        yield f"choice_{name}.over -> end_taken_over"
        yield f"choice_{name}.on -> refused_{name}"
        yield f"refused_{name}.done -> {TURN}"


def _lay_out(steps: Mapping[str, Json]) -> dict[str, Json]:
    """Return a place for each step: the turn, then a row for each tool, then the ends."""
    tools = [name for name, step in steps.items() if f"told_{name}" in steps]
    layout: dict[str, Json] = {BEGIN: [-240, 120], TURN: [80, 120]}
    for row, tool in enumerate(tools):
        columns = (f"ask_{tool}", f"choice_{tool}", tool, f"told_{tool}", f"failed_{tool}")
        for column, name in enumerate(columns, start=1):
            if name in steps:
                layout[name] = [80 + 320 * column, 120 + 160 * row]
        if f"refused_{tool}" in steps:
            layout[f"refused_{tool}"] = [80 + 320 * 6, 120 + 160 * row]
    for row, name in enumerate(name for name in steps if name.startswith("end_")):
        layout[name] = [80 + 320 * row, 120 + 160 * (len(tools) + 1)]
    return layout
