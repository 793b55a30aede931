"""Sending HTTP requests, to allowed destinations only. No other code may send any.

Where the list of ``flows.steps.destinations`` does not name exactly ``host:port``, only public
addresses are called; that is checked after resolving the name, on the very address that is then
connected to. Redirects are not followed, and proxies and .netrc of the environment not used.
"""

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions

from flows.policies.points import EGRESS, judge_step
from flows.steps.adapter import JudgedAdapter
from flows.steps.answers import Answer, RawAnswer, check_status, read_answer
from flows.steps.base import Json, StepFailure
from flows.steps.connecting import PrivateAddress
from flows.steps.deadline import Deadline
from flows.steps.destinations import (
    DEFAULT_PORTS,
    DestinationRefused,
    check_destination,
    hide_query,
    name_of,
)

# http.client itself takes at most 100 headers of at most 64 KiB each.
MAX_HEADER_BYTES = 64 * 1024
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request to send. ``timeout_seconds`` bounds all of it: resolving the
    name, connecting, TLS, sending, and the answer to its last byte. ``shown_as`` names the address
    in messages if its path is a secret.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    query: Mapping[str, Any]
    body: Json
    timeout_seconds: float
    max_bytes: int
    accept_statuses: frozenset[int] = frozenset()
    shown_as: str = ""

    @property
    def place(self) -> str:
        """What messages call the address: its query may hold what nobody should read there."""
        return self.shown_as or hide_query(self.url)


def send(request: Outgoing, now: datetime) -> Answer:
    """Send a request and return the whole answer.

    Raises: StepFailure, which says whether to try again.
    """
    prepared = _prepare(request)
    _ask_policies(prepared)
    began = time.monotonic()
    with Deadline(request.timeout_seconds) as deadline:
        raw = _exchange(request, prepared, deadline)
    latency_ms = round((time.monotonic() - began) * 1000)
    answer = RawAnswer(request.place, *raw, latency_ms)
    check_status(answer, request.accept_statuses, now)
    return read_answer(answer)


def _prepare(request: Outgoing) -> requests.PreparedRequest:
    """Return the request as it is sent. Raises: StepFailure for a malformed one."""
    check_destination(request.url)
    headers = {
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "User-Agent": "Countersign",
        **request.headers,
    }
    data, media_type = _encode_body(request.body)
    if media_type and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = media_type
    try:
        return requests.Request(
            request.method,
            request.url,
            params=dict(request.query),
            headers=headers,
            data=data,
        ).prepare()
    except (requests.RequestException, UnicodeError) as error:
        why = "" if request.shown_as else f": {error}"
        raise StepFailure(
            f"The request to {request.place} is malformed{why}. Correct its address and headers.",
            kind="config",
            retryable=False,
        ) from error


def _ask_policies(prepared: requests.PreparedRequest) -> None:
    """Raises: DestinationRefused, where a policy for egress refuses the address."""
    parts = urlsplit(prepared.url or "")
    verdict = judge_step(
        EGRESS,
        method=prepared.method or "",
        scheme=parts.scheme,
        host=parts.hostname or "",
        port=parts.port or DEFAULT_PORTS.get(parts.scheme, 0),
        path=parts.path,
    )
    if not verdict.allowed:
        raise DestinationRefused(verdict.refusal, "Ask an administrator about the policy.")


def _encode_body(body: Json) -> tuple[bytes | None, str]:
    if body is None:
        return None, ""
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode(), "application/json"


def _exchange(
    request: Outgoing, prepared: requests.PreparedRequest, deadline: Deadline
) -> tuple[requests.Response, bytes]:
    """Send the request and return its answer with the content. Raises: StepFailure.

    The adapter is called without a session, which would read the body of a redirect.
    """
    # The address as it is connected to: what was judged and what is called must not differ.
    may_be_private = check_destination(prepared.url or "")
    try:
        with (
            closing(JudgedAdapter(deadline, may_be_private=may_be_private)) as adapter,
            adapter.send(prepared, stream=True, timeout=deadline.seconds_left) as response,
        ):
            _check_headers(response, request)
            content = _read_content(response, request, deadline)
    except PrivateAddress as error:
        raise _explain_private(request, error) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise _explain_no_answer(request, error, deadline) from error
    # A connection that was shut can look like an answer that came to its end.
    if deadline.is_over:
        raise _timeout(request)
    return response, content


def _check_headers(response: requests.Response, request: Outgoing) -> None:
    size = sum(len(name) + len(value) for name, value in response.raw.headers.items())
    if size > MAX_HEADER_BYTES:
        raise _headers_too_large(request)


def _read_content(response: requests.Response, request: Outgoing, deadline: Deadline) -> bytes:
    """Return the content, read in chunks, so that deadline and size are checked on the way."""
    content = bytearray()
    while True:
        if deadline.is_over:
            raise _timeout(request)
        chunk = response.raw.read1(_CHUNK_BYTES, decode_content=True)
        if not chunk:
            return bytes(content)
        content += chunk
        if len(content) > request.max_bytes:
            raise StepFailure(
                f"{request.place} answered with more than {request.max_bytes:,} bytes. "
                "Raise max_bytes, or ask for less.",
                kind="too_large",
                retryable=False,
            )


# --- Failures -------------------------------------------------------------------------


def _explain_private(request: Outgoing, error: PrivateAddress) -> StepFailure:
    return DestinationRefused(
        f"{request.place} is inside a private network ({error}).",
        f"If you mean to call it, add {name_of(request.url)} to OUTGOING_ALLOWLIST.",
    )


def _explain_no_answer(request: Outgoing, error: Exception, deadline: Deadline) -> StepFailure:
    causes = list(_causes(error))
    if any(_is_about_headers(each) for each in causes):
        return _headers_too_large(request)
    if deadline.is_over or any(isinstance(each, TimeoutError) for each in causes):
        return _timeout(request)
    return StepFailure(
        f"{request.place} cannot be reached, or broke off its answer: {_reason(error)}.",
        kind="connection",
    )


def _reason(error: Exception) -> object:
    """Return what went wrong, without the address that urllib3 repeats around it."""
    inner = error.args[0] if error.args else error
    return inner.reason if isinstance(inner, urllib3.exceptions.MaxRetryError) else error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_about_headers(error: BaseException) -> bool:
    """Return whether http.client met its own bounds: their length, or their number."""
    if isinstance(error, http.client.LineTooLong):
        return True
    return type(error) is http.client.HTTPException and "headers" in str(error)


def _headers_too_large(request: Outgoing) -> StepFailure:
    return StepFailure(
        f"{request.place} answered with more headers than 100, or than "
        f"{MAX_HEADER_BYTES // 1024} KiB. Ask the service to send fewer.",
        kind="too_large",
        retryable=False,
    )


def _timeout(request: Outgoing) -> StepFailure:
    return StepFailure(
        f"{request.place} did not answer within {request.timeout_seconds:g} s. "
        "Raise timeout_seconds if it needs more.",
        kind="timeout",
    )
