"""Sending HTTP requests, to allowed destinations only. No other code may send any.

Where the list of ``flows.steps.destinations`` does not name exactly ``host:port``, addresses of
private networks are refused; that is checked after resolving the name, on the very address that is
then connected to. Redirects are not followed, and proxies and .netrc of the environment not used.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests_hardened import Config as HardenedConfig
from requests_hardened import HTTPSession
from requests_hardened.ip_filter import InvalidIPAddress

from flows.steps.answers import Answer, RawAnswer, check_status, read_answer
from flows.steps.base import Json, StepFailure
from flows.steps.destinations import DEFAULT_PORTS, check_destination, hide_query, refusal

_CHUNK_BYTES = 64 * 1024
_MALFORMED = (requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader)


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


def send(request: Outgoing, now: datetime) -> Answer:
    """Send a request and return the whole answer.

    Raises: StepFailure, which says whether to try again.
    """
    may_be_private = check_destination(request.url)
    began = time.monotonic()
    config = HardenedConfig(
        ip_filter_enable=not may_be_private,
        ip_filter_allow_loopback_ips=False,
        never_redirect=True,
        default_timeout=(min(10.0, request.timeout_seconds), request.timeout_seconds),
    )
    try:
        with HTTPSession(config) as session:
            session.trust_env = False
            with _send_headers_and_body(session, request) as response:
                raw = _read_content(response, request, began)
    except requests.RequestException as error:
        raise _explain_no_answer(request, error) from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise StepFailure(
            f"{hide_query(request.url)} broke off its answer: {error}.", kind="connection"
        ) from error
    latency_ms = round((time.monotonic() - began) * 1000)
    answer = RawAnswer(hide_query(request.url), response, raw, latency_ms)
    check_status(answer, request.accept_statuses, now)
    return read_answer(answer)


def _send_headers_and_body(session: HTTPSession, request: Outgoing) -> requests.Response:
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


def _read_content(response: requests.Response, request: Outgoing, began: float) -> bytes:
    """Return the content, read in chunks, so that deadline and size are checked on the way."""
    content = bytearray()
    while True:
        if time.monotonic() - began > request.timeout_seconds:
            raise _timeout(request)
        chunk = response.raw.read1(_CHUNK_BYTES, decode_content=True)
        if not chunk:
            return bytes(content)
        content += chunk
        if len(content) > request.max_bytes:
            raise StepFailure(
                f"{hide_query(request.url)} answered with more than {request.max_bytes:,} bytes. "
                "Raise max_bytes, or ask for less.",
                kind="too_large",
                retryable=False,
            )


def _explain_no_answer(request: Outgoing, error: requests.RequestException) -> StepFailure:
    place = hide_query(request.url)
    if isinstance(error, InvalidIPAddress):
        host = urlsplit(request.url)
        named = f"{host.hostname}:{host.port or DEFAULT_PORTS[host.scheme]}"
        return refusal(
            f"{place} is inside a private network ({error}).",
            f"If you mean to call it, add {named} to OUTGOING_ALLOWLIST.",
        )
    if isinstance(error, requests.Timeout):
        return _timeout(request)
    if isinstance(error, _MALFORMED):
        return StepFailure(
            f"The request to {place} is malformed: {error}. Correct its address and headers.",
            kind="config",
            retryable=False,
        )
    return StepFailure(f"{place} cannot be reached: {error}.", kind="connection")


def _timeout(request: Outgoing) -> StepFailure:
    return StepFailure(
        f"{hide_query(request.url)} did not answer within {request.timeout_seconds:g} s. "
        "Raise timeout_seconds if it needs more.",
        kind="timeout",
    )
