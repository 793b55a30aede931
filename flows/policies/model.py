"""What a policy is, what it decides, and how its answer is read: in doubt as a refusal."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

Json = Any
Language = Literal["rego", "cel"]
# Why there is no decision, which then counts as a refusal.
Fault = Literal["", "error", "undefined", "type", "timeout", "server", "busy", "missing"]

LONGEST_SOURCE = 100_000  # characters
LARGEST_INPUT = 1024 * 1024  # bytes of JSON
MOST_REASONS = 100
LONGEST_REASON = 1_000
LARGEST_OBLIGATIONS = 64 * 1024  # bytes of JSON
_PACKAGE = re.compile(r"^\s*package\s+([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*(?:#.*)?$", re.M)
QUERY = r"data(\.[A-Za-z_][A-Za-z0-9_]*)+"


@dataclass(frozen=True)
class Policy:
    """Rules that decide on an input.

    ``source`` is a Rego module, whose answer is the value of ``query`` (``data.PACKAGE``, if it is
    empty), or a CEL expression on ``input`` and ``data``.
    """

    language: Language
    source: str
    query: str = ""
    data: Mapping[str, Json] = field(default_factory=dict)

    @property
    def asked(self) -> str:
        """The query, or that of the module's package. Empty, where there is neither."""
        if self.query or self.language != "rego":
            return self.query
        found = _PACKAGE.search(self.source)
        return f"data.{found[1]}" if found else ""

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of all that its answers depend on, beside the input."""
        return compute_digest([self.language, self.source, self.asked, dict(self.data)])

    def as_json(self) -> dict[str, Json]:
        return {
            "language": self.language, "source": self.source, "query": self.asked,
            "data": dict(self.data),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy decided. With a ``fault`` it did not, and ``reasons`` says why."""

    allow: bool
    reasons: tuple[str, ...] = ()
    obligations: Mapping[str, Json] = field(default_factory=dict)
    fault: Fault = ""

    def as_json(self) -> dict[str, Json]:
        told: dict[str, Json] = {
            "allow": self.allow,
            "reasons": list(self.reasons),
            "obligations": dict(self.obligations),
        }
        return {**told, "fault": self.fault} if self.fault else told


class Undefined:
    """The value of a query that has none."""


UNDEFINED = Undefined()


def refuse(fault: Fault, why: str) -> Decision:
    """Return the refusal of a policy that did not decide."""
    return Decision(allow=False, reasons=(why[:LONGEST_REASON],), fault=fault)


def read_decision(value: Json | Undefined) -> Decision:
    """Return the decision that a policy's answer is: true or false, or an object with ``allow``.

    The other two of the object are ``reasons``, a list of texts, and ``obligations``, an object.
    """
    if isinstance(value, Undefined):
        return refuse("undefined", "The policy is undefined for this input.")
    if isinstance(value, bool):
        return Decision(allow=value)
    if not isinstance(value, Mapping):
        return refuse("type", f"The policy answered with {_name(value)}, not with a decision.")
    if "allow" not in value:
        return refuse("undefined", "The policy leaves `allow` undefined for this input.")
    allow, reasons = value["allow"], value.get("reasons", [])
    obligations = value.get("obligations", {})
    if fault := _find_fault(allow, reasons, obligations):
        return refuse("type", fault)
    return Decision(allow, tuple(reasons), obligations)


def _find_fault(allow: Json, reasons: Json, obligations: Json) -> str:
    if not isinstance(allow, bool):
        return f"`allow` is {_name(allow)}, not true or false."
    if not isinstance(reasons, list) or not all(isinstance(each, str) for each in reasons):
        return "`reasons` is not a list of texts."
    if len(reasons) > MOST_REASONS or any(len(each) > LONGEST_REASON for each in reasons):
        return (
            f"`reasons` has more than {MOST_REASONS} texts, or longer ones than {LONGEST_REASON}."
        )
    if not isinstance(obligations, Mapping):
        return f"`obligations` is {_name(obligations)}, not an object."
    if len(json.dumps(obligations)) > LARGEST_OBLIGATIONS:
        return f"`obligations` has more than {LARGEST_OBLIGATIONS // 1024} KiB."
    return ""


def _name(value: Json) -> str:
    names = {type(None): "null", str: "a text", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")


def compute_digest(value: Json) -> str:
    """Return the SHA-256 of a JSON value, with its keys in order."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
