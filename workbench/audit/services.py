"""Write to the ledger, in the transaction of the act it records."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from workbench.accounts.actors import Actor
from workbench.audit.actions import ensure_registered, register_action
from workbench.audit.canonical import (
    FIRST_HASH,
    canonical_bytes,
    commitment,
    entry_bytes,
    leaf_hash,
)
from workbench.audit.erasure import ERASED
from workbench.audit.models import Entry, EntryPayload, SubjectHead
from workbench.audit.sealing import seal
from workbench.audit.verification import Verification, verify

__all__ = [
    "Act",
    "ErasureRefused",
    "RecordOutsideTransaction",
    "Verification",
    "erase_payload",
    "record",
    "record_many",
    "register_action",
    "seal",
    "verify",
]

SUBJECT_KINDS = frozenset(
    {
        "run",
        "case",
        "flow",
        "user",
        "queue",
        "ledger",
        "secret",
        "table",
        "destination",
        "budget",
        "bulk",
        "dataset",
        "clock",
        "event",
        "artifact",
        "connection",
        "contract",
        "list",
        "policy",
        "prompt",
    }
)
ROWS_A_STATEMENT = 200  # SQLite takes no more than 999 parameters
HEADS = "audit_subjecthead"
Subject = tuple[str, str]


class ErasureRefused(ValueError):
    """The details of this entry cannot be erased, or not without a reason."""


class RecordOutsideTransaction(RuntimeError):
    """Acts are recorded in the transaction that does them: use `with transaction.atomic():`."""


@dataclass(frozen=True, slots=True)
class Act:
    """An act to record, with the arguments of ``record`` except ``now``."""

    action: str
    subject: Subject
    actor: Actor
    payload: Mapping[str, Any]
    on_behalf_of: Actor | None = None


def record(
    *,
    action: str,
    subject: Subject,
    actor: Actor,
    payload: Mapping[str, Any],
    now: datetime,
    on_behalf_of: Actor | None = None,
) -> Entry:
    """Append an entry to its subject's chain. Locks the chain's head until the transaction ends.

    Raises: RecordOutsideTransaction, UnknownAction, PayloadNotCanonical.
    """
    return record_many([Act(action, subject, actor, payload, on_behalf_of)], now=now)[0]


def record_many(acts: Sequence[Act], *, now: datetime) -> list[Entry]:
    """Append entries in the given order, by four statements for each 200 of them.

    The heads of their chains are locked in the order of (kind, id), so that two bulk writers cannot
    deadlock.

    Raises: RecordOutsideTransaction, UnknownAction, PayloadNotCanonical.
    """
    if not connection.in_atomic_block:
        raise RecordOutsideTransaction(RecordOutsideTransaction.__doc__)
    for act in acts:
        ensure_registered(act.action)
        if act.subject[0] not in SUBJECT_KINDS:
            kinds = ", ".join(sorted(SUBJECT_KINDS))
            raise ValueError(f"Unknown subject kind {act.subject[0]!r}. Use one of: {kinds}.")
    entries: list[Entry] = []
    for start in range(0, len(acts), ROWS_A_STATEMENT):
        entries += _append(acts[start : start + ROWS_A_STATEMENT], now)
    return entries


def erase_payload(*, entry: Entry, reason: str, actor: Actor, now: datetime) -> None:
    """Erase an entry's details for good, and record that. The chain stays valid.

    If they are erased already, nothing is changed or recorded.

    Raises: ErasureRefused.
    """
    if not reason.strip():
        raise ErasureRefused("Say why the details are erased.")
    if entry.action == ERASED:
        raise ErasureRefused(
            f"Entry {entry.pk} says what was erased and why, so it must stay readable."
        )
    with transaction.atomic():
        kept = EntryPayload.objects.filter(entry=entry, body__isnull=False)
        if kept.update(body=None, salt=None):
            record(
                action=ERASED,
                subject=(entry.subject_kind, entry.subject_id),
                actor=actor,
                payload={"entry": entry.pk, "reason": reason.strip()},
                now=now,
            )


def _append(acts: Sequence[Act], now: datetime) -> list[Entry]:
    counts: dict[Subject, int] = {}
    for act in acts:
        counts[act.subject] = counts.get(act.subject, 0) + 1
    heads = _advance_heads(counts)
    entries, payloads = [], []
    for act in acts:
        seq, previous = heads[act.subject]
        entry, payload = _build_entry(act, seq + 1, previous, now)
        heads[act.subject] = (seq + 1, entry.leaf_hash)
        entries.append(entry)
        payloads.append(payload)
    Entry.objects.bulk_create(entries)
    for entry, payload in zip(entries, payloads, strict=True):
        payload.entry = entry
    EntryPayload.objects.bulk_create(payloads)
    _set_head_hashes({subject: last for subject, (_, last) in heads.items()})
    return entries


def _build_entry(act: Act, seq: int, previous: str, now: datetime) -> tuple[Entry, EntryPayload]:
    body = canonical_bytes(dict(act.payload))
    salt = secrets.token_bytes(32)
    columns: dict[str, Any] = {
        "subject_kind": act.subject[0],
        "subject_id": act.subject[1],
        "subject_seq": seq,
        "at": now,
        "actor_kind": act.actor.kind,
        "actor_id": act.actor.id,
        "actor_name": act.actor.name[:200],
        "on_behalf_of": str(act.on_behalf_of or ""),
        "channel": act.actor.channel,
        "action": act.action,
        "commitment": commitment(salt, body),
        "prev_hash": previous,
    }
    canonical = entry_bytes(columns)
    entry = Entry(canonical=canonical, leaf_hash=leaf_hash(canonical), **columns)
    return entry, EntryPayload(body=body.decode(), salt=salt)


def _advance_heads(counts: Mapping[Subject, int]) -> dict[Subject, tuple[int, str]]:
    """Lock the heads and raise their seq by the counts. Return (seq, hash) of each before that.

    An upsert is the only statement that locks a row on both databases even if it was not there yet.
    The second writer of a subject waits here until the first one commits.
    """
    subjects = sorted(counts)
    rows = ", ".join(["(%s, %s, %s, %s)"] * len(subjects))
    sql = (
        f"INSERT INTO {HEADS} (subject_kind, subject_id, seq, hash) VALUES {rows} "  # noqa: S608
        f"ON CONFLICT (subject_kind, subject_id) DO UPDATE SET seq = {HEADS}.seq + excluded.seq "
        "RETURNING subject_kind, subject_id, seq, hash"
    )
    values = [value for s in subjects for value in (*s, counts[s], FIRST_HASH)]
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return {
            (kind, subject_id): (seq - counts[kind, subject_id], last)
            for kind, subject_id, seq, last in cursor.fetchall()
        }


def _set_head_hashes(hashes: Mapping[Subject, str]) -> None:
    if len(hashes) == 1:
        [((kind, subject_id), last)] = hashes.items()
        heads = SubjectHead.objects.filter(subject_kind=kind, subject_id=subject_id)
        heads.update(hash=last)
        return
    rows = ", ".join(["(%s, %s, 0, %s)"] * len(hashes))
    # The rows are there and locked, so this upsert never inserts. It stands for an UPDATE joined to
    # a list of values, which the two databases write differently.
    sql = (
        f"INSERT INTO {HEADS} (subject_kind, subject_id, seq, hash) VALUES {rows} "  # noqa: S608
        "ON CONFLICT (subject_kind, subject_id) DO UPDATE SET hash = excluded.hash"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [value for s in sorted(hashes) for value in (*s, hashes[s])])
