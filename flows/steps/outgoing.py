"""The one way out: HTTP requests that reach only where they are allowed to.

A host must be on the setting OUTGOING_ALLOWLIST, as ``host``, ``host:port`` or ``*`` (any public
host). Addresses of private networks are refused, after resolving the name and on the very address
that is then connected to, unless the list names exactly ``host:port``. Redirects are not followed,
proxies and .netrc of the environment are not used.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from django.conf import settings
from requests_hardened import Config as HardenedConfig
from requests_hardened import HTTPSession
from requests_hardened.ip_filter import InvalidIPAddress

from flows.steps.base import Json, StepFailure

RETRYABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
# A destination may not park a run for longer than this by its Retry-After.
LONGEST_RETRY_AFTER_SECONDS = 24 * 3600.0
SHOWN_CHARACTERS = 500
SUCCESS, REDIRECT = 2, 3  # status classes
_CHUNK_BYTES = 64 * 1024
_MALFORMED = (requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request to send. ``timeout_seconds`` bounds connecting, waiting and reading together."""

    method: str
    url: str
    headers: Mapping[str, str]
    query: Mapping[str, Any]
    body: Json
    timeout_seconds: float
    max_bytes: int
    accept_statuses: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``body`` is parsed JSON if the answer says it is JSON, else text."""

    status: int
    headers: Mapping[str, str]
    body: Json
    latency_ms: int


def send(request: Outgoing, now: datetime) -> Answer:
    """Send and read the whole answer. Raises: StepFailure, which says whether to try again."""
    names_private = check_destination(request.url)
    began = time.monotonic()
    config = HardenedConfig(
        ip_filter_enable=not names_private,
        ip_filter_allow_loopback_ips=False,
        never_redirect=True,
        default_timeout=(min(10.0, request.timeout_seconds), request.timeout_seconds),
    )
    try:
        with HTTPSession(config) as session:
            session.trust_env = False
            with _start(session, request) as response:
                raw = _read(response, request, began)
    except requests.RequestException as error:
        raise _unreachable(request, error) from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise StepFailure(
            f"{_place(request.url)} broke off its answer: {error}.", kind="connection"
        ) from error
    latency_ms = round((time.monotonic() - began) * 1000)
    _check_status(request, response, raw, now)
    return Answer(response.status_code, _headers(response), _body(response, raw), latency_ms)


def _start(session: HTTPSession, request: Outgoing) -> requests.Response:
    headers = {"Accept-Encoding": "identity", "User-Agent": "Countersign", **request.headers}
    data: bytes | None = None
    if isinstance(request.body, str):
        data = request.body.encode()
        headers.setdefault("Content-Type", "text/plain; charset=utf-8")
    elif request.body is not None:
        data = json.dumps(request.body, ensure_ascii=False, allow_nan=False).encode()
        headers.setdefault("Content-Type", "application/json")
    response: requests.Response = session.request(
        request.method,
        request.url,
        params=dict(request.query),
        headers=headers,
        data=data,
        stream=True,
    )
    return response


def _read(response: requests.Response, request: Outgoing, began: float) -> bytes:
    """Read as it comes, so that a trickle meets the deadline and a flood the limit."""
    content = bytearray()
    while True:
        if time.monotonic() - began > request.timeout_seconds:
            raise StepFailure(
                f"{_place(request.url)} took longer than {request.timeout_seconds:g} s to answer. "
                "Raise timeout_seconds if it needs more.",
                kind="timeout",
            )
        chunk = response.raw.read1(_CHUNK_BYTES, decode_content=True)
        if not chunk:
            return bytes(content)
        content += chunk
        if len(content) > request.max_bytes:
            raise StepFailure(
                f"{_place(request.url)} answered with more than {request.max_bytes:,} bytes. "
                "Raise max_bytes, or ask for less.",
                kind="too_large",
                retryable=False,
            )


# --- Where ----------------------------------------------------------------------


def check_destination(url: str) -> bool:
    """Return whether the list names this host and port, so that it may be a private address.

    Raises: StepFailure if it is no HTTP address or not allowed.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError as error:
        raise _refused(
            f"{url!r} is no address: {error}.", "Write it as https://host/path."
        ) from error
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise _refused(f"{url!r} is no HTTP address.", "Write it as https://host/path.")
    if parts.username or parts.password:
        raise _refused(
            "The address holds a user or password, which every page would show.",
            "Put them into an Authorization header.",
        )
    host = parts.hostname.rstrip(".").lower()
    named = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    allowed = {entry.lower() for entry in settings.OUTGOING_ALLOWLIST}
    if named in allowed:
        return True
    if host in allowed or f"[{host}]" in allowed or "*" in allowed:
        return False
    raise _refused(f"Requests to {named} are not allowed.", f"Add {named} to OUTGOING_ALLOWLIST.")


def host_and_port(url: str) -> str | None:
    """Return ``host:port`` of an HTTP address, or None if it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return f"{parts.hostname.rstrip('.').lower()}:{port}" if parts.hostname and port else None


def _refused(message: str, remedy: str) -> StepFailure:
    return StepFailure(f"{message} {remedy}", kind="refused", retryable=False)


def _place(url: str) -> str:
    """Return host and path: a query may hold what nobody should read in a journal."""
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}"


def _unreachable(request: Outgoing, error: requests.RequestException) -> StepFailure:
    place = _place(request.url)
    if isinstance(error, InvalidIPAddress):
        host = urlsplit(request.url)
        named = f"{host.hostname}:{host.port or _DEFAULT_PORTS[host.scheme]}"
        return _refused(
            f"{place} is inside a private network ({error}).",
            f"If that is meant, add {named} to OUTGOING_ALLOWLIST.",
        )
    if isinstance(error, requests.Timeout):
        return StepFailure(
            f"{place} did not answer within {request.timeout_seconds:g} s. "
            "Raise timeout_seconds if it needs more.",
            kind="timeout",
        )
    if isinstance(error, _MALFORMED):
        return StepFailure(
            f"The request to {place} is malformed: {error}.", kind="config", retryable=False
        )
    return StepFailure(f"{place} cannot be reached: {error}.", kind="connection")


# --- What came back ---------------------------------------------------------------


def _check_status(
    request: Outgoing, response: requests.Response, raw: bytes, now: datetime
) -> None:
    status = response.status_code
    if status in request.accept_statuses or status // 100 == SUCCESS:
        return
    place = _place(request.url)
    text = raw[: SHOWN_CHARACTERS * 4].decode("utf-8", "replace")[:SHOWN_CHARACTERS]
    detail = {"status": status, "body": text}
    if status // 100 == REDIRECT:
        target = response.headers.get("Location", "nowhere")
        raise StepFailure(
            f"{place} redirects to {target}. Redirects are not followed: "
            "use that address if you trust it.",
            kind="redirect",
            retryable=False,
            detail=detail,
        )
    raise StepFailure(
        f"{place} answered {status} {response.reason or ''}".rstrip() + f": {text}" * bool(text),
        kind="http",
        retryable=status in RETRYABLE_STATUSES,
        retry_after_seconds=retry_after(response.headers.get("Retry-After"), now),
        detail=detail,
    )


def retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for: a number, or a date after ``now``."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value), LONGEST_RETRY_AFTER_SECONDS)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    return min(max((at - now).total_seconds(), 0.0), LONGEST_RETRY_AFTER_SECONDS)


def _headers(response: requests.Response) -> Mapping[str, str]:
    """Return the headers in lower case, without cookies: an output is shown on pages."""
    return {
        name.lower(): value
        for name, value in response.headers.items()
        if name.lower() not in {"set-cookie", "set-cookie2"}
    }


def _body(response: requests.Response, raw: bytes) -> Json:
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        return _json(response, raw)
    return _text(response, raw)


def _json(response: requests.Response, raw: bytes) -> Json:
    if not raw:
        return None
    try:
        return json.loads(raw, parse_constant=_no_constant)
    except ValueError as error:
        raise StepFailure(
            f"{_place(response.url)} answered with what it calls JSON and is none: {error}.",
            kind="contract",
            retryable=False,
            detail={"body": raw[:SHOWN_CHARACTERS].decode("utf-8", "replace")},
        ) from error


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def _text(response: requests.Response, raw: bytes) -> str:
    """Decode by the answer's own charset. NUL is dropped: PostgreSQL's JSON cannot hold it."""
    charset = requests.utils.get_encoding_from_headers(response.headers) or "utf-8"
    try:
        text = raw.decode(charset, "replace")
    except LookupError:
        text = raw.decode("utf-8", "replace")
    return text.replace("\0", "")
