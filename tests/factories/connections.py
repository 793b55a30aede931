"""Connections to models that tests serve on loopback."""

from typing import Any

from django.utils import timezone

from flows.connections.known import KNOWN
from flows.connections.models import Connection

MORNING = "2026-03-10T10:00:00Z"


def make_connection(name: str = "risk", **fields: Any) -> Connection:
    """Make a connection that every flow may use, unless ``flows`` says which."""
    at = timezone.now()
    given: dict[str, Any] = {
        "title": name.capitalize(), "kind": "http", "address": "http://127.0.0.1:9/",
        "flows": ["*"], "created_at": at, "changed_at": at, "changed_by": "ada", **fields,
    }  # fmt: skip
    connection = Connection.objects.create(name=name, **given)
    KNOWN.forget()
    return connection
