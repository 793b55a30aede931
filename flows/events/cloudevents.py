"""CloudEvents 1.0 over HTTP, structured and binary. https://github.com/cloudevents/spec

``type`` is the event's name, ``subject`` its key, and ``source`` with ``id`` its identity.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

from flows.events.receiving import LONGEST_KEY, LONGEST_NAME
from workbench.values.checking import check_text
from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused

Json = Any
STRUCTURED = "application/cloudevents+json"
PLAIN = "application/json"
ATTRIBUTES = ("specversion", "id", "source", "type", "subject")


class EventMalformed(ValueError):
    """It is not a CloudEvent. ``attribute`` is what is wrong, or "" for the whole."""

    def __init__(self, attribute: str, message: str) -> None:
        super().__init__(message)
        self.attribute = attribute


@dataclass(frozen=True, slots=True)
class CloudEvent:
    id: str
    source: str
    type: str
    subject: str
    data: Json

    @property
    def identity(self) -> str:
        """Return ``source#id``, or a digest of the two where a ``#`` is in either.

        Otherwise ``a#b`` with ``c`` would be the same event as ``a`` with ``b#c``.
        """
        if self.former_identity.count("#") == 1:
            return self.former_identity
        parts = json.dumps([self.source, self.id])
        return f"sha256:{sha256(parts.encode()).hexdigest()}"

    @property
    def former_identity(self) -> str:
        """Return what identified the event before sources and ids with ``#`` were told apart."""
        return f"{self.source}#{self.id}"


def read_cloudevent(content_type: str, headers: Mapping[str, str], body: bytes) -> CloudEvent:
    """Return the event in a request, whose headers are in lower case. Raises: EventMalformed."""
    if content_type == STRUCTURED:
        parsed = _read_json(body)
        if not isinstance(parsed, dict):
            raise EventMalformed("", "A structured CloudEvent is one JSON object.")
        if "data_base64" in parsed:
            raise EventMalformed("data_base64", "Binary data is not accepted. Send JSON as `data`.")
        return _to_event(parsed, parsed.get("data"))
    # The HTTP binding percent-encodes what a header cannot hold.
    given = {name: unquote(headers[f"ce-{name}"]) for name in ATTRIBUTES if f"ce-{name}" in headers}
    return _to_event(given, _read_json(body) if body else None)


def _read_json(body: bytes) -> Json:
    try:
        return read_json(body)
    except ValueRefused as error:
        raise EventMalformed(error.at[1:] or "data", f"{error.message} {error.remedy}") from error


def _to_event(given: Mapping[str, Json], data: Json) -> CloudEvent:
    if given.get("specversion") != "1.0":
        raise EventMalformed("specversion", "Send specversion 1.0.")
    subject = given.get("subject", "")
    for name in ("id", "source", "type"):
        value = given.get(name)
        if not isinstance(value, str) or not value.strip():
            raise EventMalformed(name, f"A CloudEvent needs `{name}`, a text that is not empty.")
    if not isinstance(subject, str) or len(subject) > LONGEST_KEY:
        raise EventMalformed("subject", f"`subject` is a text of at most {LONGEST_KEY} characters.")
    if len(given["type"]) > LONGEST_NAME:
        raise EventMalformed("type", f"`type` has at most {LONGEST_NAME} characters.")
    for name in ATTRIBUTES:
        _check_attribute(name, given.get(name, ""))
    return CloudEvent(given["id"], given["source"], given["type"], subject, data)


def _check_attribute(name: str, text: str) -> None:
    try:
        check_text(text)
    except ValueRefused as error:
        raise EventMalformed(name, f"`{name}`: {error.message} {error.remedy}") from error
