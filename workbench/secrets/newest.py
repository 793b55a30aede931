"""Hold a secret's row against the ledger: an older row put back by SQL is not read."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import OuterRef, Subquery

from workbench.audit.canonical import commitment
from workbench.audit.models import Entry
from workbench.audit.records import Fault, changed, missing, read_object, unrecorded
from workbench.secrets.models import Secret
from workbench.secrets.vault import SecretUnreadable

SET, DELETED = "secret.set", "secret.deleted"


def compute_ciphertext_digest(ciphertext: bytes) -> str:
    return hashlib.sha256(ciphertext).hexdigest()


def check_newest(rows: Mapping[str, Secret]) -> None:
    """Raise if a row is not the one that was set last, as the ledger has it: one query.

    Raises: SecretUnreadable.
    """
    newest = _get_newest(rows) if rows else {}
    for name, row in rows.items():
        entry = newest.get(name)
        if entry is None or not _is_of(row, entry):
            raise SecretUnreadable(
                f"The secret {name} cannot be read: its row is not the one that was set last. Set "
                "the secret again."
            )


def _get_newest(names: Iterable[str]) -> dict[str, Entry]:
    """Return, by name, the entry of the last time that the secret was set or deleted."""
    of_secret = Entry.objects.filter(
        subject_kind="secret", subject_id=OuterRef("subject_id"), action__in=(SET, DELETED)
    ).order_by("-subject_seq")
    found = Entry.objects.filter(
        subject_kind="secret", subject_id__in=list(names), pk=Subquery(of_secret.values("pk")[:1])
    )
    return {entry.subject_id: entry for entry in found.select_related("payload")}


def _is_of(row: Secret, entry: Entry) -> bool:
    payload = _read_payload(entry)
    if entry.action != SET or payload is None or payload.get("version") != row.version:
        return False
    # Secrets that were set before digests were recorded are held to their version alone.
    digest = payload.get("digest")
    return digest is None or digest == compute_ciphertext_digest(bytes(row.ciphertext))


def _read_payload(entry: Entry) -> dict[str, Any] | None:
    """Return what the entry states, or None if it was erased or changed."""
    body, salt = entry.payload.body, entry.payload.salt
    if body is None or salt is None:
        return None
    whole = commitment(bytes(salt), body.encode()) == entry.commitment
    return read_object(body) if whole else None


def check_secrets() -> Iterable[Fault]:
    """Yield each secret that is not the one that was set last, is gone, or has no entry."""
    rows = {row.name: row for row in Secret.objects.all()}
    names = Entry.objects.filter(subject_kind="secret").values_list("subject_id", flat=True)
    newest = _get_newest(names.distinct())
    for name, entry in newest.items():
        row = rows.get(name)
        if row is None and entry.action == SET:
            yield missing(entry.pk, f"The secret {name} is gone.")
        elif row is not None and not _is_of(row, entry):
            yield changed(entry.pk, f"The secret {name} is not the one that was set last.")
    for name in sorted(rows.keys() - newest.keys()):
        yield unrecorded(f"No entry tells of the secret {name}.")
