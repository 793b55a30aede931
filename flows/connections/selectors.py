"""Read connections: the list with how each does, and who uses one."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.timezone import localdate

from flows.connections.adapters.contract import find_adapter
from flows.connections.health import ConnectionHealth, read_health
from flows.connections.models import ANY_FLOW, Connection
from flows.connections.provider import PROVIDER
from flows.models import Flow
from flows.resilience.models import BreakerState
from flows.steps.base import StepType
from flows.steps.functions import UnknownFunction, load_functions
from flows.steps.language import list_language_providers
from flows.steps.models import LOCAL, list_providers
from flows.steps.registry import all_step_types

Json = Any


def get_connection(name: str) -> Connection | None:
    return Connection.objects.filter(name=name).first()


def list_released_users(name: str) -> list[str]:
    """Return the flows whose released version names the model: one query.

    A model that an expression names is not found.
    """
    types = {
        each.name: each
        for each in all_step_types()
        if type(each).list_models is not StepType.list_models
    }
    released = Flow.objects.filter(released__isnull=False, archived_at=None)
    documents = released.order_by("name").values_list("name", "released__document")
    return [flow for flow, document in documents if name in _list_models(document, types)]


def _list_models(document: Json, types: dict[str, StepType]) -> Iterator[str]:
    for step in document.get("steps", {}).values():
        if (type_ := types.get(step.get("type", ""))) is not None:
            yield from (use.model for use in type_.list_models(step.get("with") or {}))


@dataclass(frozen=True, slots=True)
class ModelCardView:
    """What a page shows of a model card: the entries that say something, and the review."""

    entries: list[tuple[str, str]]
    review_on: date | None
    is_overdue: bool


_CARD_LABELS = {
    "purpose": "Purpose",
    "owner": "Owner",
    "version": "Version",
    "training_data": "Training data",
    "measures": "Measures",
    "limits": "Limits",
}


def read_card(row: Connection, today: date) -> ModelCardView:
    """Return the model card as a page shows it."""
    day = row.card.get("review_on") or ""
    review_on = date.fromisoformat(day) if day else None
    entries = [
        (label, row.card[name]) for name, label in _CARD_LABELS.items() if row.card.get(name)
    ]
    return ModelCardView(entries, review_on, review_on is not None and review_on < today)


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """What the list and the page of a connection show of it."""

    connection: Connection
    kind: str
    health: ConnectionHealth
    card: ModelCardView
    flows: str
    prices: list[tuple[str, float]]
    hidden_by: str

    @property
    def tone(self) -> str:
        """The state in one word, for the badge."""
        if not self.connection.enabled:
            return "off"
        if self.health.state != BreakerState.CLOSED:
            return "down"
        return "hidden" if self.hidden_by else "on"


_PRICE_LABELS = {
    "price_input": "1,000 tokens in",
    "price_output": "1,000 tokens out",
    "price_call": "a call",
    "price_second": "a second",
}


def list_rows(now: datetime) -> list[ConnectionRow]:
    """Return every connection as the list shows it, by title: four queries."""
    rows = list(Connection.objects.order_by("title", "name"))
    health = read_health(rows, now)
    return [describe(row, health[row.name], now) for row in rows]


def describe(row: Connection, health: ConnectionHealth, now: datetime) -> ConnectionRow:
    """Return a connection as pages show it. No queries."""
    adapter = find_adapter(row.kind)
    prices = [
        (label, float(getattr(row, field)))
        for field, label in _PRICE_LABELS.items()
        if getattr(row, field)
    ]
    return ConnectionRow(
        connection=row,
        kind=adapter.title if adapter is not None else row.kind,
        health=health,
        card=read_card(row, localdate(now)),
        flows=describe_flows(row),
        prices=prices,
        hidden_by=find_taker(row.name),
    )


def describe_flows(row: Connection) -> str:
    """Return in words which flows may use it."""
    if ANY_FLOW in row.flows:
        return "Every flow"
    if not row.flows:
        return "No flow"
    return row.flows[0] if len(row.flows) == 1 else f"{len(row.flows)} flows"


def find_taker(name: str) -> str:
    """Return whose model has this name too and is asked before a connection, "" for none."""
    with suppress(UnknownFunction):
        # The modules that register functions register local models too.
        load_functions()
    for provider in list_providers():
        if provider is not PROVIDER and name in provider.models():
            return "this process" if provider is LOCAL else provider.name
    for speaker in list_language_providers():
        if speaker is not PROVIDER and name in speaker.language_models():
            return speaker.name
    return ""
