"""Edits of a draft: applied in order, acknowledged one by one, kept as the draft's history."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from flows.graph.operations import OperationRefused, apply, normal_form
from flows.models import DraftOperation, Flow
from workbench.accounts.models import User

Json = Any
MAX_DRAFT_BYTES = 1_000_000
MAX_OPERATIONS = 500
# Edits of one person that lie closer together than this are one sitting.
SITTING = timedelta(minutes=10)


class DraftTooLarge(Exception):
    """The draft would grow past what a flow may hold."""


class RevisionUnknown(LookupError):
    """The draft has no such revision."""


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


def list_operations(*, flow_id: int, since: int, limit: int = MAX_OPERATIONS) -> list[Json]:
    """Return ``{revision, client_id, op}`` of what was applied after a revision. One query."""
    rows = DraftOperation.objects.filter(flow_id=flow_id, revision__gt=since)
    found = rows.order_by("revision").values_list("revision", "client_id", "operation")[:limit]
    return [{"revision": r, "client_id": c, "op": op} for r, c, op in found]


@dataclass(frozen=True, slots=True)
class Sitting:
    """Edits that one person made in one go, newest first: ``[{revision, said, at}]``."""

    author: User | None
    entries: list[dict[str, Json]]

    @property
    def newest(self) -> dict[str, Json]:
        return self.entries[0]


def list_history(
    *, flow_id: int, before: int | None = None, author_id: int | None = None, limit: int = 200
) -> list[Sitting]:
    """Return the newest edits first, by who made them and when. One query."""
    rows = DraftOperation.objects.filter(flow_id=flow_id).select_related("author")
    if before is not None:
        rows = rows.filter(revision__lt=before)
    if author_id is not None:
        rows = rows.filter(author_id=author_id)
    sittings: list[Sitting] = []
    for row in rows.order_by("-revision")[:limit]:
        entry = {"revision": row.revision, "said": said(row.operation), "at": row.at}
        last = sittings[-1] if sittings else None
        if last and last.author == row.author and last.entries[-1]["at"] - row.at < SITTING:
            last.entries.append(entry)
        else:
            sittings.append(Sitting(row.author, [entry]))
    return sittings


def list_authors(*, flow_id: int) -> list[User]:
    """Return who has edited a draft, by name. One query."""
    edited = DraftOperation.objects.filter(flow_id=flow_id, author__isnull=False)
    return list(User.objects.filter(pk__in=edited.values("author")).order_by("username"))


def said(operation: Mapping[str, Json]) -> str:
    """Return an edit in words, for the history."""
    kind = str(operation.get("op"))
    words = kind.replace("_", " ").capitalize()
    named = operation.get("label") or operation.get("id") or operation.get("step")
    if kind == "batch":
        return str(named or f"{len(operation['operations'])} edits at once")
    if kind.startswith("set_"):
        field = str(operation.get("path", "")).strip("/").replace("/", ".")
        return f"Set {field} of {named or 'the flow'}"
    if kind == "rename_step":
        return f"Rename {operation['id']} to {operation['to']}"
    if kind == "move":
        moved = [*operation.get("steps", {}), *operation.get("notes", {})]
        return f"Move {moved[0]}" if len(moved) == 1 else f"Move {len(moved)} items"
    return f"{words} {named or operation.get('edge') or 'the whole draft'}"


def draft_at(*, flow_id: int, revision: int) -> dict[str, Json]:
    """Return the draft as it stood after a revision, by undoing what came later.

    Raises: RevisionUnknown.
    """
    flow = Flow.objects.get(pk=flow_id)
    later = DraftOperation.objects.filter(flow=flow, revision__gt=revision)
    inverses = later.order_by("-revision").values_list("inverse", flat=True)
    if not 0 <= revision <= flow.draft_revision or len(inverses) != flow.draft_revision - revision:
        raise RevisionUnknown(f"Flow {flow.name} keeps no revision {revision} of its draft.")
    document = normal_form(flow.draft)
    for inverse in inverses:
        document, _ = apply(document, inverse)
    return document


@transaction.atomic
def restore_draft(
    *, flow_id: int, revision: int, client_id: str, author: User, now: datetime
) -> Outcome:
    """Bring the draft back to a revision, as one more edit that can be undone.

    Raises: RevisionUnknown.
    """
    Flow.objects.select_for_update().get(pk=flow_id)
    operation = {"op": "replace", "document": draft_at(flow_id=flow_id, revision=revision)}
    wrapped = [{"client_id": client_id, "op": operation}]
    return apply_operations(flow_id=flow_id, operations=wrapped, author=author, now=now)[0]
