"""Edit a draft by operations: they are applied in order and kept as the draft's history."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from flows.graph.operations import OperationRefused, apply, normal_form
from flows.models import DraftOperation, Flow
from flows.selectors.drafts import get_draft_at
from flows.services.ledger_check import compute_document_digest
from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.audit.services import record
from workbench.live import nudge_on_commit

Json = Any
MAX_DRAFT_BYTES = 1_000_000


class DraftTooLarge(Exception):
    """The draft would become larger than a draft may be."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an operation: the revision that it made, or why it was refused."""

    client_id: str
    revision: int | None
    refusal: OperationRefused | None = None

    def as_json(self) -> dict[str, Json]:
        if self.refusal is None:
            return {"client_id": self.client_id, "status": "applied", "revision": self.revision}
        return {"client_id": self.client_id, "status": "refused", **self.refusal.as_json()}


@transaction.atomic
def apply_operations(
    *, flow_id: int, operations: Sequence[Mapping[str, Json]], author: User | None, now: datetime,
    actor: Actor | None = None,
) -> list[Outcome]:  # fmt: skip
    """Apply each ``{client_id, op}`` to the draft that the ones before it left.

    One that is refused changes nothing and does not stop those after it. One whose ``client_id``
    was applied before is acknowledged with the revision it made then. Locks the flow's row.
    Replacing the whole draft is recorded, by ``actor`` or else the author on a page.

    Raises: DraftTooLarge, with nothing changed.
    """
    flow = Flow.objects.select_for_update().get(pk=flow_id)
    edit = _Edit(flow, author, now)
    edit.load_known([str(each["client_id"]) for each in operations])
    outcomes = [edit.apply(str(each["client_id"]), each["op"]) for each in operations]
    if edit.rows:
        _write_draft(flow, edit.document, edit.rows, now)
        if any(row.operation.get("op") == "replace" for row in edit.rows):
            _record_replacement(flow, actor or _on_a_page(author), now)
    return outcomes


def _on_a_page(author: User | None) -> Actor:
    return Actor.user(author) if author else Actor.system("engine")


def _record_replacement(flow: Flow, actor: Actor, now: datetime) -> None:
    record(
        action="flow.draft_replaced",
        subject=("flow", flow.name),
        actor=actor,
        payload={"revision": flow.draft_revision, "digest": compute_document_digest(flow.draft)},
        now=now,
    )


class _Edit:
    """A draft under the operations of one request, with the rows of its new history."""

    def __init__(self, flow: Flow, author: User | None, now: datetime) -> None:
        self.flow = flow
        self.author = author
        self.now = now
        self.document = normal_form(flow.draft)
        self.rows: list[DraftOperation] = []
        self.known: dict[str, int] = {}

    def load_known(self, client_ids: Sequence[str]) -> None:
        """Read the revisions of those operations that were applied before."""
        rows = DraftOperation.objects.filter(flow=self.flow, client_id__in=client_ids)
        self.known = dict(rows.values_list("client_id", "revision"))

    def apply(self, client_id: str, operation: Mapping[str, Json]) -> Outcome:
        if client_id in self.known:
            return Outcome(client_id, self.known[client_id])
        try:
            self.document, inverse = apply(self.document, operation)
        except OperationRefused as refusal:
            return Outcome(client_id, None, refusal)
        self.flow.draft_revision += 1
        self.known[client_id] = self.flow.draft_revision
        row = DraftOperation(
            flow=self.flow, revision=self.flow.draft_revision, client_id=client_id,
            operation=operation, inverse=inverse, author=self.author, at=self.now,
        )  # fmt: skip
        self.rows.append(row)
        return Outcome(client_id, row.revision)


def _write_draft(
    flow: Flow, document: dict[str, Json], rows: Sequence[DraftOperation], now: datetime
) -> None:
    if len(json.dumps(document)) > MAX_DRAFT_BYTES:
        raise DraftTooLarge
    flow.draft = document
    flow.title = str(document.get("title") or flow.name)[:200]
    flow.updated_at = now
    flow.save(update_fields=["draft", "draft_revision", "title", "updated_at"])
    DraftOperation.objects.bulk_create(rows)
    nudge_on_commit([f"flow.{flow.name}"], {"revision": flow.draft_revision})


@transaction.atomic
def restore_draft(
    *, flow_id: int, revision: int, client_id: str, author: User, now: datetime
) -> Outcome:
    """Set the draft back to a revision, by one more edit that can be undone.

    Raises: RevisionUnknown.
    """
    Flow.objects.select_for_update().get(pk=flow_id)
    operation = {"op": "replace", "document": get_draft_at(flow_id=flow_id, revision=revision)}
    wrapped = [{"client_id": client_id, "op": operation}]
    return apply_operations(flow_id=flow_id, operations=wrapped, author=author, now=now)[0]
