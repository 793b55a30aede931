"""Secrets go in and are used; they never come out."""

from collections.abc import Callable
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


def put(name: str = "API_KEY", value: str = "hunter-two") -> None:
    set_secret(name=name, value=value, actor=ACTOR, now=NOW)


def test_what_is_set_is_read_and_neither_row_nor_ledger_shows_it() -> None:
    put()
    assert read_secrets(["API_KEY"]) == {"API_KEY": "hunter-two"}
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
        read_secrets([row.name])


def test_a_secret_cannot_be_read_with_another_key(settings: Any) -> None:
    put()
    settings.SECRETS_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    with pytest.raises(SecretUnreadable, match="SECRETS_KEY"):
        read_secrets(["API_KEY"])


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
        read_secrets(["API_KEY"])


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
        read_secrets(["API_KEY"])
    first_bad = verify().first_bad
    assert first_bad is not None
    assert first_bad.code == "record-changed"
    assert first_bad.entry == _newest("secret.set", "secret.deleted").pk


def test_a_secret_that_nobody_set_is_refused() -> None:
    Secret.objects.create(
        name="API_KEY", version=1, ciphertext=seal("API_KEY", 1, "x"), created_at=NOW,
        changed_at=NOW,
    )  # fmt: skip
    with pytest.raises(SecretUnreadable):
        read_secrets(["API_KEY"])
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
        read_secrets(["API_KEY"])


def test_a_secret_set_before_digests_were_recorded_is_read() -> None:
    row = Secret(name="API_KEY", version=1, created_at=NOW, changed_at=NOW)
    row.ciphertext = seal("API_KEY", 1, "hunter-two")
    row.save()
    with transaction.atomic():
        record(
            action="secret.set", subject=("secret", "API_KEY"), actor=ACTOR,
            payload={"name": "API_KEY", "version": 1}, now=NOW,
        )  # fmt: skip
    assert read_secrets(["API_KEY"]) == {"API_KEY": "hunter-two"}
    assert verify().ok


def test_reading_several_secrets_takes_two_queries(
    django_assert_num_queries: Callable[..., Any],
) -> None:
    for _ in range(3):
        put("ONE")
        put("TWO")
    with django_assert_num_queries(2):
        read_secrets(["ONE", "TWO"])
