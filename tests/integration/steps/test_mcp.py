"""`mcp.call` against a server on loopback that answers well, badly, or without end."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from flows.steps.base import Result, StepFailure
from flows.steps.mcp import McpCall
from tests.integration.steps.mcp_server import McpServer, mcp_server, stream
from tests.unit.steps.contexts import context

REPLY = {"jsonrpc": "2.0", "id": 2, "result": {"content": [{"type": "text", "text": "12 °C"}]}}


@pytest.fixture
def mcp(settings: Any) -> Iterator[McpServer]:
    with mcp_server() as server:
        settings.OUTGOING_ALLOWLIST = [server.host]
        yield server


def call(mcp: McpServer, **config: Any) -> Result:
    given = {"url": mcp.url, "tool": "weather", "arguments": {"city": "Kiel"}, "timeout_seconds": 5}
    return McpCall().run(context(), McpCall.Config.model_validate({**given, **config}))


def failure(mcp: McpServer, **config: Any) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        call(mcp, **config)
    return caught.value


def test_a_tool_is_called_after_the_hello_and_its_answer_is_text_and_data(mcp: McpServer) -> None:
    content = [
        {"type": "text", "text": "12 °C"},
        {"type": "image", "data": "AA=="},
        {"type": "text", "text": "rain"},
    ]
    mcp.answer = lambda message: {"content": content, "structuredContent": message["params"]}
    made = call(mcp, headers={"Authorization": "Bearer abc"})
    assert made.output == {
        "text": "12 °C\nrain",
        "data": {"name": "weather", "arguments": {"city": "Kiel"}},
    }
    assert made.provenance["service"] == mcp.host
    assert mcp.methods == ["initialize", "notifications/initialized", "tools/call"]
    assert {headers["authorization"] for _, headers, _ in mcp.requests} == {"Bearer abc"}
    assert mcp.headers_of("tools/call")["mcp-protocol-version"] == "2025-06-18"
    assert mcp.headers_of("tools/call")["accept"] == "application/json, text/event-stream"


def test_the_idempotency_key_is_of_the_call_alone(mcp: McpServer) -> None:
    call(mcp)
    assert mcp.headers_of("tools/call")["idempotency-key"] == context().idempotency_key
    assert "idempotency-key" not in mcp.headers_of("initialize")
    assert "idempotency-key" not in mcp.headers_of("notifications/initialized")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_the_answer_may_be_a_stream_of_events(mcp: McpServer, newline: str) -> None:
    mcp.media_type = "text/event-stream"
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    progress = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {}}
    hello = {"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-03-26"}}
    mcp.hello = stream(hello, newline=newline)
    mcp.raw = stream(ping, progress, REPLY, newline=newline)
    assert call(mcp).output["text"] == "12 °C"
    assert mcp.headers_of("tools/call")["mcp-protocol-version"] == "2025-03-26"


def test_a_line_separator_within_a_text_ends_no_line(mcp: McpServer) -> None:
    mcp.media_type = "text/event-stream"
    said = {**REPLY, "result": {"content": [{"type": "text", "text": "a\u2028b"}]}}
    hello = {"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-03-26"}}
    mcp.hello = stream(hello)
    mcp.raw = f"data: {json.dumps(said, ensure_ascii=False)}\n\n".encode()
    assert call(mcp).output["text"] == "a\u2028b"


def test_a_session_is_kept_and_ended_whatever_came_of_the_call(mcp: McpServer) -> None:
    mcp.session = "s-17"
    call(mcp)
    assert mcp.methods[-1] == "DELETE"
    assert "mcp-session-id" not in mcp.headers_of("initialize")
    for method in ("notifications/initialized", "tools/call", "DELETE"):
        assert mcp.headers_of(method)["mcp-session-id"] == "s-17"
    mcp.answer = lambda message: {"isError": True, "content": []}
    failure(mcp)
    assert mcp.methods[-1] == "DELETE"


def test_a_tool_that_says_it_failed_is_not_tried_again(mcp: McpServer) -> None:
    mcp.answer = lambda message: {
        "isError": True,
        "content": [{"type": "text", "text": "No such city."}],
    }
    failed = failure(mcp)
    assert (failed.kind, failed.retryable) == ("tool", False)
    assert "weather failed: No such city." in failed.message


@pytest.mark.parametrize(
    ("reply", "kind", "says"),
    [
        ({"id": 2, "error": {"code": -32602, "message": "Unknown tool"}}, "tool", "Unknown tool"),
        ({"id": 2, "error": "no"}, "tool", "refused tools/call: no"),
        ({"id": 3, "result": {"content": []}}, "contract", "no reply"),
        ({"id": "2", "result": {"content": []}}, "contract", "no reply"),
        ({"id": 2, "result": "12"}, "contract", "no object"),
        ({"id": 2}, "contract", "no object"),
        ([], "contract", "no reply"),
        ("text", "contract", "no reply"),
        (None, "contract", "no reply"),
    ],
)
def test_an_answer_that_is_none_fails_with_what_is_wrong(
    mcp: McpServer, reply: Any, kind: str, says: str
) -> None:
    mcp.raw = json.dumps(reply).encode()
    failed = failure(mcp)
    assert (failed.kind, failed.retryable) == (kind, False)
    assert says in failed.message


@pytest.mark.parametrize("garbage", [b"{", b"\xff\xfe", b'{"id": 2, "id": 2}', b'{"id": NaN}'])
@pytest.mark.parametrize("media_type", ["application/json", "text/event-stream", "text/html"])
def test_garbage_is_told_apart_from_answers(
    mcp: McpServer, garbage: bytes, media_type: str
) -> None:
    mcp.media_type = media_type
    mcp.hello = stream({"id": 1, "result": {"protocolVersion": "2025-06-18"}})
    if media_type == "application/json":
        mcp.hello = None
    mcp.raw = garbage if media_type != "text/event-stream" else b"data: " + garbage + b"\n\n"
    assert failure(mcp).kind == "contract"


@pytest.mark.parametrize(
    "result",
    [{"content": "text"}, {"content": [1, None]}, {}, {"content": [{"type": "text", "text": 5}]}],
)
def test_content_in_no_form_of_text_is_no_text(mcp: McpServer, result: Any) -> None:
    mcp.answer = lambda message: result
    assert call(mcp).output == {"text": "", "data": None}


def test_a_stream_without_end_ends_at_the_timeout(mcp: McpServer) -> None:
    mcp.endless = True
    failed = failure(mcp, timeout_seconds=0.5)
    assert (failed.kind, failed.retryable) == ("timeout", True)


def test_an_answer_past_the_limit_is_refused(mcp: McpServer) -> None:
    mcp.answer = lambda message: {"content": [{"type": "text", "text": "x" * (5 * 1024 * 1024)}]}
    assert failure(mcp).kind == "too_large"


def test_a_redirect_is_not_followed(mcp: McpServer) -> None:
    mcp.status, mcp.more_headers = 307, {"Location": "http://127.0.0.1:9/"}
    failed = failure(mcp)
    assert (failed.kind, failed.retryable) == ("redirect", False)


def test_a_server_of_another_revision_is_refused_before_the_call(mcp: McpServer) -> None:
    mcp.revision = "1999-01-01"
    failed = failure(mcp)
    assert failed.kind == "contract"
    assert "1999-01-01" in failed.message
    assert mcp.methods == ["initialize"]


def test_a_server_that_is_busy_is_tried_again(mcp: McpServer) -> None:
    mcp.hello_status = 503
    assert failure(mcp).retryable
    mcp.hello_status, mcp.status = 200, 429
    assert failure(mcp).retryable


def test_an_address_that_is_not_allowed_is_not_called(mcp: McpServer, settings: Any) -> None:
    settings.OUTGOING_ALLOWLIST = []
    assert not failure(mcp).retryable
    assert mcp.requests == []


@pytest.mark.parametrize("name", ["Host", "Content-Length", "Mcp-Session-Id", "Accept"])
def test_headers_of_the_protocol_are_not_given(mcp: McpServer, name: str) -> None:
    with pytest.raises(ValidationError):
        call(mcp, headers={name: "x"})
