"""A request ends at its limit, whatever the other side does; and its headers are bounded."""

import socket
import time
from typing import Any

import pytest

from flows.steps.base import StepFailure
from flows.steps.http import HttpRequest
from tests.integration.steps import slow_servers as servers
from tests.unit.steps.contexts import context

LIMIT, GRACE = 1.0, 0.5


def fail_at(url: str, **config: Any) -> tuple[StepFailure, float]:
    """Return how the call fails and after how many seconds."""
    checked = HttpRequest.Config.model_validate({"url": url, "timeout_seconds": LIMIT, **config})
    began = time.monotonic()
    with pytest.raises(StepFailure) as caught:
        HttpRequest().run(context(), checked)
    return caught.value, time.monotonic() - began


@pytest.fixture(autouse=True)
def allowed(settings: Any) -> list[str]:
    entries: list[str] = []
    settings.OUTGOING_ALLOWLIST = entries
    return entries


def allow(allowed: list[str], port: int) -> str:
    allowed.append(f"127.0.0.1:{port}")
    return f"127.0.0.1:{port}"


@pytest.mark.parametrize(
    "play",
    [
        servers.slow_status_line,
        servers.slow_headers,
        servers.endless_continue,
        servers.slow_body,
        servers.slow_chunks,
        servers.endless_trailers,
        servers.body_without_end,
        servers.silence,
    ],
)
def test_a_server_that_takes_its_time_does_not_hold_the_step(
    allowed: list[str], play: servers.Play
) -> None:
    with servers.playing(play) as port:
        found, seconds = fail_at(f"http://{allow(allowed, port)}/")
    assert (found.kind, found.retryable) == ("timeout", True), found.message
    assert seconds < LIMIT + GRACE


@pytest.mark.parametrize("play", [servers.silence, servers.slow_handshake])
def test_a_handshake_that_hangs_does_not_hold_the_step(
    allowed: list[str], play: servers.Play
) -> None:
    with servers.playing(play) as port:
        found, seconds = fail_at(f"https://{allow(allowed, port)}/")
    assert (found.kind, found.retryable) == ("timeout", True), found.message
    assert seconds < LIMIT + GRACE


def test_a_server_that_does_not_take_the_request_does_not_hold_the_step(
    allowed: list[str],
) -> None:
    with servers.playing(servers.never_reads, reads_request=False) as port:
        found, seconds = fail_at(
            f"http://{allow(allowed, port)}/", method="POST", body="x" * 20_000_000
        )
    assert found.kind == "timeout", found.message
    assert seconds < LIMIT + GRACE


def test_a_name_that_does_not_resolve_in_time_does_not_hold_the_step(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(*_args: Any, **_named: Any) -> list[Any]:
        time.sleep(3)
        return []

    settings.OUTGOING_ALLOWLIST = ["slow.example"]
    monkeypatch.setattr(socket, "getaddrinfo", hang)
    found, seconds = fail_at("http://slow.example/")
    assert (found.kind, found.retryable) == ("timeout", True)
    assert seconds < LIMIT + GRACE


def test_a_connection_that_is_not_taken_does_not_hold_the_step(allowed: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        found, seconds = fail_at(f"http://{allow(allowed, address[1])}/")
        for each in waiting:
            each.close()
    assert found.kind == "timeout", found.message
    assert seconds < LIMIT + GRACE


@pytest.mark.parametrize(
    "play", [servers.endless_headers, servers.huge_header, servers.heavy_headers]
)
def test_headers_beyond_a_bound_are_cut_off(allowed: list[str], play: servers.Play) -> None:
    with servers.playing(play) as port:
        found, seconds = fail_at(f"http://{allow(allowed, port)}/", timeout_seconds=5)
    assert (found.kind, found.retryable) == ("too_large", False), found.message
    assert "header" in found.message
    assert seconds < LIMIT


def test_a_redirect_with_a_body_without_end_is_cut_off(allowed: list[str]) -> None:
    """Nothing may read the body before its size is counted, as a client that looks ahead does."""
    with servers.playing(servers.redirect_without_end) as port:
        found, seconds = fail_at(f"http://{allow(allowed, port)}/", timeout_seconds=5)
    assert (found.kind, found.retryable) == ("too_large", False), found.message
    assert seconds < LIMIT
