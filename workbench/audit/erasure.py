"""Find the entry that says why the details of another were erased."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from workbench.audit.canonical import commitment
from workbench.audit.models import Entry
from workbench.audit.records import read_object

ERASED = "ledger.payload_erased"


@dataclass(frozen=True, slots=True)
class Emptied:
    """An entry without details."""

    entry: int
    action: str
    subject: tuple[str, str]
    seq: int

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Self:
        subject = (row["subject_kind"], row["subject_id"])
        return cls(row["id"], row["action"], subject, row["subject_seq"])


def list_unexplained(emptied: Sequence[Emptied]) -> Iterator[Emptied]:
    """Yield the entries whose details are gone without a later entry of their subject saying so."""
    if not emptied:
        return
    said = {entry: (subject, seq) for entry, subject, seq in _list_erasures()}
    for each in emptied:
        subject, seq = said.get(each.entry, (("", ""), 0))
        if each.action == ERASED or subject != each.subject or seq <= each.seq:
            yield each


def _list_erasures() -> Iterable[tuple[int, tuple[str, str], int]]:
    """Yield what was erased, with the subject and number of the entry that says so."""
    rows = Entry.objects.filter(action=ERASED, payload__body__isnull=False)
    for row in rows.select_related("payload").iterator():
        body = str(row.payload.body)
        # One whose details were changed is a fault by itself, and explains nothing.
        if commitment(bytes(row.payload.salt or b""), body.encode()) == row.commitment:
            entry = (read_object(body) or {}).get("entry")
            if isinstance(entry, int):
                yield entry, (row.subject_kind, row.subject_id), row.subject_seq


def find_erasure(entry: Entry) -> Entry | None:
    """Return the entry that says who erased the details of this one, and why: one query."""
    later = Entry.objects.select_related("payload").filter(
        action=ERASED,
        subject_kind=entry.subject_kind,
        subject_id=entry.subject_id,
        subject_seq__gt=entry.subject_seq,
    )
    for each in later.order_by("subject_seq"):
        if (read_object(each.payload.body) or {}).get("entry") == entry.pk:
            return each
    return None
