"""The kinds of tampering. Each changes rows at random, and says which places must be named.

Those of what other apps keep are in rows.py.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from bench.tampering.ledger import ACTION, ACTOR, NOW, Group, Ledger, list_chain
from workbench.audit.canonical import commitment, entry_bytes, leaf_hash
from workbench.audit.models import Block, BlockEntry, Entry, EntryPayload, SubjectHead, Unsealed
from workbench.audit.records import Fault
from workbench.audit.services import erase_payload, record, seal

ZERO = "0" * 64


@dataclass(frozen=True)
class Place:
    """Where a fault must be: at one of the entries or blocks, or its detail has the words."""

    entries: Collection[int] = ()
    blocks: Collection[int] = ()
    words: str = ""

    def is_named(self, fault: Fault) -> bool:
        return (
            fault.entry in self.entries
            or fault.block in self.blocks
            or bool(self.words and self.words in fault.detail)
        )


@dataclass(frozen=True)
class Kind:
    """``tamper`` gets what it may touch: a group, or a row's id. ``alone``: it touches them all."""

    name: str
    on: str
    tamper: Callable[[Ledger, Any, Random], Place]
    alone: bool = False


KINDS: list[Kind] = []
Tamper = Callable[[Ledger, Any, Random], Place]


def kind(name: str, on: str = "group", *, alone: bool = False) -> Callable[[Tamper], Tamper]:
    def add(tamper: Tamper) -> Tamper:
        KINDS.append(Kind(name, on, tamper, alone))
        return tamper

    return add


def in_group(group: Group) -> Place:
    return Place(group.entries, group.blocks)


def pick(group: Group, random: Random) -> Entry:
    return Entry.objects.get(pk=random.choice(group.entries))


def update(entry: Entry, **changes: Any) -> None:
    Entry.objects.filter(pk=entry.pk).update(**changes)


def rehash(entry: Entry) -> None:
    """Write the entry's bytes and hash anew, from its columns."""
    canonical = entry_bytes(vars(entry))
    entry.canonical, entry.leaf_hash = canonical, leaf_hash(canonical)
    entry.save()


# --- Entries ------------------------------------------------------------------


@kind("a column of an entry changed")
def change_column(ledger: Ledger, group: Group, random: Random) -> Place:
    entry = pick(group, random)
    column, value = random.choice(
        [
            ("actor_name", "someone else"), ("actor_id", "9"), ("actor_kind", "user"),
            ("action", "run.started"), ("channel", "link"), ("on_behalf_of", "user:9"),
            ("commitment", ZERO), ("prev_hash", ZERO[1:] + "1"), ("leaf_hash", ZERO),
            ("canonical", b"{}"), ("subject_id", "other"), ("subject_seq", 10**6),
        ]
    )  # fmt: skip
    update(entry, **{column: value})
    return in_group(group)


@kind("a time moved")
def move_time(ledger: Ledger, group: Group, random: Random) -> Place:
    entry = pick(group, random)
    update(entry, at=entry.at + timedelta(microseconds=random.randrange(1, 10**9)))
    return in_group(group)


@kind("an entry rewritten with its hash")
def rewrite_entry(ledger: Ledger, group: Group, random: Random) -> Place:
    entry = pick(group, random)
    entry.actor_name = "someone else"
    rehash(entry)
    return in_group(group)


@kind("an entry rewritten, and its chain to the end with the head")
def rewrite_chain(ledger: Ledger, group: Group, random: Random) -> Place:
    chain = list_chain(random.choice(group.entries))
    start = random.randrange(len(chain))
    chain[start].actor_name = "someone else"
    _rehash_chain(chain[start:])
    return in_group(group)


def _rehash_chain(chain: list[Entry]) -> None:
    for before, entry in zip([None, *chain], chain, strict=False):
        if before is not None:
            entry.prev_hash = before.leaf_hash
        rehash(entry)
    last = chain[-1]
    _heads(last).update(hash=last.leaf_hash, seq=last.subject_seq)


def _heads(entry: Entry) -> Any:
    return SubjectHead.objects.filter(subject_kind=entry.subject_kind, subject_id=entry.subject_id)


@kind("two entries of a chain exchanged")
def exchange(ledger: Ledger, group: Group, random: Random) -> Place:
    chain = list_chain(random.choice(group.entries))
    one, other = chain[0], chain[-1]
    first, last = one.subject_seq, other.subject_seq
    update(one, subject_seq=10**6)
    update(other, subject_seq=first)
    update(one, subject_seq=last)
    return in_group(group)


@kind("an entry copied to the end of its chain")
def duplicate(ledger: Ledger, group: Group, random: Random) -> Place:
    chain = list_chain(random.choice(group.entries))
    copied = random.choice(chain)
    payload = EntryPayload.objects.get(entry=copied)
    copied.pk, copied.subject_seq = None, chain[-1].subject_seq + 1
    copied.prev_hash = chain[-1].leaf_hash
    copied.save(force_insert=True)
    rehash(copied)
    EntryPayload.objects.create(entry=copied, body=payload.body, salt=payload.salt)
    return Place({copied.pk, *group.entries}, group.blocks)


def delete_rows(table: str, column: str, ids: Collection[int]) -> None:
    """Delete rows, past what refers to them."""
    with connection.cursor() as cursor:
        for pk in ids:
            cursor.execute(f"DELETE FROM {table} WHERE {column} = %s", [pk])


def remove(*entries: Entry) -> None:
    ids = [entry.pk for entry in entries]
    for table in ("audit_blockentry", "audit_unsealed", "audit_entrypayload"):
        delete_rows(table, "entry_id", ids)
    delete_rows("audit_entry", "id", ids)


@kind("an entry deleted with all that belongs to it")
def delete_entry(ledger: Ledger, group: Group, random: Random) -> Place:
    remove(pick(group, random))
    return in_group(group)


@kind("the end of a chain cut off, with its head turned back")
def cut_chain(ledger: Ledger, group: Group, random: Random) -> Place:
    chain = list_chain(random.choice(group.entries))
    kept = random.randrange(1, len(chain)) if len(chain) > 1 else 1
    last = chain[kept - 1]
    remove(*chain[kept:])
    _heads(last).update(seq=last.subject_seq, hash=last.leaf_hash)
    if kept == len(chain):
        remove(last)
    return in_group(group)


@kind("a whole subject removed, with its head")
def remove_subject(ledger: Ledger, group: Group, random: Random) -> Place:
    chain = list_chain(random.choice(group.entries))
    _heads(chain[0]).delete()
    remove(*chain)
    return in_group(group)


# --- Payloads -----------------------------------------------------------------


def payload_of(entry: int) -> Any:
    return EntryPayload.objects.filter(entry_id=entry)


@kind("a payload changed")
def change_payload(ledger: Ledger, group: Group, random: Random) -> Place:
    entry = random.choice(group.entries)
    body = payload_of(entry).get().body
    payload_of(entry).update(body=body.replace("number", "Number"))
    return Place({entry})


@kind("a payload emptied")
def empty_payload(ledger: Ledger, group: Group, random: Random) -> Place:
    entry = random.choice(group.entries)
    payload_of(entry).update(body=None, salt=None)
    return Place({entry})


@kind("a payload or its salt emptied alone")
def empty_half(ledger: Ledger, group: Group, random: Random) -> Place:
    entry = random.choice(group.entries)
    payload_of(entry).update(**{random.choice(["body", "salt"]): None})
    return Place({entry})


@kind("two payloads exchanged")
def exchange_payloads(ledger: Ledger, group: Group, random: Random) -> Place:
    one, other = random.sample(list(group.entries), 2)
    first, second = payload_of(one).get(), payload_of(other).get()
    payload_of(one).update(body=second.body, salt=second.salt)
    payload_of(other).update(body=first.body, salt=first.salt)
    return Place({one})


@kind("a payload deleted")
def delete_payload(ledger: Ledger, group: Group, random: Random) -> Place:
    entry = random.choice(group.entries)
    payload_of(entry).delete()
    return Place({entry})


@kind("a payload rewritten with its commitment and the entry's hash")
def rewrite_payload(ledger: Ledger, group: Group, random: Random) -> Place:
    entry = pick(group, random)
    salt, body = b"s" * 32, '{"number":1}'
    payload_of(entry.pk).update(body=body, salt=salt)
    entry.commitment = commitment(salt, body.encode())
    rehash(entry)
    return in_group(group)


@kind("a payload erased, and the entry that says so emptied")
def erase_twice(ledger: Ledger, group: Group, random: Random) -> Place:
    entry = pick(group, random)
    said = erase(entry)
    payload_of(said.pk).update(body=None, salt=None)
    return Place({entry.pk})


def erase(entry: Entry) -> Entry:
    """Erase the details as the application does. Return the entry that says so."""
    erase_payload(entry=entry, reason="invented", actor=ACTOR, now=NOW)
    said = Entry.objects.latest("pk")
    # The trigger that does this is lifted with the guards.
    Unsealed.objects.get_or_create(entry=said)
    return said


# --- Heads and blocks ---------------------------------------------------------


@kind("a head changed")
def change_head(ledger: Ledger, group: Group, random: Random) -> Place:
    entry = pick(group, random)
    changes: list[dict[str, Any]] = [
        {"seq": F("seq") + 1}, {"seq": F("seq") - 1}, {"hash": ZERO},
    ]  # fmt: skip
    _heads(entry).update(**random.choice(changes))
    return in_group(group)


@kind("a head deleted")
def delete_head(ledger: Ledger, group: Group, random: Random) -> Place:
    _heads(pick(group, random)).delete()
    return in_group(group)


def pick_block(group: Group, random: Random) -> Any:
    return Block.objects.filter(number=random.choice(group.blocks))


@kind("a column of a block changed")
def change_block(ledger: Ledger, group: Group, random: Random) -> Place:
    changes: list[dict[str, Any]] = [
        {"root": ZERO}, {"prev_hash": ZERO}, {"hash": ZERO}, {"size": F("size") - 1},
        {"sealed_at": NOW - timedelta(days=1)}, {"number": F("number") + 10**6},
        {"public_key": ZERO},
    ]  # fmt: skip
    block = pick_block(group, random)
    number = block.get().number
    block.update(**random.choice(changes))
    return Place(group.entries, {*group.blocks, number + 10**6})


@kind("a block's signature changed")
def change_signature(ledger: Ledger, group: Group, random: Random) -> Place:
    pick_block(group, random).update(signature=random.randbytes(64).hex())
    return Place(blocks=group.blocks)


@kind("a block signed by another key")
def sign_block_anew(ledger: Ledger, group: Group, random: Random) -> Place:
    from hashlib import sha256

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from workbench.audit.keys import public_hex
    from workbench.audit.sealing import header_bytes

    block = pick_block(group, random).get()
    key = Ed25519PrivateKey.generate()
    block.public_key = public_hex(key)
    signed = ("number", "size", "root", "prev_hash", "public_key", "sealed_at")
    header = header_bytes(**{name: getattr(block, name) for name in signed})
    block.hash, block.signature = sha256(header).hexdigest(), key.sign(header).hex()
    block.save()
    return Place(blocks=group.blocks)


@kind("a block deleted, its entries left unsealed")
def delete_block(ledger: Ledger, group: Group, random: Random) -> Place:
    block = pick_block(group, random).get()
    entries = list(block.leaves.values_list("entry_id", flat=True))
    block.leaves.all().delete()
    block.delete()
    Unsealed.objects.bulk_create([Unsealed(entry_id=entry) for entry in entries])
    return Place(group.entries, {*group.blocks, block.number + 1})


@kind("an entry taken out of its block's list")
def unlist(ledger: Ledger, group: Group, random: Random) -> Place:
    entry = random.choice(group.entries)
    BlockEntry.objects.filter(entry_id=entry).delete()
    return in_group(group)


@kind("two entries exchanged in a block's list")
def exchange_leaves(ledger: Ledger, group: Group, random: Random) -> Place:
    block = pick_block(group, random).get()
    one, other = list(block.leaves.order_by("position")[:2])
    for leaf, position in ((one, 10**6), (other, 0), (one, 1)):
        BlockEntry.objects.filter(pk=leaf.pk).update(position=position)
    return in_group(group)


# --- What cannot be found -----------------------------------------------------


@kind("the last blocks cut off, with entries and heads", "ledger", alone=True)
def cut_blocks(ledger: Ledger, _: Any, random: Random) -> Place:
    groups = ledger.groups[-random.randrange(1, 4) :]
    ids = [entry for group in groups for entry in group.entries]
    subjects = set(Entry.objects.filter(pk__in=ids).values_list("subject_kind", "subject_id"))
    remove(*Entry.objects.filter(pk__in=ids))
    Block.objects.filter(number__gte=min(groups[0].blocks)).delete()
    for subject_kind, subject_id in subjects:
        SubjectHead.objects.filter(subject_kind=subject_kind, subject_id=subject_id).delete()
    return Place(ids, {number for group in groups for number in group.blocks}, "run ")


@kind("an entry deleted before it was sealed, with its head", "ledger", alone=True)
def cut_unsealed(ledger: Ledger, _: Any, random: Random) -> Place:
    with transaction.atomic():
        entry = record(
            action=ACTION, subject=("run", "unsealed"), actor=ACTOR, payload={"number": 1}, now=NOW
        )
    _heads(entry).delete()
    remove(entry)
    return Place({entry.pk}, words="run unsealed")


@kind("a payload erased with an entry, by who can write entries", "ledger", alone=True)
def erase_in_form(ledger: Ledger, _: Any, random: Random) -> Place:
    entry = pick(random.choice(ledger.groups), random)
    said = erase(entry)
    seal(NOW)
    return Place({entry.pk, said.pk})
