"""Verify the ledger: everything is as it was written, or here is what is not."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, cast

from django.db.models import Exists, OuterRef, Subquery

from workbench.audit.canonical import FIRST_HASH, commitment, entry_bytes, leaf_hash
from workbench.audit.erasure import ERASED, Emptied, list_unexplained
from workbench.audit.keys import signature_holds, trusted_keys
from workbench.audit.merkle import merkle_root
from workbench.audit.models import Block, Entry, SubjectHead, Unsealed
from workbench.audit.records import Fault, run_checks
from workbench.audit.sealing import header_bytes

MOST_FAULTS = 100
ROWS_AT_ONCE = 2_000
COLUMNS = (
    "id",
    "subject_kind",
    "subject_id",
    "subject_seq",
    "at",
    "actor_kind",
    "actor_id",
    "actor_name",
    "on_behalf_of",
    "channel",
    "action",
    "canonical",
    "commitment",
    "prev_hash",
    "leaf_hash",
)
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verification:
    """The result. ``faults`` are in the order of their entries."""

    entries: int
    blocks: int
    unsealed: int
    faults: tuple[Fault, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.faults

    @property
    def first_bad(self) -> Fault | None:
        return self.faults[0] if self.faults else None


@dataclass
class _Tally:
    entries: int = 0
    blocks: int = 0
    unsealed: int = 0
    faults: list[Fault] = field(default_factory=list)
    emptied: list[Emptied] = field(default_factory=list)

    def add_fault(
        self, code: str, detail: str, *, entry: int | None = None, block: int | None = None
    ) -> None:
        self.add(Fault(code, entry, block, detail))

    def add(self, fault: Fault) -> None:
        self.faults.append(fault)
        if len(self.faults) > 2 * MOST_FAULTS:
            self.faults = self.list_first()

    def list_first(self) -> list[Fault]:
        """Return the faults of the oldest entries: they are found in the order of subjects."""
        by_entry = sorted(self.faults, key=lambda fault: (fault.entry is None, fault.entry or 0))
        return by_entry[:MOST_FAULTS]


def verify() -> Verification:
    """Check every entry, chain, payload, block and signature, and what other apps keep of the acts.

    Reads the whole ledger. Each part is read by one statement, so from one snapshot: what is
    written meanwhile raises no false alarm. At most 100 faults are kept.
    """
    tally = _Tally()
    _check_entries(tally)
    _check_emptied(tally)
    _check_lone_heads(tally)
    _check_blocks(tally)
    for fault in run_checks():
        tally.add(fault)
    return Verification(tally.entries, tally.blocks, tally.unsealed, tuple(tally.list_first()))


# --- Entries and their chains -------------------------------------------------


def _check_entries(tally: _Tally) -> None:
    for _, rows in groupby(_entry_rows(), key=lambda row: (row["subject_kind"], row["subject_id"])):
        last: Row | None = None
        for row in rows:
            tally.entries += 1
            _check_row(row, tally)
            _check_link(row, last, tally)
            last = row
        if last is not None:
            _check_head(last, tally)


def _entry_rows() -> Iterator[Row]:
    head = SubjectHead.objects.filter(
        subject_kind=OuterRef("subject_kind"), subject_id=OuterRef("subject_id")
    )
    rows = (
        Entry.objects.order_by("subject_kind", "subject_id", "subject_seq")
        .annotate(
            head_seq=Subquery(head.values("seq")[:1]),
            head_hash=Subquery(head.values("hash")[:1]),
            waiting=Exists(Unsealed.objects.filter(entry_id=OuterRef("pk"))),
        )
        .values(
            *COLUMNS,
            "head_seq",
            "head_hash",
            "waiting",
            "payload__entry_id",
            "payload__body",
            "payload__salt",
            "sealed__block_id",
        )
    )
    return cast(Iterator[Row], rows.iterator(chunk_size=ROWS_AT_ONCE))


def _check_row(row: Row, tally: _Tally) -> None:
    entry = row["id"]
    canonical = bytes(row["canonical"])
    if entry_bytes(row) != canonical:
        tally.add_fault("entry-changed", "Its columns are not what was hashed.", entry=entry)
    elif leaf_hash(canonical) != row["leaf_hash"]:
        tally.add_fault("entry-changed", "Its leaf hash is not that of its bytes.", entry=entry)
    _check_payload(row, tally)
    if row["sealed__block_id"] is None:
        tally.unsealed += 1
        if not row["waiting"]:
            tally.add_fault(
                "entry-unsealed", "It is neither in a block nor waits for one.", entry=entry
            )


def _check_payload(row: Row, tally: _Tally) -> None:
    body, salt = row["payload__body"], row["payload__salt"]
    if row["payload__entry_id"] is None:
        tally.add_fault("payload-missing", "Its payload row is gone.", entry=row["id"])
    elif body is None and salt is None:
        # Whether an entry says so is asked after all were read: it may be written meanwhile.
        tally.emptied.append(Emptied.of_row(row))
    elif (
        body is None or salt is None or commitment(bytes(salt), body.encode()) != row["commitment"]
    ):
        tally.add_fault(
            "payload-changed", "Its payload is not what was committed to.", entry=row["id"]
        )


def _check_emptied(tally: _Tally) -> None:
    for emptied in list_unexplained(tally.emptied):
        detail = "Its payload was emptied, and no entry says by whom and why."
        if emptied.action == ERASED:
            detail = "It says what was erased and why, and its own payload was emptied."
        tally.add_fault("payload-missing", detail, entry=emptied.entry)


def _check_link(row: Row, last: Row | None, tally: _Tally) -> None:
    seq, previous = (last["subject_seq"], last["leaf_hash"]) if last else (0, FIRST_HASH)
    if row["subject_seq"] != seq + 1:
        gap = f"Entry {seq + 1} of {row['subject_kind']} {row['subject_id']} is missing before it."
        tally.add_fault("entry-missing", gap, entry=row["id"])
    elif row["prev_hash"] != previous:
        tally.add_fault(
            "chain-broken", "It does not follow from the entry before it.", entry=row["id"]
        )


def _check_head(last: Row, tally: _Tally) -> None:
    if (last["head_seq"], last["head_hash"]) != (last["subject_seq"], last["leaf_hash"]):
        name = f"{last['subject_kind']} {last['subject_id']}"
        detail = (
            f"The chain of {name} ends at {last['subject_seq']}, its head says {last['head_seq']}."
        )
        tally.add_fault("entry-missing", detail, entry=last["id"])


def _check_lone_heads(tally: _Tally) -> None:
    """Find the heads of chains of which no entry is left."""
    same_subject = Entry.objects.filter(
        subject_kind=OuterRef("subject_kind"), subject_id=OuterRef("subject_id")
    )
    for head in SubjectHead.objects.filter(~Exists(same_subject))[:MOST_FAULTS]:
        name = f"{head.subject_kind} {head.subject_id}"
        tally.add_fault("entry-missing", f"All {head.seq} entries of {name} are gone.")


# --- Blocks -------------------------------------------------------------------


def _check_blocks(tally: _Tally) -> None:
    trusted = trusted_keys()
    number, previous = 0, FIRST_HASH
    for _, group in groupby(_leaf_rows(), key=lambda row: row["number"]):
        leaves = list(group)
        block = leaves[0]
        tally.blocks += 1
        if block["number"] != number + 1:
            _block_fault(tally, "block-missing", block, f"Block {number + 1} is missing before it.")
        elif block["prev_hash"] != previous:
            _block_fault(
                tally, "chain-broken", block, "It does not follow from the block before it."
            )
        _check_signature(block, trusted, tally)
        _check_root(block, leaves, tally)
        number, previous = block["number"], block["hash"]


def _leaf_rows() -> Iterator[Row]:
    rows = Block.objects.order_by("number", "leaves__position").values(
        "number",
        "size",
        "first_entry",
        "root",
        "prev_hash",
        "hash",
        "signature",
        "public_key",
        "sealed_at",
        "leaves__position",
        "leaves__entry_id",
        "leaves__entry__leaf_hash",
    )
    return cast(Iterator[Row], rows.iterator(chunk_size=ROWS_AT_ONCE))


def _check_signature(block: Row, trusted: frozenset[str], tally: _Tally) -> None:
    signed = ("number", "size", "root", "prev_hash", "public_key", "sealed_at")
    header = header_bytes(**{name: block[name] for name in signed})
    if hashlib.sha256(header).hexdigest() != block["hash"]:
        _block_fault(tally, "block-changed", block, "Its columns are not what was hashed.")
    elif block["public_key"] not in trusted:
        detail = (
            "It is signed with a key that is not trusted. After a change of LEDGER_KEY, name the "
            "old public key in LEDGER_TRUSTED_KEYS."
        )
        _block_fault(tally, "key-unknown", block, detail)
    elif not signature_holds(block["public_key"], block["signature"], header):
        _block_fault(tally, "signature-bad", block, "Its signature does not hold.")


def _check_root(block: Row, leaves: list[Row], tally: _Tally) -> None:
    gone = [row for row in leaves if row["leaves__entry__leaf_hash"] is None]
    positions = [row["leaves__position"] for row in leaves]
    if gone or positions != list(range(block["size"])):
        entry = gone[0]["leaves__entry_id"] if gone else None
        detail = f"It was sealed in block {block['number']} and is gone."
        if entry is None:
            _block_fault(tally, "block-changed", block, "Its list of entries is not complete.")
        else:
            tally.add_fault("entry-missing", detail, entry=entry, block=block["number"])
        return
    if merkle_root([row["leaves__entry__leaf_hash"] for row in leaves]) != block["root"]:
        _block_fault(tally, "root-wrong", block, "Its entries do not give its Merkle root.")


def _block_fault(tally: _Tally, code: str, block: Row, detail: str) -> None:
    tally.add_fault(code, detail, entry=block["first_entry"], block=block["number"])
