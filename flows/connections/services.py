"""Save, turn on and off, and remove connections, each with its ledger entry."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from flows.connections.checks import find_problems
from flows.connections.known import KNOWN
from flows.connections.models import Connection
from flows.connections.selectors import list_released_users
from flows.connections.settings import (
    ConnectionSettings,
    compute_digest,
    settings_of,
    write_to_row,
)
from flows.graph.problems import join_names
from flows.services.errors import ServiceError
from workbench.accounts.actors import Actor
from workbench.audit.services import record

Json = Any


class ConnectionUnknown(ServiceError):
    """There is no such connection."""


class ConnectionInvalid(ServiceError):
    """The settings do not hold. ``problems`` says what is wrong, by field."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        field, message = next(iter(self.problems.items()))
        super().__init__(f"{field}: {message}", "Correct it, then save again.")


class ConnectionInUse(ServiceError):
    """Released versions of flows ask this model."""

    def __init__(self, name: str, flows: list[str]) -> None:
        self.flows = flows
        super().__init__(
            f"The connection {name} is asked by what is released of {join_names(flows[:10])}.",
            "Release versions without it, or turn it off instead.",
        )


@transaction.atomic
def save_connection(
    *, name: str, settings: ConnectionSettings, actor: Actor, now: datetime
) -> Connection:
    """Add a connection, or replace what is set of it. Equal settings change and record nothing.

    Raises: ConnectionInvalid.
    """
    row = Connection.objects.select_for_update().filter(name=name).first()
    if problems := find_problems(name, settings):
        raise ConnectionInvalid(problems)
    before = settings_of(row) if row is not None else {}
    if row is None:
        row = Connection(name=name, created_at=now, revision=0)
    write_to_row(row, settings)
    after = settings_of(row)
    if before == after:
        return row
    _store(row, actor, now)
    for action in _list_actions(before, after):
        _record(action, row, actor, now)
    return row


def _list_actions(before: Mapping[str, Json], after: Mapping[str, Json]) -> list[str]:
    """Return what was done: turning it on or off is told apart from changing it."""
    if not before:
        return ["connection.created"]
    changed = [field for field in after if before[field] != after[field]]
    actions = ["connection.changed"] if changed != ["enabled"] else []
    if "enabled" in changed:
        actions.append("connection.enabled" if after["enabled"] else "connection.disabled")
    return actions


@transaction.atomic
def set_connection_enabled(*, name: str, enabled: bool, actor: Actor, now: datetime) -> Connection:
    """Turn a connection on or off. Steps that ask one that is off fail.

    Raises: ConnectionUnknown, ConnectionInvalid (it may no longer be turned on as it is).
    """
    row = _lock(name)
    if row.enabled == enabled:
        return row
    if enabled:
        settings = ConnectionSettings.model_validate({**settings_of(row), "enabled": True})
        return save_connection(name=name, settings=settings, actor=actor, now=now)
    # Whatever has become of its kind, secret or address: it can be turned off.
    row.enabled = False
    _store(row, actor, now)
    _record("connection.disabled", row, actor, now)
    return row


@transaction.atomic
def remove_connection(*, name: str, actor: Actor, now: datetime) -> None:
    """Remove a connection; its secret stays. Raises: ConnectionUnknown, ConnectionInUse."""
    row = _lock(name)
    if users := list_released_users(name):
        raise ConnectionInUse(name, users)
    _record("connection.removed", row, actor, now)
    row.delete()
    _have_read_again()


def _lock(name: str) -> Connection:
    row = Connection.objects.select_for_update().filter(name=name).first()
    if row is None:
        raise ConnectionUnknown(f"There is no connection {name}.", "Look at the list.")
    return row


def _store(row: Connection, actor: Actor, now: datetime) -> None:
    row.revision += 1
    row.changed_at, row.changed_by = now, actor.name[:150]
    row.save()
    # As the database keeps it: prices are decimals there.
    row.refresh_from_db()
    _have_read_again()


def _have_read_again() -> None:
    """Have this process read the connections again; others do within a second."""
    KNOWN.forget()
    transaction.on_commit(KNOWN.forget)


def _record(action: str, row: Connection, actor: Actor, now: datetime) -> None:
    record(
        action=action,
        subject=("connection", row.name),
        actor=actor,
        payload={
            "name": row.name,
            "title": row.title,
            "kind": row.kind,
            "address": row.address,
            "flows": row.flows,
            "revision": row.revision,
            "digest": compute_digest(row),
        },
        now=now,
    )
