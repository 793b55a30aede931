"""Which hosts may be called: those on the setting OUTGOING_ALLOWLIST.

An entry is ``host``, ``host:port`` or ``*`` (any public host). An address of a private network is
called only if the list names exactly ``host:port``.
"""

import contextlib
from collections.abc import Sequence
from urllib.parse import urlsplit

import idna
from django.conf import settings

from flows.graph.model import Step
from flows.graph.problems import Problem, warning
from flows.steps.base import StepFailure, text_of
from flows.steps.ip_addresses import is_public, read_literal

DEFAULT_PORTS = {"http": 80, "https": 443}


class DestinationRefused(StepFailure):
    """The address may not be called: why, and what to do."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason} {remedy}", kind="refused", retryable=False)
        self.reason, self.remedy = reason, remedy


def check_destination(url: str) -> bool:
    """Return whether the address may be one of a private network.

    Call it as soon as an address is known, such as when it is saved: an address that is spelt out
    is judged here, and one that a name stands for when it is connected to.

    Raises: DestinationRefused, if it is not an HTTP address or not allowed.
    """
    host, port = _read_host_and_port(url)
    named = _join(host, port)
    allowed = {_normalize(entry) for entry in settings.OUTGOING_ALLOWLIST}
    if named in allowed:
        return True
    if not (host in allowed or f"[{host}]" in allowed or "*" in allowed):
        raise DestinationRefused(
            f"Requests to {named} are not allowed.", f"Add {named} to OUTGOING_ALLOWLIST."
        )
    if _is_private(host):
        raise DestinationRefused(
            f"{named} is inside a private network.",
            f"If you mean to call it, add {named} to OUTGOING_ALLOWLIST.",
        )
    return False


def find_fault(url: str) -> DestinationRefused | None:
    """Return why the address may not be called, None if it may."""
    try:
        check_destination(url)
    except DestinationRefused as refused:
        return refused
    return None


def check_spelling(step: Step, field: str) -> Sequence[Problem]:
    """Warn of a step's address that is wrong, or private and not on the list, as it is spelt.

    It is a warning, as the list may still be changed. Of a name only calling it can tell.
    """
    url = text_of(step.config.get(field))
    if not url or "${" in url:
        return ()
    fault = find_fault(url)
    if fault is None or _names_a_public_host(url):
        return ()
    return [warning("address.refused", step.id, f"with.{field}", fault.reason, fault.remedy)]


def _names_a_public_host(url: str) -> bool:
    try:
        host, _ = _read_host_and_port(url)
    except DestinationRefused:
        return False
    return not _is_private(host)


def host_and_port(url: str) -> str | None:
    """Return ``host:port`` of an HTTP address, or None if it is not one."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return f"{parts.hostname.rstrip('.').lower()}:{port}" if parts.hostname and port else None


def name_of(url: str) -> str:
    """Return the address as OUTGOING_ALLOWLIST names it exactly. Raises: DestinationRefused."""
    return _join(*_read_host_and_port(url))


def _read_host_and_port(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError as error:
        raise DestinationRefused(
            f"{url!r} is not an address: {error}.", "Write it as https://host/path."
        ) from error
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or not port:
        raise DestinationRefused(
            f"{url!r} is not an HTTP address.", "Write it as https://host/path."
        )
    if parts.username or parts.password:
        raise DestinationRefused(
            "The address contains a user or password, which every page would show.",
            "Put them into an Authorization header.",
        )
    return _normalize(parts.hostname.rstrip(".")), port


def _normalize(name: str) -> str:
    """Return the name as the client connects to it: lower case, and in ASCII if it is not."""
    if not name.isascii():
        with contextlib.suppress(idna.IDNAError):
            host, colon, port = name.partition(":")
            name = idna.encode(host, uts46=True).decode() + colon + port
    return name.lower()


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_private(host: str) -> bool:
    """Return whether the host is spelt as an address that is not public, or as this machine."""
    address = read_literal(host)
    if address is None:
        return host == "localhost" or host.endswith(".localhost")
    return not is_public(address)


def hide_query(url: str) -> str:
    """Return host and path, as a query may hold what nobody should read in a journal."""
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}"
