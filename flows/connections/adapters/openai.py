"""Language models behind an OpenAI-compatible API: ``POST /v1/chat/completions``.

https://platform.openai.com/docs/api-reference/chat. Many servers have this form and obey only parts
of it: some ignore ``response_format`` or ``logprobs``, and say nothing of it.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from flows.connections.adapters.chat_forms import (
    IMAGES,
    as_name,
    as_text,
    ask_for_schema,
    encode,
    join_system,
    read_arguments,
    read_count,
    read_text,
    refuse_file,
    take,
)
from flows.connections.adapters.contract import (
    Call,
    ChatReply,
    Endpoint,
    Options,
    adapter,
)
from flows.steps.base import Json
from flows.steps.language import ChatRequest, Message, Part, TokenChance, Tool, ToolCall

_FINISHES = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tools",
    "function_call": "tools",
    "content_filter": "refused",
}


class OpenAIOptions(Options):
    path: str = Field(
        "/v1/chat/completions",
        title="Path",
        description="Added to the address, where it does not end with the path's beginning.",
        pattern="^/",
        max_length=200,
    )
    response_format: Literal["native", "json_object", "asked"] = Field(
        "native",
        title="Structured answers",
        description="native: the server takes a JSON Schema. json_object: it takes only the wish "
        "for JSON. asked: the schema is told to the model in the system text.",
    )
    strict: bool = Field(
        False,
        title="Strict schema",
        description="The server holds the model to the schema. OpenAI then takes only schemas "
        "whose objects require all their fields and allow no others.",
    )
    token_limit: Literal["max_tokens", "max_completion_tokens"] = Field(
        "max_tokens", title="Name of the token limit", description="Reasoning models use the other."
    )


@adapter
class OpenAI:
    kind: ClassVar[str] = "openai"
    title: ClassVar[str] = "Language model, OpenAI-compatible"
    summary: ClassVar[str] = "Chat completions: OpenAI, vLLM, Ollama, llama.cpp and others"
    Options: ClassVar[type[Options]] = OpenAIOptions

    def make_health_call(self, endpoint: Endpoint) -> Call | None:
        path = endpoint.options.path.removesuffix("/chat/completions") + "/models"
        return Call(_fit(endpoint, path), None, _headers(endpoint), method="GET")

    def make_chat_call(self, endpoint: Endpoint, request: ChatRequest) -> Call:
        """Raises: InputRefused for a file that the server does not take."""
        options: OpenAIOptions = endpoint.options
        given = {**endpoint.parameters, **request.parameters}
        if "max_tokens" in given:
            given[options.token_limit] = given.pop("max_tokens")
        body = {
            **given,
            "model": endpoint.served_as or endpoint.name,
            "messages": list(_make_messages(options, request)),
            "stream": False,
            **_make_format(options, request.schema),
        }
        if request.tools:
            body["tools"] = [_make_tool(tool) for tool in request.tools]
        if request.wants_probabilities:
            body["logprobs"] = True
        return Call(_fit(endpoint, options.path), body, _headers(endpoint))

    def read_chat(self, endpoint: Endpoint, request: ChatRequest, body: Json) -> ChatReply:
        """Raises: AnswerUnfit."""
        choice = take(body, "choices.0", dict)
        message = take(body, "choices.0.message", dict)
        calls = tuple(_read_calls(message.get("tool_calls")))
        refusal = as_text(message.get("refusal"))
        finish = as_name(choice.get("finish_reason")) or "stop"
        usage = body.get("usage")
        return ChatReply(
            text=refusal or read_text(message.get("content")),
            finish="refused" if refusal else _FINISHES.get(finish, finish),
            calls=calls,
            tokens=tuple(_read_tokens(choice.get("logprobs"))),
            version=as_name(body.get("model")),
            request_id=as_name(body.get("id")),
            input_tokens=read_count(usage, "prompt_tokens"),
            output_tokens=read_count(usage, "completion_tokens"),
        )


def _fit(endpoint: Endpoint, path: str) -> str:
    """Return the path without a beginning that the address has already, such as ``/v1``."""
    first, _, rest = path[1:].partition("/")
    return f"/{rest}" if rest and endpoint.address.rstrip("/").endswith(f"/{first}") else path


def _headers(endpoint: Endpoint) -> dict[str, str]:
    return {"Authorization": f"Bearer {endpoint.secret}"} if endpoint.secret else {}


# --- The question -----------------------------------------------------------------------------


def _make_messages(options: OpenAIOptions, request: ChatRequest) -> Iterator[dict[str, Json]]:
    wish = ""
    if request.schema is not None and options.response_format != "native":
        wish = ask_for_schema(request.schema)
    if system := join_system(request.messages, wish):
        yield {"role": "system", "content": system}
    for message in request.messages:
        if message.role != "system":
            yield _make_message(options, message)


def _make_message(options: OpenAIOptions, message: Message) -> dict[str, Json]:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.answers, "content": message.text}
    if all(not part.media_type for part in message.parts):
        made: dict[str, Json] = {"role": message.role, "content": message.text}
    else:
        parts = [_make_part(part) for part in message.parts]
        made = {"role": message.role, "content": parts}
    if message.calls:
        made["content"] = made["content"] or None
        made["tool_calls"] = [_make_call(call) for call in message.calls]
    return made


def _make_part(part: Part) -> dict[str, Json]:
    if not part.media_type:
        return {"type": "text", "text": part.text}
    url = f"data:{part.media_type};base64,{encode(part)}"
    if part.media_type in IMAGES:
        return {"type": "image_url", "image_url": {"url": url}}
    raise refuse_file(part, "Send images or PDF files.")


def _make_call(call: ToolCall) -> dict[str, Json]:
    written = call.arguments
    if not isinstance(written, str):
        written = json.dumps(written, ensure_ascii=False)
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": written},
    }


def _make_tool(tool: Tool) -> dict[str, Json]:
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": dict(tool.schema),
        },
    }


def _make_format(options: OpenAIOptions, schema: Mapping[str, Json] | None) -> dict[str, Json]:
    if schema is None or options.response_format == "asked":
        return {}
    if options.response_format == "json_object":
        return {"response_format": {"type": "json_object"}}
    named = {"name": "answer", "schema": dict(schema), "strict": options.strict}
    return {"response_format": {"type": "json_schema", "json_schema": named}}


# --- The answer -------------------------------------------------------------------------------


def _read_calls(calls: Json) -> Iterator[ToolCall]:
    for call in calls if isinstance(calls, list) else []:
        name = as_text(take(call, "function.name", str))
        arguments = read_arguments(call["function"].get("arguments"))
        yield ToolCall(as_text(call.get("id")), name, arguments)


def _read_tokens(logprobs: Any) -> Iterator[TokenChance]:
    """Yield the tokens with their probabilities: none unless each has one.

    A character may be split over several tokens; these are given as one.
    """
    listed = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    tokens = listed if isinstance(listed, list) else []
    if not all(_is_token(token) for token in tokens):
        return
    waiting, chance = b"", 1.0
    for token in tokens:
        waiting += _bytes_of(token)
        chance *= math.exp(min(token["logprob"], 0.0))
        try:
            text = waiting.decode()
        except UnicodeDecodeError:
            continue
        yield TokenChance(text, chance)
        waiting, chance = b"", 1.0


def _is_token(token: Any) -> bool:
    if not isinstance(token, Mapping) or not isinstance(token.get("token"), str):
        return False
    logprob = token.get("logprob")
    return isinstance(logprob, int | float) and not isinstance(logprob, bool)


def _bytes_of(token: Mapping[str, Any]) -> bytes:
    given: Sequence[Any] | None = token.get("bytes")
    try:
        return bytes(given) if isinstance(given, list) else token["token"].encode()
    except (TypeError, ValueError):
        return bytes(token["token"].encode("utf-8", "replace"))
