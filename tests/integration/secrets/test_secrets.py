"""Secrets go in and are used; they never come out."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction

from tests.emptying import lift_guards
from workbench.accounts.actors import Actor
from workbench.audit.models import Entry, EntryPayload
from workbench.audit.services import record, verify
from workbench.secrets.models import Secret
from workbench.secrets.services import (
    SecretInvalid,
    SecretNotForThis,
    SecretUnknown,
    SecretUnreadable,
    delete_secret,
    list_secrets,
    read_secrets,
    set_secret,
)
from workbench.secrets.vault import seal

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)
ACTOR = Actor.system("test")


USE = "flow:loan"


def put(
    name: str = "API_KEY", value: str = "hunter-two", uses: Sequence[str] | None = (USE,)
) -> None:
    set_secret(name=name, value=value, uses=uses, actor=ACTOR, now=NOW)


def test_what_is_set_is_read_and_neither_row_nor_ledger_shows_it() -> None:
    put()
    assert read_secrets(["API_KEY"], use=USE) == {"API_KEY": "hunter-two"}
    row = Secret.objects.get()
    assert b"hunter-two" not in bytes(row.ciphertext)
    assert "hunter" not in str(list_secrets())
    assert Entry.objects.filter(action="secret.set").count() == 1
    assert b"hunter" not in bytes(Entry.objects.get(action="secret.set").canonical)


def test_a_new_value_raises_the_version_and_the_same_value_looks_different() -> None:
    put()
    first = bytes(Secret.objects.get().ciphertext)
    put()
    row = Secret.objects.get()
    assert row.version == 2
    assert bytes(row.ciphertext) != first


@pytest.mark.parametrize("change", ["name", "version", "byte"])
def test_a_row_that_was_altered_is_not_read(change: str) -> None:
    put()
    row = Secret.objects.get()
    if change == "name":
        row.name = "OTHER"
    elif change == "version":
        row.version = 7
    else:
        sealed = bytearray(row.ciphertext)
        sealed[-1] ^= 1
        row.ciphertext = bytes(sealed)
    row.save()
    with pytest.raises(SecretUnreadable):
        read_secrets([row.name], use=USE)


def test_a_secret_cannot_be_read_with_another_key(settings: Any) -> None:
    put()
    settings.SECRETS_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    with pytest.raises(SecretUnreadable, match="SECRETS_KEY"):
        read_secrets(["API_KEY"], use=USE)


@pytest.mark.parametrize(
    ("name", "value"), [("a-b", "x"), ("", "x"), ("A", ""), ("A", "x" * 17000)]
)
def test_bad_names_and_values_are_refused(name: str, value: str) -> None:
    with pytest.raises(SecretInvalid):
        put(name, value)


def test_a_deleted_secret_is_unknown() -> None:
    put()
    delete_secret(name="API_KEY", actor=ACTOR, now=NOW)
    with pytest.raises(SecretUnknown, match="API_KEY"):
        read_secrets(["API_KEY"], use=USE)


@pytest.mark.parametrize(
    ("uses", "use", "is_read"),
    [
        (["flow:loan"], "flow:loan", True),
        (["flow:loan"], "flow:other", False),
        (["flow:loan"], "webhook:loan", False),
        (["flow:loan"], "notices", False),
        (["flow:*"], "flow:other", True),
        (["flow:*"], "webhook:loan", False),
        (["flow:*"], "notices", False),
        (["webhook:loan"], "flow:loan", False),
        (["checkpoint:a"], "checkpoint:a", True),
        (["checkpoint:a"], "checkpoint:b", False),
        (["checkpoint:*"], "checkpoint:b", True),
        (["flow:*"], "checkpoint:a", False),
        (["notices", "flow:loan"], "notices", True),
    ],
)
def test_a_secret_is_read_for_its_uses_alone(uses: list[str], use: str, is_read: bool) -> None:
    put(uses=uses)
    if is_read:
        assert read_secrets(["API_KEY"], use=use)
    else:
        with pytest.raises(SecretNotForThis, match=f"may not be used for {re.escape(use)}"):
            read_secrets(["API_KEY"], use=use)


def test_one_that_may_not_be_used_keeps_back_the_others_asked_for_with_it() -> None:
    put("MINE")
    put("THEIRS", uses=["flow:other"])
    with pytest.raises(SecretNotForThis, match="THEIRS"):
        read_secrets(["MINE", "THEIRS"], use=USE)


@pytest.mark.parametrize("uses", [None, ["loan"], ["flow:"], ["flow:a b"], ["flow:*x"], ["*"]])
def test_a_new_secret_states_uses_that_exist(uses: list[str] | None) -> None:
    with pytest.raises(SecretInvalid, match="use"):
        put(uses=uses)
    assert not Secret.objects.exists()


def test_a_new_value_keeps_the_uses_and_new_uses_are_in_the_ledger() -> None:
    put()
    put(value="hunter-three", uses=None)
    assert list_secrets()[0].uses == [USE]
    put(value="hunter-four", uses=["notices"])
    newest = Entry.objects.filter(action="secret.set").latest("pk")
    assert json.loads(newest.payload.body or "")["uses"] == ["notices"]


# --- Rolled back by SQL -------------------------------------------------------


def _newest(*actions: str) -> Entry:
    return Entry.objects.filter(action__in=actions).latest("pk")


def put_back(row: Secret) -> None:
    """Write the row as it was, as who owns the database can."""
    Secret.objects.filter(name=row.name).delete()
    row.save(force_insert=True)


@pytest.mark.parametrize("between", ["set", "delete", "delete and set"])
def test_an_older_value_put_back_with_its_version_is_refused(between: str) -> None:
    put(value="first-value")
    older = Secret.objects.get()
    if "delete" in between:
        delete_secret(name="API_KEY", actor=ACTOR, now=NOW)
    if "set" in between:
        put(value="second-value")
    put_back(older)
    with pytest.raises(SecretUnreadable, match="set last"):
        read_secrets(["API_KEY"], use=USE)
    first_bad = verify().first_bad
    assert first_bad is not None
    assert first_bad.code == "record-changed"
    assert first_bad.entry == _newest("secret.set", "secret.deleted").pk


def test_a_secret_that_nobody_set_is_refused() -> None:
    Secret.objects.create(
        name="API_KEY", version=1, ciphertext=seal("API_KEY", 1, "x"), created_at=NOW,
        changed_at=NOW, uses=[USE],
    )  # fmt: skip
    with pytest.raises(SecretUnreadable):
        read_secrets(["API_KEY"], use=USE)
    assert [fault.code for fault in verify().faults] == ["record-unknown"]


def test_a_secret_that_is_gone_is_found() -> None:
    put()
    Secret.objects.all().delete()
    assert [fault.code for fault in verify().faults] == ["record-missing"]


def test_the_entry_rewritten_for_the_older_value_does_not_make_it_readable() -> None:
    put(value="first-value")
    older, body = Secret.objects.get(), EntryPayload.objects.get().body
    put(value="second-value")
    put_back(older)
    lift_guards()
    EntryPayload.objects.update(body=body)
    with pytest.raises(SecretUnreadable):
        read_secrets(["API_KEY"], use=USE)


def test_a_secret_set_before_digests_were_recorded_is_read() -> None:
    row = Secret(name="API_KEY", version=1, created_at=NOW, changed_at=NOW)
    row.ciphertext = seal("API_KEY", 1, "hunter-two")
    row.uses = [USE]
    row.save()
    with transaction.atomic():
        record(
            action="secret.set", subject=("secret", "API_KEY"), actor=ACTOR,
            payload={"name": "API_KEY", "version": 1}, now=NOW,
        )  # fmt: skip
    assert read_secrets(["API_KEY"], use=USE) == {"API_KEY": "hunter-two"}
    assert verify().ok


def test_reading_several_secrets_takes_two_queries(
    django_assert_num_queries: Callable[..., Any],
) -> None:
    for _ in range(3):
        put("ONE")
        put("TWO")
    with django_assert_num_queries(2):
        read_secrets(["ONE", "TWO"], use=USE)
