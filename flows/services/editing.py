"""Edits of a draft: applied in order, acknowledged one by one, kept as the draft's history."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from flows.graph.operations import OperationRefused, apply, normal_form
from flows.models import DraftOperation, Flow
from flows.selectors.drafts import get_draft_at
from workbench.accounts.models import User

Json = Any
MAX_DRAFT_BYTES = 1_000_000


class DraftTooLarge(Exception):
    """The draft would grow past what a flow may hold."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one operation: its revision, or why it was refused."""

    client_id: str
    revision: int | None
    refusal: OperationRefused | None = None

    def as_json(self) -> dict[str, Json]:
        if self.refusal is None:
            return {"client_id": self.client_id, "status": "applied", "revision": self.revision}
        return {"client_id": self.client_id, "status": "refused", **self.refusal.as_json()}


@transaction.atomic
def apply_operations(
    *, flow_id: int, operations: Sequence[Mapping[str, Json]], author: User | None, now: datetime
) -> list[Outcome]:
    """Apply ``[{client_id, op}]`` to the draft, each on what the ones before it left.

    One that is refused changes nothing and does not stop those after it. One whose ``client_id``
    was applied before is acknowledged with the revision it got then. Locks the flow's row.

    Raises: DraftTooLarge, with nothing changed.
    """
    flow = Flow.objects.select_for_update().get(pk=flow_id)
    before = flow.draft_revision
    document = normal_form(flow.draft)
    known = known_revisions(flow, [str(each["client_id"]) for each in operations])
    outcomes, rows = [], []
    for each in operations:
        client_id = str(each["client_id"])
        if client_id not in known:
            try:
                document, inverse = apply(document, each["op"])
            except OperationRefused as refusal:
                outcomes.append(Outcome(client_id, None, refusal))
                continue
            flow.draft_revision += 1
            known[client_id] = flow.draft_revision
            rows.append(
                DraftOperation(
                    flow=flow, revision=flow.draft_revision, client_id=client_id,
                    operation=each["op"], inverse=inverse, author=author, at=now,
                )
            )  # fmt: skip
        outcomes.append(Outcome(client_id, known[client_id]))
    if flow.draft_revision != before:
        save_draft(flow, document, rows, now)
    return outcomes


def known_revisions(flow: Flow, client_ids: Sequence[str]) -> dict[str, int]:
    """Return the revisions of those of the operations that were applied before."""
    rows = DraftOperation.objects.filter(flow=flow, client_id__in=client_ids)
    return dict(rows.values_list("client_id", "revision"))


def save_draft(
    flow: Flow, document: dict[str, Json], rows: Sequence[DraftOperation], now: datetime
) -> None:
    """Write the draft with its new history, and tell the pages that show it."""
    if len(json.dumps(document)) > MAX_DRAFT_BYTES:
        raise DraftTooLarge
    flow.draft = document
    flow.title = str(document.get("title") or flow.name)[:200]
    flow.updated_at = now
    flow.save(update_fields=["draft", "draft_revision", "title", "updated_at"])
    DraftOperation.objects.bulk_create(rows)
    from workbench.live import nudge_on_commit

    nudge_on_commit([f"flow.{flow.name}"], {"revision": flow.draft_revision})


@transaction.atomic
def restore_draft(
    *, flow_id: int, revision: int, client_id: str, author: User, now: datetime
) -> Outcome:
    """Bring the draft back to a revision, as one more edit that can be undone.

    Raises: RevisionUnknown.
    """
    Flow.objects.select_for_update().get(pk=flow_id)
    operation = {"op": "replace", "document": get_draft_at(flow_id=flow_id, revision=revision)}
    wrapped = [{"client_id": client_id, "op": operation}]
    return apply_operations(flow_id=flow_id, operations=wrapped, author=author, now=now)[0]
