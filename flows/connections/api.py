"""Connections over HTTP. No route gives the value of a secret."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Path, Router, Schema, Status
from pydantic import Field

from flows.connections import services
from flows.connections.editables import CONNECTION
from flows.connections.health import ConnectionHealth, read_health
from flows.connections.models import Connection
from flows.connections.selectors import get_connection as find_row
from flows.connections.selectors import list_released_users
from flows.connections.settings import ConnectionSettings, settings_of
from flows.connections.trying import try_connection as ask_once
from workbench.accounts.gate import requires
from workbench.http.gateway import may_answer
from workbench.http.idempotency import runs_outside_transaction
from workbench.http.preconditions import edits, shows
from workbench.http.problems import ApiProblem, map_error
from workbench.http.rates import limits_model_tries
from workbench.http.schemas import Page, Strict, whole_page
from workbench.http.sign_in import actor_of

router = Router(tags=["connections"])
Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,79}$")]

map_error(
    services.ConnectionUnknown,
    status=404,
    code="not-found",
    remedy="GET /connections has their names.",
)
map_error(
    services.ConnectionInUse,
    status=409,
    code="connection-in-use",
    remedy="Release versions without it, or turn it off.",
)


class ConnectionIn(ConnectionSettings):
    """What is left out is set to what it begins with."""


class ConnectionHealthOut(Schema):
    """What breaker and journal know of the last hour. Nothing is called for it."""

    state: str = Field(description="closed (calls are made), open, or half_open (a probe is made).")
    retry_at: datetime | None = Field(description="When an open one is probed.")
    last_error: str
    failed_at: datetime | None
    calls: int = Field(description="Answered calls of the last hour that were looked at.")
    p50_ms: float | None
    p95_ms: float | None


class PricesOut(Schema):
    input: float
    output: float
    call: float
    second: float


class ModelCardOut(Schema):
    purpose: str
    owner: str
    version: str
    training_data: str
    measures: str
    limits: str
    review_on: str


class ConnectionOut(Schema):
    name: str
    title: str
    kind: str
    address: str
    served_as: str
    secret_name: str
    options: dict[str, Any]
    parameters: dict[str, Any]
    timeout_seconds: float
    concurrency: int | None
    per_second: float | None
    prices: PricesOut
    flows: list[str]
    card: ModelCardOut
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]
    enabled: bool
    changed_at: datetime
    changed_by: str
    revision: str


class ConnectionRowOut(ConnectionOut):
    health: ConnectionHealthOut


class ConnectionDetailOut(ConnectionRowOut):
    used_by: list[str] = Field(description="Flows whose released version asks it.")


class TrialIn(Strict):
    input: Any = Field(description="What the model is given; for a language model, a text.")
    parameters: dict[str, Any] = {}


class TrialOut(Schema):
    succeeded: bool
    output: Any
    confidence: float | None
    reasons: list[dict[str, Any]]
    latency_ms: float | None
    cost: float | None
    provenance: dict[str, Any] | None = Field(description="What a step would have recorded.")
    error: str
    error_kind: str


@router.get("/connections", response=Page[ConnectionRowOut], operation_id="list_connections")
@requires("connections.view", scope="installation")
def list_connections(request: HttpRequest) -> dict[str, Any]:
    """List the connections to models, and how each does."""
    rows = list(Connection.objects.order_by("name"))
    health = read_health(rows, timezone.now())
    return whole_page({**_out(row), "health": _health_out(health[row.name])} for row in rows)


@router.get("/connections/{name}", response=ConnectionDetailOut, operation_id="get_connection")
@requires("connections.view", scope="installation")
@shows(CONNECTION)
def get_connection(request: HttpRequest, name: str) -> dict[str, Any]:
    """Return a connection, how it does, and which flows ask it."""
    row = _find(name)
    health = read_health([row], timezone.now())[row.name]
    return {
        **_out(row),
        "health": _health_out(health),
        "used_by": list_released_users(name),
    }


@router.put("/connections/{name}", response=ConnectionOut, operation_id="save_connection")
@requires("connections.manage", scope="installation")
@edits(CONNECTION, lambda request, given: [given["name"]], creates=True)
def save_connection(request: HttpRequest, name: Name, body: ConnectionIn) -> dict[str, Any]:
    """Add a connection, or replace it. Its secret is set before, by PUT /secrets."""
    settings = ConnectionSettings.model_construct(**dict(body))
    with _report_problems():
        row = services.save_connection(
            name=name, settings=settings, actor=actor_of(request), now=timezone.now()
        )
    return _out(row)


@router.delete("/connections/{name}", response={204: None}, operation_id="remove_connection")
@may_answer(409)
@requires("connections.manage", scope="installation")
@edits(CONNECTION, lambda request, given: [given["name"]])
def remove_connection(request: HttpRequest, name: str) -> Status[None]:
    """Remove a connection that no released version asks. Its secret stays."""
    services.remove_connection(name=name, actor=actor_of(request), now=timezone.now())
    return Status(204, None)


@router.post("/connections/{name}/try", response=TrialOut, operation_id="try_connection")
@may_answer(429)
@requires("connections.manage", scope="installation")
@limits_model_tries
@runs_outside_transaction
def try_connection(request: HttpRequest, name: str, body: TrialIn) -> Any:
    """Ask the model once, and return what a step would get and record. It may cost money."""
    trial = ask_once(
        connection=_find(name),
        sample=body.input,
        parameters=body.parameters,
        actor=actor_of(request),
        now=timezone.now(),
    )
    names = (
        "succeeded", "output", "confidence", "reasons", "latency_ms", "cost", "provenance",
        "error", "error_kind",
    )  # fmt: skip
    return {each: getattr(trial, each) for each in names}


@contextmanager
def _report_problems() -> Iterator[None]:
    """Answer settings that do not hold with the list of what is wrong."""
    try:
        yield
    except services.ConnectionInvalid as error:
        found = [{"at": at, "message": message} for at, message in error.problems.items()]
        raise ApiProblem(
            422, "connection-invalid", error.message, "Correct what errors names.", found
        ) from error


def _find(name: str) -> Connection:
    row = find_row(name)
    if row is None:
        raise Http404(f"There is no connection {name}.")
    return row


def _out(row: Connection) -> dict[str, Any]:
    return {
        "name": row.name,
        **settings_of(row),
        "changed_at": row.changed_at,
        "changed_by": row.changed_by,
        "revision": CONNECTION.revision_of(row),
    }


def _health_out(health: ConnectionHealth) -> dict[str, Any]:
    names = ("state", "retry_at", "last_error", "failed_at", "calls", "p50_ms", "p95_ms")
    return {name: getattr(health, name) for name in names}
