"""Ask a connection once, with a sample, to see what it does and what would be recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import transaction

from flows.connections.exchange import open_exchange
from flows.connections.known import KnownConnection
from flows.connections.models import Connection
from flows.connections.provider import chat_by, infer_by
from flows.spending.without_runs import count_without_run
from flows.steps.base import StepFailure
from flows.steps.language import ChatRequest, Message, Part
from flows.steps.models import InferenceRequest, InputRefused
from workbench.accounts.actors import Actor
from workbench.audit.services import record

Json = Any
# A person waits for it.
DEADLINE_SECONDS = 20.0
LONGEST_ERROR = 300
DEEPEST_SAMPLE = 4
HEALTH_SECONDS = 5.0
_OF_SERVER = frozenset({"connection", "timeout", "http"})


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of trying a connection. ``error`` is "" if it answered as it should.

    ``provenance`` is what a step would have recorded; empty where nothing answered.
    """

    output: Json = None
    confidence: float | None = None
    reasons: tuple[Mapping[str, Json], ...] = ()
    provenance: Mapping[str, Json] | None = None
    error: str = ""
    error_kind: str = ""

    @property
    def succeeded(self) -> bool:
        return not self.error

    @property
    def latency_ms(self) -> float | None:
        return (self.provenance or {}).get("latency_ms")

    @property
    def cost(self) -> float | None:
        return (self.provenance or {}).get("cost")


def try_connection(
    *,
    connection: Connection,
    sample: Json,
    actor: Actor,
    now: datetime,
    parameters: Mapping[str, Json] | None = None,
) -> Trial:
    """Ask the connection once, also one that is off or that no flow may use.

    A language model is given the sample as the text of a person's message. Call it outside of a
    transaction: it waits for the server.
    """
    known = KnownConnection(connection)
    try:
        trial = _ask(known, sample, parameters or {}, now)
    except InputRefused as refused:
        field = f"{refused.field}: " if refused.field else ""
        trial = Trial(error=f"The input does not fit: {field}{refused}.", error_kind="contract")
    except StepFailure as failure:
        message = f"{failure.message} {_look_at_server(known, failure, now)}".strip()
        trial = Trial(error=message, error_kind=failure.kind, provenance=failure.provenance)
    with transaction.atomic():
        _record(connection, trial, actor, now)
        count_without_run([trial.provenance], now=now)
    return trial


def make_sample(schema: Mapping[str, Json], depth: int = 0) -> Json:
    """Return a value to begin a sample with: examples and defaults, else empty values by type."""
    for known in ("examples", "default", "enum", "const"):
        if known in schema:
            found = schema[known]
            is_list = known in {"examples", "enum"}
            return found[0] if is_list and isinstance(found, list) and found else found
    properties = schema.get("properties")
    if isinstance(properties, Mapping) and depth < DEEPEST_SAMPLE:
        fields = {name: each for name, each in properties.items() if isinstance(each, Mapping)}
        return {name: make_sample(each, depth + 1) for name, each in fields.items()}
    empty = {"string": "", "number": 0, "integer": 0, "boolean": False, "array": [], "null": None}
    named = schema.get("type")
    return empty.get(named, {}) if isinstance(named, str) else {}


def _ask(
    known: KnownConnection, given: Json, parameters: Mapping[str, Json], now: datetime
) -> Trial:
    """Raises: InputRefused, StepFailure."""
    key = f"try-{uuid4()}"
    if known.serves_models:
        request = InferenceRequest(
            known.row.name, given, parameters, key, DEADLINE_SECONDS, now=now
        )
        inference = infer_by(known, request)
        return Trial(
            inference.output,
            inference.confidence,
            tuple(_describe_reason(each) for each in inference.reasons),
            inference.provenance.as_json(),
        )
    known.adapter  # noqa: B018 - raises where this process lacks the kind
    text = given if isinstance(given, str) else str(given)
    message = Message("user", (Part(text=text),))
    chat = ChatRequest(
        known.row.name,
        [message],
        parameters=parameters,
        idempotency_key=key,
        timeout_seconds=DEADLINE_SECONDS,
        now=now,
    )
    answer = chat_by(known, chat)
    output = {"text": answer.text, "finish": answer.finish}
    return replace(Trial(output), provenance=answer.provenance.as_json())


def _look_at_server(known: KnownConnection, failure: StepFailure, now: datetime) -> str:
    """Return whether the server itself is up, where its kind can tell and the model did not answer.

    What it answers is not shown.
    """
    if failure.kind not in _OF_SERVER:
        return ""
    try:
        exchange = open_exchange(
            known, {}, idempotency_key="", timeout_seconds=HEALTH_SECONDS, now=now
        )
        call = known.adapter.make_health_call(exchange.endpoint)
        if call is None:
            return ""
        exchange.ask(call)
    except StepFailure as other:
        return f"The server is not well either: {other.message}"
    return "The server itself is up."


def _describe_reason(reason: Any) -> Mapping[str, Json]:
    return {
        "label": reason.label,
        "value": reason.text or reason.value,
        "contribution": reason.contribution,
    }


def _record(connection: Connection, trial: Trial, actor: Actor, now: datetime) -> None:
    record(
        action="connection.tried",
        subject=("connection", connection.name),
        actor=actor,
        payload={
            "name": connection.name,
            "revision": connection.revision,
            "result": "answered" if trial.succeeded else f"failed ({trial.error_kind})",
            "latency_ms": trial.latency_ms,
            "cost": trial.cost,
            "error": trial.error[:LONGEST_ERROR],
        },
        now=now,
    )
