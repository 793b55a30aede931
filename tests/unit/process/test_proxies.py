"""Who asks, where proxies stand in front of the server."""

import asyncio
from typing import Any

import pytest

from workbench.process.proxies import TrustedProxies

PROXIES = ["10.0.0.0/8", "fd00::/8"]


def ask(client: str, *headers: tuple[str, str], kind: str = "http") -> dict[str, Any]:
    seen: dict[str, Any] = {}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)

    scope = {
        "type": kind if kind in {"http", "websocket"} else "http",
        "scheme": "ws" if kind == "websocket" else "http",
        "client": [client, 4711],
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }
    asyncio.run(TrustedProxies(application, PROXIES)(scope, None, None))
    return seen


@pytest.mark.parametrize(
    ("client", "forwarded", "expected"),
    [
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),  # the first part is a claim
        ("10.0.0.1", "203.0.113.9, 10.2.3.4", "203.0.113.9"),  # through two proxies
        ("10.0.0.1", "10.2.3.4", "10.2.3.4"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # nobody's proxy says so
    ],
)
def test_the_client_is_who_the_trusted_proxy_names(
    client: str, forwarded: str, expected: str
) -> None:
    scope = ask(client, ("x-forwarded-for", forwarded), ("X-Forwarded-Proto", "https"))
    assert scope["client"][0] == expected
    assert scope["scheme"] == ("http" if client.startswith("203") else "https")
    assert scope["headers"] == []


def test_two_headers_are_read_as_one_list() -> None:
    scope = ask("10.0.0.1", ("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "203.0.113.9"))
    assert scope["client"][0] == "203.0.113.9"


def test_a_socket_is_secure_behind_a_proxy_that_says_so() -> None:
    scope = ask("10.0.0.1", ("x-forwarded-proto", "https"), kind="websocket")
    assert scope["scheme"] == "wss"


def test_a_host_that_is_forwarded_is_never_taken() -> None:
    headers = [("host", "desk.example"), ("x-forwarded-host", "evil.example")]
    assert ask("10.0.0.1", *headers)["headers"] == [(b"host", b"desk.example")]
