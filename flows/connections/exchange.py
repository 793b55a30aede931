"""One question to a model server: the secret, the call, the answer, and what it cost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from time import monotonic
from typing import Any, TypeVar

from flows.connections.adapters.contract import AnswerUnfit, Call, Endpoint
from flows.connections.known import KnownConnection
from flows.connections.prices import compute_cost
from flows.runtime.unanswered import under_way
from flows.steps.base import StepFailure
from flows.steps.models import Provenance
from flows.steps.outgoing import Outgoing, send
from workbench.secrets.masking import mask
from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused

Json = Any
T = TypeVar("T")
MAX_ANSWER_BYTES = 4 * 1024 * 1024
SHOWN_CHARACTERS = 200
# How servers and what stands before them name a request in the headers of an answer; the most
# telling first. Of a trace it is the whole header, as other tools search for it.
_ID_HEADERS = (
    "x-request-id", "request-id", "x-bentoml-request-id", "x-amzn-requestid", "x-ms-request-id",
    "apim-request-id", "x-correlation-id", "traceresponse", "traceparent",
)  # fmt: skip
LONGEST_ID = 200
# Failures of which a server answered with success, and so has been paid.
_ANSWERED = frozenset({"contract", "too_large"})


@dataclass(slots=True)
class Exchange:
    """A question under way. ``secret`` is taken out of all that leaves here."""

    known: KnownConnection
    parameters: Mapping[str, Json]
    idempotency_key: str
    timeout_seconds: float
    now: datetime
    secret: str = field(default="", repr=False)
    flow: str = ""
    # Whether the call is made for several attempts.
    is_shared: bool = False
    seconds: float = 0.0
    # What the reply states of itself, as soon as it has been read.
    stated: Mapping[str, Json] = field(default_factory=dict)
    # What its headers call the request, which counts where the reply states nothing.
    header_id: str = ""

    @property
    def endpoint(self) -> Endpoint:
        row = self.known.row
        return Endpoint(
            row.name, row.address, row.served_as, self.known.options, row.parameters, self.secret
        )

    def ask(self, call: Call) -> Json:
        """Return the body of the answer. Raises: StepFailure."""
        began = monotonic()
        try:
            with under_way(self.known.row.name, flow=self.flow, is_shared=self.is_shared):
                answer = send(self._to_outgoing(call), self.now)
        except StepFailure as failure:
            self.seconds = monotonic() - began
            raise self._masked(failure) from None
        self.seconds = monotonic() - began
        self.header_id = find_request_id(answer.headers)
        return answer.body

    def read(self, reader: Callable[[], T]) -> T:
        """Return what ``reader`` makes of the answer, which has been paid for either way.

        Raises: StepFailure of kind ``contract``, with the provenance.
        """
        try:
            return reader()
        except AnswerUnfit as unfit:
            field_, message = self.mask(unfit.field), self.mask(str(unfit))
            at = f"`{field_}` " if field_ else ""
            raise StepFailure(
                f"The connection {self.known.row.name} answered what does not fit: {at}{message}.",
                kind="contract",
                retryable=False,
                detail={"errors": [{"field": field_, "message": message}]},
                provenance=self.make_provenance().as_json(),
            ) from None

    def make_provenance(self) -> Provenance:
        """Return who answered and what it cost, as far as the reply has told."""
        row, stated = self.known.row, dict(self.stated)
        version = stated.pop("version", "") or self.known.version
        request_id = stated.pop("request_id", "") or self.header_id
        given, made = stated.get("input_tokens"), stated.get("output_tokens")
        counted = [each for each in (given, made) if each is not None]
        return self.mask_provenance(
            Provenance(
                provider="connection",
                model=row.name,
                version=version,
                parameters=dict(self.parameters),
                latency_ms=round(self.seconds * 1000, 3),
                tokens=sum(counted) if counted else None,
                cost=compute_cost(row, Decimal(self.seconds), given, made),
                served_as=row.served_as,
                request_id=request_id,
                **stated,
            )
        )

    def mask(self, value: Any) -> Any:
        """Return the value without the connection's secret."""
        return mask(value, [self.secret]) if self.secret else value

    def mask_provenance(self, made: Provenance) -> Provenance:
        if not self.secret:
            return made
        fields = {name: getattr(made, name) for name in Provenance.__dataclass_fields__}
        return Provenance(**self.mask(fields))

    def _to_outgoing(self, call: Call) -> Outgoing:
        own = {"Accept": "application/json"}
        if self.idempotency_key:
            own["Idempotency-Key"] = self.idempotency_key
        return Outgoing(
            method=call.method,
            url=join_address(self.known.row.address, call.path),
            headers={**own, **call.headers},
            query=call.query,
            body=call.body,
            timeout_seconds=self.timeout_seconds,
            max_bytes=MAX_ANSWER_BYTES,
        )

    def _masked(self, failure: StepFailure) -> StepFailure:
        message = failure.message
        if failure.kind == "too_large":
            message = (
                f"The connection {self.known.row.name} answered with more than "
                f"{MAX_ANSWER_BYTES:,} bytes or with too many headers. Ask for less."
            )
        return StepFailure(
            self.mask(message),
            kind=failure.kind,
            retryable=failure.retryable,
            retry_after_seconds=failure.retry_after_seconds,
            detail=self.mask(failure.detail),
            provenance=self.make_provenance().as_json() if failure.kind in _ANSWERED else None,
        )


def open_exchange(
    known: KnownConnection,
    parameters: Mapping[str, Json],
    *,
    idempotency_key: str,
    timeout_seconds: float | None,
    now: datetime,
    flow: str = "",
    is_shared: bool = False,
) -> Exchange:
    """Return an exchange with the connection's secret.

    The shorter of the step's and the connection's own limit holds. Raises: StepFailure.
    """
    row = known.row
    limits = [row.timeout_seconds, timeout_seconds or row.timeout_seconds]
    return Exchange(
        known,
        {**row.parameters, **parameters},
        idempotency_key,
        min(limits),
        now,
        known.read_secret(),
        flow,
        is_shared,
    )


def find_request_id(headers: Mapping[str, str]) -> str:
    """Return the id that an answer's headers give its request, "" if they give none."""
    given = (headers.get(name, "").strip() for name in _ID_HEADERS)
    return next((each[:LONGEST_ID] for each in given if each and each.isprintable()), "")


def join_address(address: str, path: str) -> str:
    """Return the address that a call's path is added to."""
    return f"{address.rstrip('/')}/{path.lstrip('/')}" if path else address


def read_body(body: Json) -> Json:
    """Return an answer as JSON, also where its headers do not say that it is.

    Raises: AnswerUnfit.
    """
    if not isinstance(body, str):
        return body
    try:
        return read_json(body)
    except ValueRefused:
        shown = body[:SHOWN_CHARACTERS].strip()
        raise AnswerUnfit("", f"it is not JSON: {shown}" if shown else "it is empty") from None
