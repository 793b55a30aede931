"""Create a flow, and replace its draft."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, transaction

from flows.graph.codec import to_mapping
from flows.graph.model import Document
from flows.models import Flow
from flows.services.editing import apply_operations
from flows.services.errors import FlowExists, NameReserved
from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.audit.services import record
from workbench.http.addresses import RESERVED, is_reserved

Json = Any


@transaction.atomic
def create_flow(
    *, name: str, title: str, document: Document | None, author: User | None, actor: Actor,
    now: datetime,
) -> Flow:  # fmt: skip
    """Create a flow whose draft is ``document``, or is empty without one.

    Raises: FlowExists, NameReserved.
    """
    if is_reserved("flows:flow-detail", name):
        raise NameReserved(f"No flow can be named {name!r}.", RESERVED)
    draft = to_mapping(document or Document(name=name, title=title))
    draft["name"] = name
    try:
        with transaction.atomic():
            flow = Flow.objects.create(
                name=name, title=title or name, draft=draft, created_at=now, updated_at=now
            )
    except IntegrityError:
        raise FlowExists(f"There is a flow named {name!r}.", "Choose another name.") from None
    record(
        action="flow.created",
        subject=("flow", name),
        actor=actor,
        payload={"name": name, "title": title},
        now=now,
    )
    return flow


def save_draft(
    *, flow_id: int, document: Mapping[str, Json], author: User | None, now: datetime,
    actor: Actor | None = None,
) -> Flow:  # fmt: skip
    """Replace the whole draft, by one operation that its history keeps and that can be undone.

    Raises: OperationRefused, DraftTooLarge.
    """
    operation = {"op": "replace", "document": dict(document)}
    [outcome] = apply_operations(
        flow_id=flow_id,
        operations=[{"client_id": f"text-{uuid4()}", "op": operation}],
        author=author,
        actor=actor,
        now=now,
    )
    if outcome.refusal is not None:
        raise outcome.refusal
    return Flow.objects.get(pk=flow_id)
