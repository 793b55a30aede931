"""Which hosts may be called: those on the setting OUTGOING_ALLOWLIST.

An entry is ``host``, ``host:port`` or ``*`` (any public host). An address of a private network is
called only if the list names exactly ``host:port``.
"""

from urllib.parse import urlsplit

from django.conf import settings

from flows.steps.base import StepFailure

DEFAULT_PORTS = {"http": 80, "https": 443}


def check_destination(url: str) -> bool:
    """Return whether the address may be one of a private network.

    Raises: StepFailure, if it is not an HTTP address or not allowed.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError as error:
        raise refusal(
            f"{url!r} is not an address: {error}.", "Write it as https://host/path."
        ) from error
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise refusal(f"{url!r} is not an HTTP address.", "Write it as https://host/path.")
    if parts.username or parts.password:
        raise refusal(
            "The address contains a user or password, which every page would show.",
            "Put them into an Authorization header.",
        )
    host = parts.hostname.rstrip(".").lower()
    named = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    allowed = {entry.lower() for entry in settings.OUTGOING_ALLOWLIST}
    if named in allowed:
        return True
    if host in allowed or f"[{host}]" in allowed or "*" in allowed:
        return False
    raise refusal(f"Requests to {named} are not allowed.", f"Add {named} to OUTGOING_ALLOWLIST.")


def host_and_port(url: str) -> str | None:
    """Return ``host:port`` of an HTTP address, or None if it is not one."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return f"{parts.hostname.rstrip('.').lower()}:{port}" if parts.hostname and port else None


def refusal(message: str, remedy: str) -> StepFailure:
    return StepFailure(f"{message} {remedy}", kind="refused", retryable=False)


def hide_query(url: str) -> str:
    """Return host and path, as a query may hold what nobody should read in a journal."""
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}"
