"""Seal entries into signed Merkle blocks."""

import hashlib
from collections.abc import Container, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction

from workbench.audit.canonical import FIRST_HASH, canonical_bytes, instant
from workbench.audit.keys import key_id, public_hex, signing_key
from workbench.audit.merkle import merkle_root
from workbench.audit.models import Block, BlockEntry, Unsealed
from workbench.dispatch.sweeps import Sweep

ENTRIES_A_BLOCK = 10_000
# Any number that nothing else in the database uses for an advisory lock.
SEALER_LOCK = 0x1EDE6


class EntryUnsealable(ValueError):
    """An entry waits for a block and can be in none."""


def seal(now: datetime) -> Block | None:
    """Seal committed entries into one block and return it.

    Returns None when nothing waits, or when another process is sealing. A block takes 10,000
    entries at most; the rest waits for the next call.
    """
    if not Unsealed.objects.exists():  # usual, and so done without SQLite's write lock
        return None
    with transaction.atomic():
        if not _become_only_sealer():
            return None
        sweep = Sweep("audit.seal", now)
        # A row here commits together with its entry. One with a low id that commits late is thus
        # seen by the first seal after its commit.
        waiting = list(
            Unsealed.objects.exclude(entry_id__in=sweep.ids_passed_over())
            .order_by("entry_id")
            .values_list("entry_id", "entry__leaf_hash")[:ENTRIES_A_BLOCK]
        )
        return _seal_good_entries(waiting, sweep) if waiting else None


def _seal_good_entries(waiting: Sequence[tuple[int, str]], sweep: Sweep) -> Block | None:
    """Seal the entries; set aside those that can be in no block, and seal the rest."""
    good = [row for row in waiting if _can_be_sealed(row, (), sweep)]
    if not good:
        return None
    try:
        with transaction.atomic():
            block = _seal_entries(good, sweep.now)
    except IntegrityError:
        in_blocks = BlockEntry.objects.filter(entry_id__in=[entry for entry, _ in good])
        sealed = set(in_blocks.values_list("entry_id", flat=True))
        rest = [row for row in good if _can_be_sealed(row, sealed, sweep)]
        if len(rest) == len(good):
            raise
        return _seal_entries(rest, sweep.now) if rest else None
    sweep.forget(str(entry) for entry, _ in good)
    return block


def _can_be_sealed(row: tuple[int, str], sealed: Container[int], sweep: Sweep) -> bool:
    """Return whether the entry can be in a block; set it aside if not."""
    entry, leaf = row
    try:
        check_leaf(entry, leaf)
        if entry in sealed:
            raise EntryUnsealable(f"Entry {entry} is in a block already.")
    except ValueError as error:
        sweep.blame(str(entry), error)
        return False
    return True


def check_leaf(entry: int, leaf: str) -> None:
    """Raises: ValueError if the entry's hash is none."""
    if len(bytes.fromhex(leaf)) != hashlib.sha256().digest_size:
        raise EntryUnsealable(f"The hash of entry {entry} has the wrong length.")


def header_bytes(
    *, number: int, size: int, root: str, prev_hash: str, public_key: str, sealed_at: datetime
) -> bytes:
    """Return the bytes of a block that are hashed and signed."""
    return canonical_bytes(
        {
            "v": 1,
            "number": number,
            "size": size,
            "root": root,
            "prev": prev_hash,
            "key": public_key,
            "sealed_at": instant(sealed_at),
        }
    )


def _seal_entries(waiting: Sequence[tuple[int, str]], now: datetime) -> Block:
    """Make a block of (id, leaf hash) pairs, and take its entries off the waiting list."""
    block = _sign_block(waiting, now)
    BlockEntry.objects.bulk_create(
        (
            BlockEntry(entry_id=entry, block=block, position=position)
            for position, (entry, _) in enumerate(waiting)
        ),
        batch_size=2_000,
    )
    taken = BlockEntry.objects.filter(block=block).values("entry_id")
    Unsealed.objects.filter(entry_id__in=taken).delete()
    return block


def _sign_block(waiting: Sequence[tuple[int, str]], now: datetime) -> Block:
    last = Block.objects.order_by("-number").first()
    key = signing_key()
    public_key = public_hex(key)
    signed: dict[str, Any] = {
        "number": last.number + 1 if last else 1,
        "size": len(waiting),
        "root": merkle_root([leaf for _, leaf in waiting]),
        "prev_hash": last.hash if last else FIRST_HASH,
        "public_key": public_key,
        "sealed_at": now,
    }
    header = header_bytes(**signed)
    return Block.objects.create(
        **signed,
        first_entry=waiting[0][0],
        last_entry=waiting[-1][0],
        hash=hashlib.sha256(header).hexdigest(),
        signature=key.sign(header).hex(),
        key_id=key_id(public_key),
    )


def _become_only_sealer() -> bool:
    """Return whether this transaction may seal: one at a time.

    On PostgreSQL an advisory lock decides. SQLite has a single writer anyway.
    """
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SEALER_LOCK])
        return bool(cursor.fetchone()[0])
