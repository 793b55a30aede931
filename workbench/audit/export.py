"""Write a bundle of the ledger that an examiner can verify without this product.

entries.jsonl has each entry with its canonical text, payload, salt and inclusion proof;
blocks.jsonl has every block header from the first to the last that these need, so that their chain
can be followed; verify.py checks them with Python's standard library alone.
"""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from django.db import transaction

from workbench.accounts.actors import Actor
from workbench.audit.merkle import inclusion_proof
from workbench.audit.models import Block, BlockEntry, Entry
from workbench.audit.sealing import header_bytes
from workbench.audit.selectors import EntryFilter, list_entries
from workbench.audit.services import record

VERIFIER = Path(__file__).parent / "bundle" / "verify.py"
BLOCKS_KEPT = 8
README = """Audit ledger bundle, written {at}

    python verify.py            checks every entry, chain, proof, block and signature
    python verify.py --key HEX  also demands that this key signed every block

An entry whose payload is null was erased; its commitment stays and its chain is valid.
An entry whose block is null was not sealed yet when the bundle was written.
"""


@dataclass(frozen=True, slots=True)
class Bundle:
    """How many entries and blocks a bundle has."""

    entries: int
    blocks: int


def export_bundle(out: IO[bytes], wanted: EntryFilter, *, actor: Actor, now: datetime) -> Bundle:
    """Write the zip into ``out``, and record the export in the ledger."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        count, numbers = _write_entries(bundle, wanted)
        blocks, keys = _write_blocks(bundle, numbers)
        bundle.writestr("manifest.json", _manifest(wanted, count, blocks, keys, now))
        bundle.writestr("README.txt", README.format(at=now.isoformat()))
        bundle.write(VERIFIER, "verify.py")
    with transaction.atomic():
        record(
            action="ledger.exported",
            subject=("ledger", "main"),
            actor=actor,
            payload={"entries": count, "blocks": blocks, "filter": asdict(wanted)},
            now=now,
        )
    return Bundle(count, blocks)


def _write_entries(bundle: zipfile.ZipFile, wanted: EntryFilter) -> tuple[int, set[int]]:
    """Return how many entries there were, and the numbers of their blocks."""
    count, numbers = 0, set[int]()
    with bundle.open("entries.jsonl", "w") as file:
        for line in _entry_lines(wanted, numbers):
            file.write(line)
            count += 1
    return count, numbers


def _entry_lines(wanted: EntryFilter, numbers: set[int]) -> Iterator[bytes]:
    leaves = _Leaves()
    # By id, so that each subject's entries come in the order of its chain.
    for entry in list_entries(wanted).order_by("id").iterator(chunk_size=2_000):
        sealed: BlockEntry | None = getattr(entry, "sealed", None)
        proof: list[tuple[str, str]] = []
        if sealed is not None:
            numbers.add(sealed.block.number)
            proof = inclusion_proof(leaves.of(sealed.block_id), sealed.position)
        yield _line(_entry_fields(entry, sealed, proof))


def _entry_fields(
    entry: Entry, sealed: BlockEntry | None, proof: list[tuple[str, str]]
) -> dict[str, Any]:
    salt = entry.payload.salt
    return {
        "id": entry.pk,
        "canonical": bytes(entry.canonical).decode(),
        "leaf_hash": entry.leaf_hash,
        "payload": entry.payload.body,
        "salt": None if salt is None else bytes(salt).hex(),
        "block": sealed.block.number if sealed else None,
        "proof": proof,
    }


class _Leaves:
    """Caches the leaf hashes of a few blocks: entries in id order seldom jump between blocks."""

    def __init__(self) -> None:
        self._kept: dict[int, list[str]] = {}

    def of(self, block_id: int) -> list[str]:
        if block_id not in self._kept:
            if len(self._kept) >= BLOCKS_KEPT:
                self._kept.pop(next(iter(self._kept)))
            rows = BlockEntry.objects.filter(block_id=block_id).order_by("position")
            self._kept[block_id] = list(rows.values_list("entry__leaf_hash", flat=True))
        return self._kept[block_id]


def _write_blocks(bundle: zipfile.ZipFile, numbers: set[int]) -> tuple[int, list[str]]:
    count, keys = 0, set()
    with bundle.open("blocks.jsonl", "w") as file:
        if numbers:
            span = (min(numbers), max(numbers))
            for block in Block.objects.filter(number__range=span).order_by("number").iterator():
                file.write(_line({"header": _header(block), "signature": block.signature}))
                keys.add(block.public_key)
                count += 1
    return count, sorted(keys)


def _header(block: Block) -> str:
    return header_bytes(
        number=block.number,
        size=block.size,
        root=block.root,
        prev_hash=block.prev_hash,
        public_key=block.public_key,
        sealed_at=block.sealed_at,
    ).decode()


def _manifest(
    wanted: EntryFilter, entries: int, blocks: int, keys: list[str], now: datetime
) -> str:
    found = {"entries": entries, "blocks": blocks, "keys": keys, "filter": asdict(wanted)}
    return json.dumps({"format": "countersign/ledger@1", "at": now, **found}, default=str, indent=1)


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
