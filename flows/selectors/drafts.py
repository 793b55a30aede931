"""A draft's operations: its history, its authors, and the draft as it was at a revision."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flows.graph.operations import apply, normal_form
from flows.models import DraftOperation, Flow
from workbench.accounts.models import User

Json = Any

MAX_OPERATIONS = 500
# Edits of one person that lie closer together than this are one sitting.
SITTING = timedelta(minutes=10)


class RevisionUnknown(LookupError):
    """The draft has no such revision."""


def list_operations(*, flow_id: int, since: int, limit: int = MAX_OPERATIONS) -> list[Json]:
    """Return ``{revision, client_id, op}`` of each edit after a revision. One query."""
    rows = DraftOperation.objects.filter(flow_id=flow_id, revision__gt=since)
    found = rows.order_by("revision").values_list("revision", "client_id", "operation")[:limit]
    return [{"revision": r, "client_id": c, "op": op} for r, c, op in found]


@dataclass(frozen=True, slots=True)
class Sitting:
    """Edits that one person made in one go, newest first: ``[{revision, text, at}]``."""

    author: User | None
    entries: list[dict[str, Json]]

    @property
    def newest(self) -> dict[str, Json]:
        return self.entries[0]


def list_history(
    *, flow_id: int, before: int | None = None, author_id: int | None = None, limit: int = 200
) -> list[Sitting]:
    """Return the edits, newest first, grouped by sitting. One query."""
    rows = DraftOperation.objects.filter(flow_id=flow_id).select_related("author")
    if before is not None:
        rows = rows.filter(revision__lt=before)
    if author_id is not None:
        rows = rows.filter(author_id=author_id)
    sittings: list[Sitting] = []
    for row in rows.order_by("-revision")[:limit]:
        entry = {"revision": row.revision, "text": describe_operation(row.operation), "at": row.at}
        last = sittings[-1] if sittings else None
        if last and last.author == row.author and last.entries[-1]["at"] - row.at < SITTING:
            last.entries.append(entry)
        else:
            sittings.append(Sitting(row.author, [entry]))
    return sittings


def list_authors(*, flow_id: int) -> list[User]:
    """Return the people who have edited a draft, by name. One query."""
    edited = DraftOperation.objects.filter(flow_id=flow_id, author__isnull=False)
    return list(User.objects.filter(pk__in=edited.values("author")).order_by("username"))


def describe_operation(operation: Mapping[str, Json]) -> str:
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


def get_draft_at(*, flow_id: int, revision: int) -> dict[str, Json]:
    """Return the draft as it was after a revision, by undoing the later edits.

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
