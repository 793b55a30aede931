"""Secrets go in and are used; they never come out."""

from datetime import UTC, datetime
from typing import Any

import pytest

from workbench.accounts.actors import Actor
from workbench.audit.models import Entry
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
