"""Language models behind the Messages API of Anthropic: ``POST /v1/messages``.

https://docs.anthropic.com/en/api/messages. The system text stands apart, contents are blocks, and a
schema is obeyed by way of a tool that the model must call.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from flows.connections.adapters.chat_forms import (
    IMAGES,
    as_name,
    as_text,
    ask_for_schema,
    encode,
    join_system,
    read_count,
    read_text,
    refuse_file,
    take,
)
from flows.connections.adapters.contract import Call, ChatReply, Endpoint, Options, adapter
from flows.steps.base import Json
from flows.steps.language import ChatRequest, Message, Part, ToolCall
from flows.steps.models import InputRefused

VERSION = "2023-06-01"
# The tool whose arguments are the answer, where a schema is wanted.
ANSWER = "give_answer"

_FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tools",
    "refusal": "refused",
}


class AnthropicOptions(Options):
    schema_by: Literal["tool", "asked"] = Field(
        "tool",
        title="Structured answers",
        description="tool: the model must call a tool whose arguments are the answer. "
        "asked: the schema is told to it in the system text.",
    )
    max_tokens: int = Field(
        4096, ge=1, le=1_000_000, title="Token limit", description="Where a step sets none."
    )


@adapter
class Anthropic:
    kind: ClassVar[str] = "anthropic"
    title: ClassVar[str] = "Language model, Anthropic Messages"
    summary: ClassVar[str] = "The Messages API of Anthropic, and of gateways that speak it"
    Options: ClassVar[type[Options]] = AnthropicOptions

    def make_health_call(self, endpoint: Endpoint) -> Call | None:
        return Call(_fit(endpoint, "/v1/models"), None, _headers(endpoint), method="GET")

    def make_chat_call(self, endpoint: Endpoint, request: ChatRequest) -> Call:
        """Raises: InputRefused for what the API does not take: a seed, some kinds of files."""
        given = {**endpoint.parameters, **request.parameters}
        if "seed" in given:
            raise InputRefused("seed", "the Messages API takes no seed: remove it")
        if "stop" in given:
            stop = given.pop("stop")
            given["stop_sequences"] = [stop] if isinstance(stop, str) else stop
        by_tool = _asks_by_tool(endpoint, request)
        wish = "" if by_tool or request.schema is None else ask_for_schema(request.schema)
        system = join_system(request.messages, wish)
        body = {
            "max_tokens": endpoint.options.max_tokens,
            **given,
            "model": endpoint.served_as or endpoint.name,
            "messages": _make_turns(request),
            "stream": False,
            **({"system": system} if system else {}),
            **_make_tools(request, by_tool=by_tool),
        }
        return Call(_fit(endpoint, "/v1/messages"), body, _headers(endpoint))

    def read_chat(self, endpoint: Endpoint, request: ChatRequest, body: Json) -> ChatReply:
        """Raises: AnswerUnfit."""
        blocks = [each for each in take(body, "content", list) if isinstance(each, dict)]
        reason = as_name(body.get("stop_reason"))
        finish = _FINISHES.get(reason, reason or "stop")
        calls = tuple(_read_calls(blocks))
        text = read_text([block for block in blocks if block.get("type") == "text"])
        if _asks_by_tool(endpoint, request):
            given = next((call for call in calls if call.name == ANSWER), None)
            if given is not None:
                text, calls = json.dumps(given.arguments, ensure_ascii=False), ()
                finish = "stop" if finish == "tools" else finish
        usage = body.get("usage")
        cached = ("cache_creation_input_tokens", "cache_read_input_tokens")
        return ChatReply(
            text=text,
            finish=finish,
            calls=calls,
            version=as_name(body.get("model")),
            request_id=as_name(body.get("id")),
            input_tokens=read_count(usage, "input_tokens", *cached),
            output_tokens=read_count(usage, "output_tokens"),
        )


def _fit(endpoint: Endpoint, path: str) -> str:
    return path.removeprefix("/v1") if endpoint.address.rstrip("/").endswith("/v1") else path


def _headers(endpoint: Endpoint) -> dict[str, str]:
    secret = {"x-api-key": endpoint.secret} if endpoint.secret else {}
    return {"anthropic-version": VERSION, **secret}


def _asks_by_tool(endpoint: Endpoint, request: ChatRequest) -> bool:
    """Return whether the answer comes as a tool's arguments, which are always an object."""
    schema = request.schema
    return (
        endpoint.options.schema_by == "tool"
        and schema is not None
        and schema.get("type") == "object"
    )


# --- The question -----------------------------------------------------------------------------


def _make_turns(request: ChatRequest) -> list[dict[str, Json]]:
    """Return the turns: one after the other of each side, as the API wants them."""
    turns: list[dict[str, Json]] = []
    for message in request.messages:
        if message.role == "system":
            continue
        role = "assistant" if message.role == "assistant" else "user"
        blocks = list(_make_blocks(message))
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    return turns


def _make_blocks(message: Message) -> Iterator[dict[str, Json]]:
    if message.role == "tool":
        yield {"type": "tool_result", "tool_use_id": message.answers, "content": message.text}
        return
    for part in message.parts:
        # A block of empty text is refused.
        if part.media_type or part.text:
            yield _make_block(part)
    for call in message.calls:
        given = (
            call.arguments if isinstance(call.arguments, Mapping) else {"written": call.arguments}
        )
        yield {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(given)}


def _make_block(part: Part) -> dict[str, Json]:
    if not part.media_type:
        return {"type": "text", "text": part.text}
    if part.media_type not in IMAGES:
        raise refuse_file(part, "Send images or PDF files.")
    source = {"type": "base64", "media_type": part.media_type, "data": encode(part)}
    return {"type": "image", "source": source}


def _make_tools(request: ChatRequest, *, by_tool: bool) -> dict[str, Json]:
    tools: list[dict[str, Json]] = [
        {"name": tool.name, "description": tool.description, "input_schema": dict(tool.schema)}
        for tool in request.tools
    ]
    if not by_tool:
        return {"tools": tools} if tools else {}
    assert request.schema is not None
    answer = {
        "name": ANSWER,
        "description": "Give the final answer with this.",
        "input_schema": dict(request.schema),
    }
    choice: dict[str, Json] = {"type": "any"} if tools else {"type": "tool", "name": ANSWER}
    return {"tools": [*tools, answer], "tool_choice": choice}


# --- The answer -------------------------------------------------------------------------------


def _read_calls(blocks: list[Any]) -> Iterator[ToolCall]:
    for block in blocks:
        if block.get("type") == "tool_use":
            name = take(block, "name", str)
            yield ToolCall(as_text(block.get("id")), name, block.get("input"))
