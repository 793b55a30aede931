"""Seal entries into signed Merkle blocks. The clock calls it twice a second."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from workbench.audit.canonical import FIRST_HASH, canonical_bytes, instant
from workbench.audit.keys import key_id, public_hex, signing_key
from workbench.audit.merkle import merkle_root
from workbench.audit.models import Block, BlockEntry, Unsealed

ENTRIES_A_BLOCK = 10_000
# Any number that nothing else in the database takes as an advisory lock.
SEALER_LOCK = 0x1EDE6


def seal(now: datetime) -> Block | None:
    """Seal what is committed and unsealed into one block, and return it.

    None when nothing waits, or when another process is sealing. At most 10,000 entries; the rest
    waits for the next call.
    """
    if not Unsealed.objects.exists():  # the common case must not take SQLite's write lock
        return None
    with transaction.atomic():
        if not _take_turn():
            return None
        # An entry's row here commits with the entry, so one that got a low id and committed
        # late is seen by whichever seal comes after its commit.
        waiting = list(
            Unsealed.objects.order_by("entry_id").values_list("entry_id", "entry__leaf_hash")[
                :ENTRIES_A_BLOCK
            ]
        )
        return _seal_entries(waiting, now) if waiting else None


def header_bytes(
    *, number: int, size: int, root: str, prev_hash: str, public_key: str, sealed_at: datetime
) -> bytes:
    """Return the canonical bytes of a block that are hashed and signed."""
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
    block = Block.objects.create(
        **signed,
        first_entry=waiting[0][0],
        last_entry=waiting[-1][0],
        hash=hashlib.sha256(header).hexdigest(),
        signature=key.sign(header).hex(),
        key_id=key_id(public_key),
    )
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


def _take_turn() -> bool:
    """One sealer at a time. SQLite has one writer anyway."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SEALER_LOCK])
        return bool(cursor.fetchone()[0])
