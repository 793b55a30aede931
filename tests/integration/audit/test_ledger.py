"""The ledger on a real database: chains, guards, blocks, and what verification finds."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from tests.emptying import guards_lifted
from workbench.accounts.actors import Actor
from workbench.audit.actions import register_action
from workbench.audit.models import Block, BlockEntry, Entry, EntryPayload, SubjectHead, Unsealed
from workbench.audit.services import (
    Act,
    ErasureRefused,
    RecordOutsideTransaction,
    erase_payload,
    record,
    record_many,
    seal,
    verify,
)

register_action("test.done", "Did {what}")
ACTOR = Actor.system("test")


def record_one(now: datetime, subject: str = "1", what: str = "it") -> Entry:
    with transaction.atomic():
        return record(
            action="test.done",
            subject=("run", subject),
            actor=ACTOR,
            payload={"what": what},
            now=now,
        )


@pytest.fixture
def ledger(db: None, now: datetime) -> list[Entry]:
    """Six entries of two subjects in two blocks, and two unsealed."""
    entries = [record_one(now, "1"), record_one(now, "2"), record_one(now, "1")]
    seal(now)
    entries += [record_one(now, "2"), record_one(now, "1"), record_one(now, "1")]
    seal(now)
    return [*entries, record_one(now, "2"), record_one(now, "3")]


# --- Writing ------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_recording_outside_a_transaction_is_refused(now: datetime) -> None:
    with pytest.raises(RecordOutsideTransaction):
        record(action="test.done", subject=("run", "1"), actor=ACTOR, payload={}, now=now)


@pytest.mark.django_db(transaction=True)
def test_an_entry_is_undone_with_its_act(now: datetime) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012
        record(action="test.done", subject=("run", "1"), actor=ACTOR, payload={}, now=now)
        raise ZeroDivisionError
    assert not Entry.objects.exists()
    assert record_one(now).subject_seq == 1


def test_entries_are_chained_by_subject(ledger: list[Entry]) -> None:
    chain = [entry for entry in ledger if entry.subject_id == "1"]
    assert [entry.subject_seq for entry in chain] == [1, 2, 3, 4]
    assert [entry.prev_hash for entry in chain[1:]] == [entry.leaf_hash for entry in chain[:-1]]


@pytest.mark.django_db
def test_recording_many_makes_the_same_chains(now: datetime) -> None:
    acts = [Act("test.done", ("run", str(i % 7)), ACTOR, {"what": i}) for i in range(450)]
    with transaction.atomic():
        entries = record_many(acts, now=now)
    assert [entry.subject_id for entry in entries] == [str(i % 7) for i in range(450)]
    seal(now)
    assert verify().ok


@pytest.mark.django_db
def test_one_entry_takes_four_statements(
    now: datetime, django_assert_num_queries: Callable[..., object]
) -> None:
    with transaction.atomic(), django_assert_num_queries(4):  # type: ignore[attr-defined]
        record(action="test.done", subject=("run", "1"), actor=ACTOR, payload={}, now=now)


@pytest.mark.django_db
def test_an_unknown_subject_kind_is_refused(now: datetime) -> None:
    with pytest.raises(ValueError, match="Use one of"):
        record(action="test.done", subject=("ship", "1"), actor=ACTOR, payload={}, now=now)


# --- Guards -------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor_name = 'someone else'",
        "DELETE FROM audit_entry",
        "UPDATE audit_block SET root = '00'",
        "DELETE FROM audit_block",
        "UPDATE audit_blockentry SET position = position + 100",
        "DELETE FROM audit_blockentry",
        "UPDATE audit_entrypayload SET body = '{}'",
        "UPDATE audit_entrypayload SET body = NULL",
        "DELETE FROM audit_entrypayload",
        "DELETE FROM audit_unsealed",
        "UPDATE audit_unsealed SET entry_id = entry_id + 100",
        "UPDATE audit_subjecthead SET seq = seq - 1",
        "DELETE FROM audit_subjecthead",
    ],
)
def test_the_database_refuses_to_change_the_ledger(ledger: list[Entry], statement: str) -> None:
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert verify().ok


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["audit_entry", "audit_entrypayload", "audit_block"])
def test_the_database_refuses_truncate_and_replace(table: str, ledger: list[Entry]) -> None:
    if connection.vendor == "postgresql":
        connection.check_constraints()  # else the pending ones are what refuses
        statement = f"TRUNCATE {table} CASCADE"
    else:
        statement = f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert Entry.objects.count() == len(ledger)


# --- Sealing ------------------------------------------------------------------


def test_each_entry_is_sealed_once(ledger: list[Entry], now: datetime) -> None:
    assert Unsealed.objects.count() == 2
    block = seal(now)
    assert block is not None
    assert (block.number, block.size) == (3, 2)
    assert seal(now) is None
    assert BlockEntry.objects.count() == len(ledger)


# --- Verification -------------------------------------------------------------


def test_an_untouched_ledger_verifies(ledger: list[Entry]) -> None:
    found = verify()
    assert (found.ok, found.entries, found.blocks, found.unsealed) == (True, 8, 2, 2)


def test_erasing_a_payload_leaves_the_chain_valid(ledger: list[Entry], now: datetime) -> None:
    erase_payload(entry=ledger[2], reason="request of the person", actor=ACTOR, now=now)
    erase_payload(entry=ledger[2], reason="again", actor=ACTOR, now=now)
    assert EntryPayload.objects.get(entry=ledger[2]).body is None
    assert Entry.objects.filter(action="ledger.payload_erased").count() == 1
    assert verify().ok


def tamper(statement: str, *values: Any) -> None:
    """Change the tables as someone who owns the database can: past triggers and foreign keys."""
    if connection.vendor == "sqlite":
        with guards_lifted(), connection.cursor() as cursor:
            cursor.execute(statement, values)
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("SET LOCAL session_replication_role = origin")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor_name", "someone else"), ("action", "test.other"), ("on_behalf_of", "user:9"),
        ("at", "2020-01-01 00:00:00+00:00"), ("commitment", "0" * 64), ("leaf_hash", "0" * 64),
        ("channel", "link"),
    ],
)  # fmt: skip
def test_a_changed_row_is_named(ledger: list[Entry], column: str, value: str) -> None:
    tamper(f"UPDATE audit_entry SET {column} = %s WHERE id = %s", value, ledger[3].pk)
    bad = verify().first_bad
    assert bad is not None
    assert (bad.code, bad.entry) in {("entry-changed", ledger[3].pk), ("root-wrong", ledger[3].pk)}


def test_a_row_rewritten_with_its_hashes_is_named(ledger: list[Entry]) -> None:
    from workbench.audit.canonical import entry_bytes, leaf_hash

    entry = Entry.objects.get(pk=ledger[2].pk)
    entry.actor_name = "someone else"
    canonical = entry_bytes(vars(entry))
    tamper(
        "UPDATE audit_entry SET actor_name = %s, canonical = %s, leaf_hash = %s WHERE id = %s",
        entry.actor_name, canonical, leaf_hash(canonical), entry.pk,
    )  # fmt: skip
    codes = {(fault.code, fault.entry) for fault in verify().faults}
    assert ("chain-broken", ledger[4].pk) in codes
    assert ("root-wrong", ledger[0].pk) in codes


def test_a_changed_payload_is_named(ledger: list[Entry]) -> None:
    tamper("UPDATE audit_entrypayload SET body = '{}' WHERE entry_id = %s", ledger[1].pk)
    bad = verify().first_bad
    assert bad is not None
    assert (bad.code, bad.entry) == ("payload-changed", ledger[1].pk)


def test_a_payload_row_that_is_gone_is_named(ledger: list[Entry]) -> None:
    tamper("DELETE FROM audit_entrypayload WHERE entry_id = %s", ledger[1].pk)
    bad = verify().first_bad
    assert bad is not None
    assert (bad.code, bad.entry) == ("payload-missing", ledger[1].pk)


def test_a_payload_emptied_without_an_entry_is_named(ledger: list[Entry]) -> None:
    # The guard lets it pass: erasing is this very statement.
    EntryPayload.objects.filter(entry=ledger[1]).update(body=None, salt=None)
    bad = verify().first_bad
    assert bad is not None
    assert (bad.code, bad.entry) == ("payload-missing", ledger[1].pk)


def test_the_entry_of_one_erasure_does_not_excuse_another(
    ledger: list[Entry], now: datetime
) -> None:
    erase_payload(entry=ledger[2], reason="request of the person", actor=ACTOR, now=now)
    for emptied in (ledger[0], ledger[6], ledger[7]):
        EntryPayload.objects.filter(entry=emptied).update(body=None, salt=None)
    named = [(fault.code, fault.entry) for fault in verify().faults]
    assert named == [("payload-missing", ledger[i].pk) for i in (0, 6, 7)]


def test_the_entry_of_an_erasure_is_not_erased(ledger: list[Entry], now: datetime) -> None:
    erase_payload(entry=ledger[2], reason="request of the person", actor=ACTOR, now=now)
    said = Entry.objects.get(action="ledger.payload_erased")
    with pytest.raises(ErasureRefused):
        erase_payload(entry=said, reason="again", actor=ACTOR, now=now)
    EntryPayload.objects.filter(entry=said).update(body=None, salt=None)
    named = [(fault.code, fault.entry) for fault in verify().faults]
    assert named == [("payload-missing", ledger[2].pk), ("payload-missing", said.pk)]


@pytest.mark.parametrize("reason", ["", "  "])
def test_an_erasure_needs_a_reason(ledger: list[Entry], now: datetime, reason: str) -> None:
    with pytest.raises(ErasureRefused):
        erase_payload(entry=ledger[2], reason=reason, actor=ACTOR, now=now)
    assert EntryPayload.objects.get(entry=ledger[2]).body is not None


def test_the_oldest_bad_entry_is_named_among_very_many(db: None, now: datetime) -> None:
    acts = [Act("test.done", ("run", str(999 - i)), ACTOR, {"what": i}) for i in range(900)]
    with transaction.atomic():
        entries = record_many(acts, now=now)
    tamper("UPDATE audit_entrypayload SET body = '{}'")
    found = verify()
    assert len(found.faults) == 100
    assert found.first_bad is not None
    assert found.first_bad.entry == entries[0].pk


def drop(pk: int) -> None:
    """Delete an entry with all that refers to it."""
    for table, column in (
        ("audit_blockentry", "entry_id"), ("audit_unsealed", "entry_id"),
        ("audit_entrypayload", "entry_id"), ("audit_entry", "id"),
    ):  # fmt: skip
        tamper(f"DELETE FROM {table} WHERE {column} = %s", pk)


def test_a_missing_row_in_the_middle_is_named(ledger: list[Entry]) -> None:
    drop(ledger[2].pk)
    codes = {(fault.code, fault.entry) for fault in verify().faults}
    assert ("entry-missing", ledger[4].pk) in codes


def test_a_missing_last_row_is_named(ledger: list[Entry]) -> None:
    drop(ledger[6].pk)
    bad = verify().first_bad
    assert bad is not None
    assert (bad.code, bad.entry) == ("entry-missing", ledger[3].pk)


def test_a_subject_that_is_gone_altogether_is_named(ledger: list[Entry]) -> None:
    drop(ledger[7].pk)
    bad = verify().first_bad
    assert bad is not None
    assert bad.code == "entry-missing"
    assert "run 3" in bad.detail


def test_an_entry_kept_from_sealing_is_named(ledger: list[Entry]) -> None:
    tamper("DELETE FROM audit_unsealed WHERE entry_id = %s", ledger[6].pk)
    bad = verify().first_bad
    assert bad is not None
    assert (bad.code, bad.entry) == ("entry-unsealed", ledger[6].pk)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("root = repeat_zero", "block-changed"),
        ("signature = repeat_zero", "signature-bad"),
        ("prev_hash = repeat_zero", "chain-broken"),
        ("public_key = repeat_zero", "block-changed"),
        ("number = 9", "block-missing"),
    ],
)
def test_a_changed_block_is_named(ledger: list[Entry], change: str, code: str) -> None:
    zero = "'" + "0" * (128 if change.startswith("signature") else 64) + "'"
    tamper(f"UPDATE audit_block SET {change.replace('repeat_zero', zero)} WHERE number = 2")
    codes = {fault.code for fault in verify().faults}
    assert code in codes


def test_a_ledger_signed_anew_with_another_key_is_not_trusted(
    ledger: list[Entry], now: datetime, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    import base64

    settings.LEDGER_KEY = base64.b64encode(b"k" * 32).decode()  # type: ignore[attr-defined]
    seal(now)
    assert {fault.code for fault in verify().faults} == {"key-unknown"}
    old = Block.objects.get(number=1).public_key
    settings.LEDGER_TRUSTED_KEYS = [old]  # type: ignore[attr-defined]
    assert verify().ok


def test_the_head_of_each_chain_is_kept(ledger: list[Entry]) -> None:
    head = SubjectHead.objects.get(subject_kind="run", subject_id="1")
    assert (head.seq, head.hash) == (4, ledger[5].leaf_hash)
