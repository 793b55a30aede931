"""How a call that needs a person looks to that person: goal, call, arguments, conversation."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flows.agents.conversation import Conversation, to_text
from flows.steps.language import Message, ToolCall

Json = Any
MOST_SHOWN = 40
LONGEST_SHOWN = 2000
LONGEST_TITLE = 120
SPEAKERS = {"system": "Instructions", "user": "Goal", "assistant": "Agent", "tool": "Answer"}
MOST_FIELDS = 60
# What a case takes as the name of a field.
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,79}")
_EDITABLE = frozenset({"string", "number", "integer", "boolean"})


def title_call(call: ToolCall) -> str:
    """Return the case's title: "Refund: order A-7, amount 40.0"."""
    given = ", ".join(f"{name} {to_text(value)}" for name, value in call.arguments.items())
    title = f"{call.name.replace('_', ' ').capitalize()}: {given}".rstrip(": ")
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"


def fits_fields(call: ToolCall) -> bool:
    """Return whether each argument can be a field of a case; else they are shown as one value."""
    names = call.arguments.keys()
    return len(names) <= MOST_FIELDS and all(_KEY.fullmatch(name) for name in names)


def show_call(
    opening: Sequence[Mapping[str, Json]],
    talk: Conversation,
    schema: Mapping[str, Json],
    call: ToolCall,
) -> list[dict[str, Json]]:
    """Return the groups of the case, in the form of a checkpoint's ``show``."""
    goal = next((str(each["text"]) for each in opening if each["role"] == "user"), "")
    arguments: dict[str, Json] = (
        {"fields": list(_list_fields(schema, call)), "schema": dict(schema)}
        if fits_fields(call)
        else {"json": call.arguments}
    )
    groups: list[dict[str, Json]] = [
        {"title": "Arguments", "id": "arguments", **arguments},
        {"title": "Goal", "id": "goal", "text": goal[:LONGEST_SHOWN]},
    ]
    rows = [row for message in talk.messages[-MOST_SHOWN:] for row in _list_rows(message)]
    table = {"columns": ["Who", "What"], "rows": rows}
    groups.append({"title": "Conversation so far", "id": "conversation", "table": table})
    return groups


def _list_fields(schema: Mapping[str, Json], call: ToolCall) -> Iterator[dict[str, Json]]:
    """Yield a field for each argument; a simple one can be changed."""
    properties = schema.get("properties")
    known = properties if isinstance(properties, Mapping) else {}
    for name, value in call.arguments.items():
        found = known.get(name)
        its_schema = dict(found) if isinstance(found, Mapping) else {}
        # A reference would lead out of the field's own schema.
        is_simple = its_schema.get("type") in _EDITABLE
        yield {
            "key": name,
            "label": str(its_schema.get("title") or name.replace("_", " ").capitalize()),
            "value": value,
            "source": "The agent",
            "editable": is_simple,
            **({"schema": its_schema} if is_simple else {}),
        }


def _list_rows(message: Message) -> Iterator[list[str]]:
    if message.text:
        yield [SPEAKERS[message.role], message.text[:LONGEST_SHOWN]]
    for call in message.calls:
        yield ["Agent calls", f"{call.name} {to_text(call.arguments)}"[:LONGEST_SHOWN]]
