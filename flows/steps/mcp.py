"""The step type `mcp.call`: call a tool of an MCP server, by its streamable HTTP transport.

Source: Model Context Protocol, revision 2025-06-18, "Transports" and "Tools".
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import Field

from flows.graph.model import Step
from flows.graph.problems import Problem
from flows.steps.answers import Answer
from flows.steps.base import (
    Json,
    Result,
    RunningStep,
    StepConfig,
    StepContext,
    StepFailure,
    text_of,
)
from flows.steps.destinations import check_spelling, host_and_port
from flows.steps.outgoing import Outgoing, send
from flows.steps.registry import register
from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused

PROTOCOL = "2025-06-18"
SESSION = "Mcp-Session-Id"
MOST_BYTES = 4 * 1024 * 1024


@register
class McpCall(RunningStep):
    name = "mcp.call"
    title = "MCP tool"
    summary = "Calls a tool of an MCP server"
    icon = "plug"
    category = "Services"
    effects: ClassVar[bool] = True
    may_hold_secrets: ClassVar[tuple[str, ...]] = ("headers",)

    class Config(StepConfig):
        url: str = Field(
            title="Address",
            description="Must be allowed by the setting OUTGOING_ALLOWLIST.",
            examples=["https://tools.example.com/mcp"],
        )
        tool: str = Field(min_length=1, max_length=200, title="Tool")
        arguments: dict[str, Json] = Field(default_factory=dict, title="Arguments")
        headers: dict[str, str] = Field(
            default_factory=dict,
            title="Headers",
            examples=[{"Authorization": "Bearer ${ secrets.TOOLS }"}],
        )
        timeout_seconds: float = Field(default=30, gt=0, le=600, title="Timeout in seconds")

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        return {
            "type": "object",
            "properties": {"text": {"type": "string"}, "data": {}},
            "required": ["text", "data"],
        }

    def describe(self, config: Mapping[str, Json]) -> str:
        return text_of(config.get("tool")) or "Choose a tool"

    def destination(self, config: Config) -> str | None:
        return host_and_port(config.url)

    def check(self, step: Step) -> Sequence[Problem]:
        return check_spelling(step, "url")

    def run(self, ctx: StepContext, config: Config) -> Result:
        """Return the tool's text and its structured content.

        Raises: StepFailure as for a request, and of kind ``tool`` where the tool says it failed.
        """
        session = _Session(ctx, config)
        session.begin()
        given = session.ask("tools/call", {"name": config.tool, "arguments": config.arguments}, 2)
        content = given.get("content")
        text = "\n".join(_list_texts(content if isinstance(content, list) else []))
        if given.get("isError"):
            raise StepFailure(
                f"The tool {config.tool} failed: {text[:500] or 'it does not say why'}",
                kind="tool",
                retryable=False,
            )
        service = urlsplit(config.url).netloc
        provenance = {"service": service, "tool": config.tool, "latency_ms": session.latency_ms}
        return Result({"text": text, "data": given.get("structuredContent")}, provenance=provenance)


def _list_texts(content: Sequence[Json]) -> Iterator[str]:
    for part in content:
        if isinstance(part, Mapping) and part.get("type") == "text":
            yield text_of(part.get("text"))


class _Session:
    """One conversation with a server: hello, then one call."""

    def __init__(self, ctx: StepContext, config: McpCall.Config) -> None:
        self._ctx, self._config = ctx, config
        self._headers = {
            "Accept": "application/json, text/event-stream",
            "Idempotency-Key": ctx.idempotency_key,
            **config.headers,
        }
        self.latency_ms = 0

    def begin(self) -> None:
        about = {"name": "Countersign", "version": "1"}
        hello = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": about}
        self.ask("initialize", hello, 1)
        self._headers["MCP-Protocol-Version"] = PROTOCOL
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def ask(self, method: str, params: Mapping[str, Json], number: int) -> Mapping[str, Json]:
        """Return the result of a request. Raises: StepFailure."""
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        reply = _find_reply(self._send(request), number)
        if reply is None:
            raise _unfit(self._config, "it holds no reply to the request")
        if (error := reply.get("error")) is not None:
            said = error.get("message") if isinstance(error, Mapping) else error
            raise StepFailure(
                f"The MCP server refused {method}: {str(said)[:500]}", kind="tool", retryable=False
            )
        result = reply.get("result")
        if not isinstance(result, Mapping):
            raise _unfit(self._config, "its result is no object")
        return result

    def _send(self, message: Mapping[str, Json]) -> Answer:
        config = self._config
        answer = send(
            Outgoing(
                method="POST",
                url=config.url,
                headers=self._headers,
                query={},
                body=message,
                timeout_seconds=config.timeout_seconds,
                max_bytes=MOST_BYTES,
            ),
            self._ctx.now,
        )
        self.latency_ms += answer.latency_ms
        for name, value in answer.headers.items():
            if name.lower() == SESSION.lower():
                self._headers[SESSION] = value
        return answer


def _find_reply(answer: Answer, number: int) -> Mapping[str, Json] | None:
    """Return the reply with the request's number, of a JSON answer or of a stream of events."""
    messages = [answer.body] if not isinstance(answer.body, str) else _read_events(answer.body)
    found = (each for each in messages if isinstance(each, Mapping) and each.get("id") == number)
    return next(found, None)


def _read_events(text: str) -> Iterator[Json]:
    for event in text.replace("\r\n", "\n").split("\n\n"):
        lines = [line[5:].removeprefix(" ") for line in event.split("\n") if line[:5] == "data:"]
        try:
            yield read_json("\n".join(lines)) if lines else None
        except ValueRefused:
            continue


def _unfit(config: McpCall.Config, why: str) -> StepFailure:
    place = json.dumps(urlsplit(config.url).netloc)
    return StepFailure(
        f"The answer of the MCP server {place} is unfit: {why}.", kind="contract", retryable=False
    )
