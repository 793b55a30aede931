"""Take the address and scheme of a request from a trusted proxy, and from nobody else."""

import ipaddress
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

Application = Callable[[Any, Any, Any], Awaitable[None]]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
FORWARDED = frozenset({b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"forwarded"})


class TrustedProxies:
    """Gives the application the client that a proxy in ``networks`` names in X-Forwarded-For.

    That is the last address there which is no trusted proxy: what stands before it, the client may
    have written. Headers by which a proxy forwards are removed, so that nothing else reads them.
    """

    def __init__(self, application: Application, networks: Iterable[str]) -> None:
        self.application = application
        self.networks = [ipaddress.ip_network(each, strict=False) for each in networks]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.application(self._translate(scope), receive, send)

    def _translate(self, scope: Any) -> Any:
        if "headers" not in scope:
            return scope
        rest = [(name, value) for name, value in scope["headers"] if name.lower() not in FORWARDED]
        client = scope.get("client")
        if not client or not self._is_trusted(client[0]):
            return {**scope, "headers": rest}
        address = self._find_client(_read(scope, b"x-forwarded-for")) or client[0]
        secure = _read(scope, b"x-forwarded-proto")[-1:] == ["https"]
        plain = scope.get("scheme", "http")
        scheme = {"http": "https", "ws": "wss"}.get(plain, plain) if secure else plain
        return {**scope, "headers": rest, "client": [address, 0], "scheme": scheme}

    def _find_client(self, chain: list[str]) -> str:
        for each in reversed(chain):
            if not _is_address(each):
                return ""
            if not self._is_trusted(each):
                return each
        return chain[0] if chain else ""

    def _is_trusted(self, address: str) -> bool:
        if not _is_address(address):
            return False
        found = ipaddress.ip_address(address)
        return any(found in network for network in self.networks)


def _read(scope: Any, header: bytes) -> list[str]:
    """Return the parts of a header, of all its lines in their order."""
    lines = [value for name, value in scope["headers"] if name.lower() == header]
    parts = b",".join(lines).decode("latin-1").split(",")
    return [part.strip() for part in parts if part.strip()]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
