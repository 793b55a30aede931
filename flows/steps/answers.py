"""What a service answered: its status, headers and body."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

import requests

from flows.steps.base import Json, StepFailure
from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused

RETRYABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
# The longest time by which a destination's Retry-After may delay a run.
LONGEST_RETRY_AFTER_SECONDS = 24 * 3600.0
SHOWN_CHARACTERS = 500
EVENT_STREAM = "text/event-stream"
SUCCESS, REDIRECT = 2, 3  # status classes


@dataclass(frozen=True, slots=True)
class Answer:
    """A service's answer. ``body`` is parsed JSON if the answer says it is JSON, else text."""

    status: int
    headers: Mapping[str, str]
    body: Json
    latency_ms: int


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer whose content has been read. ``place`` names the service in messages."""

    place: str
    response: requests.Response
    content: bytes
    latency_ms: int

    @property
    def beginning(self) -> str:
        """The first characters of the content, for messages."""
        text = self.content[: SHOWN_CHARACTERS * 4].decode("utf-8", "replace")
        return text.replace("\0", "")[:SHOWN_CHARACTERS]


def read_answer(raw: RawAnswer) -> Answer:
    """Return the answer, read as its headers say. Raises: StepFailure of kind ``contract``."""
    response = raw.response
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    is_json = media_type == "application/json" or media_type.endswith("+json")
    body = _read_json(raw) if is_json else _decode(raw)
    return Answer(response.status_code, _read_headers(response), body, raw.latency_ms)


def check_status(raw: RawAnswer, accepted: Collection[int], now: datetime) -> None:
    """Raise StepFailure unless the status is a success or one of the accepted."""
    response, status = raw.response, raw.response.status_code
    if status in accepted or status // 100 == SUCCESS:
        return
    place, text = raw.place, raw.beginning
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
        retry_after_seconds=read_retry_after(response.headers.get("Retry-After"), now),
        detail=detail,
    )


def read_retry_after(value: str | None, now: datetime) -> float | None:
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


def _read_headers(response: requests.Response) -> Mapping[str, str]:
    """Return the headers in lower case, without cookies, as pages show a step's output."""
    return {
        name.lower(): value
        for name, value in response.headers.items()
        if name.lower() not in {"set-cookie", "set-cookie2"}
    }


def _read_json(raw: RawAnswer) -> Json:
    # MLflow says that it is there with a line break, and calls that JSON.
    if not raw.content.strip():
        return None
    try:
        return read_json(raw.content)
    except ValueRefused as error:
        raise StepFailure(
            f"{raw.place} answered with JSON that cannot be read: {error}",
            kind="contract",
            retryable=False,
            detail={"body": raw.beginning},
        ) from error


def _decode(raw: RawAnswer) -> str:
    """Return the content as text, without NUL, which PostgreSQL's JSON cannot hold."""
    charset = requests.utils.get_encoding_from_headers(raw.response.headers) or "utf-8"
    if raw.response.headers.get("Content-Type", "").lower().startswith(EVENT_STREAM):
        # Other text is Latin-1 where it says nothing; streams of events are always UTF-8.
        charset = "utf-8"
    try:
        text = raw.content.decode(charset, "replace")
    except LookupError:
        text = raw.content.decode("utf-8", "replace")
    return text.replace("\0", "")
