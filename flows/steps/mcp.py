"""The step type `mcp.call`: call a tool of an MCP server, by its streamable HTTP transport.

Source: Model Context Protocol, revisions 2025-03-26 and 2025-06-18, "Transports" and "Tools".
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import Field, field_validator

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
from flows.steps.http import RESERVED_HEADERS
from flows.steps.outgoing import Outgoing, send
from flows.steps.registry import register
from flows.steps.structured import shorten
from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused

# The revisions that are spoken here, the newest first. Their calls of tools are alike.
PROTOCOLS = ("2025-06-18", "2025-03-26")
SESSION = "Mcp-Session-Id"
MOST_BYTES = 4 * 1024 * 1024
OWN_HEADERS = RESERVED_HEADERS | {
    "accept", "content-type", "idempotency-key", "mcp-session-id", "mcp-protocol-version",
}  # fmt: skip
LEAVING_SECONDS = 5.0
_NONE: Mapping[str, str] = {}
INITIALIZE, CALL = 1, 2


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
        timeout_seconds: float = Field(
            default=30,
            gt=0,
            le=600,
            title="Timeout in seconds",
            description="For each of the three messages: hello, its confirmation, the call.",
        )

        @field_validator("headers")
        @classmethod
        def refuse_reserved_headers(cls, headers: dict[str, str]) -> dict[str, str]:
            if taken := [name for name in headers if name.lower() in OWN_HEADERS]:
                raise ValueError(f"{', '.join(taken)} is set by the client: remove it")
            return headers

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
        try:
            session.begin()
            given = session.call_tool()
        finally:
            session.leave()
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
    """One conversation with a server: hello, one call, goodbye."""

    def __init__(self, ctx: StepContext, config: McpCall.Config) -> None:
        self._ctx, self._config = ctx, config
        self._headers = {"Accept": "application/json, text/event-stream", **config.headers}
        self.latency_ms = 0

    def begin(self) -> None:
        about = {"name": "Countersign", "version": "1"}
        hello = {"protocolVersion": PROTOCOLS[0], "capabilities": {}, "clientInfo": about}
        answer = self._send(_make_request("initialize", hello, INITIALIZE))
        if session := answer.headers.get(SESSION.lower()):
            self._headers[SESSION] = session
        agreed = self._read(answer, "initialize", INITIALIZE).get("protocolVersion")
        if agreed not in PROTOCOLS:
            spoken = ", ".join(PROTOCOLS)
            raise _unfit(self._config, f"it speaks revision {shorten(str(agreed))}, not {spoken}")
        self._headers["MCP-Protocol-Version"] = agreed
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def call_tool(self) -> Mapping[str, Json]:
        """Return the result of the call. Raises: StepFailure."""
        params = {"name": self._config.tool, "arguments": self._config.arguments}
        # Of the call alone: a server may keep its answer by the key.
        key = {"Idempotency-Key": self._ctx.idempotency_key}
        answer = self._send(_make_request("tools/call", params, CALL), key)
        return self._read(answer, "tools/call", CALL)

    def leave(self) -> None:
        """End the session, if the server has one. What the call gave stands, whatever it says."""
        if SESSION in self._headers:
            seconds = min(LEAVING_SECONDS, self._config.timeout_seconds)
            with suppress(StepFailure):
                self._request("DELETE", None, {}, seconds)

    def _send(self, message: Mapping[str, Json], headers: Mapping[str, str] = _NONE) -> Answer:
        answer = self._request("POST", message, headers, self._config.timeout_seconds)
        self.latency_ms += answer.latency_ms
        return answer

    def _request(
        self, method: str, body: Json, headers: Mapping[str, str], seconds: float
    ) -> Answer:
        request = Outgoing(
            method=method,
            url=self._config.url,
            headers={**headers, **self._headers},
            query={},
            body=body,
            timeout_seconds=seconds,
            max_bytes=MOST_BYTES,
        )
        return send(request, self._ctx.now)

    def _read(self, answer: Answer, method: str, number: int) -> Mapping[str, Json]:
        """Return the result that answers a request. Raises: StepFailure."""
        reply = _find_reply(answer, number)
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


def _make_request(method: str, params: Mapping[str, Json], number: int) -> Mapping[str, Json]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def _find_reply(answer: Answer, number: int) -> Mapping[str, Json] | None:
    """Return the reply with the request's number, of a JSON answer or of a stream of events."""
    body = answer.body
    messages = _read_events(body) if isinstance(body, str) else body
    listed = messages if isinstance(messages, list | Iterator) else [messages]
    return next((each for each in listed if _answers(each, number)), None)


def _answers(message: Json, number: int) -> bool:
    # What has a method is a request of the server's own, whose numbers may be the same.
    return isinstance(message, Mapping) and message.get("id") == number and "method" not in message


def _read_events(text: str) -> Iterator[Json]:
    # Lines end as the format of event streams says; other marks of lines are part of the data.
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    for event in text.split("\n\n"):
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
