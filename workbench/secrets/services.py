"""Set, delete and read secrets. No page, no API and no journal ever gets a value."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from workbench.accounts.actors import Actor
from workbench.audit.refusals import Refusal, note_refusal
from workbench.audit.services import record
from workbench.secrets.models import Secret
from workbench.secrets.newest import DELETED, SET, check_newest, compute_ciphertext_digest
from workbench.secrets.vault import SecretUnreadable, seal, unseal
from workbench.values.checking import check_text
from workbench.values.refusals import ValueRefused

__all__ = [
    "SecretInvalid",
    "SecretRow",
    "SecretUnknown",
    "SecretUnreadable",
    "delete_secret",
    "list_secrets",
    "read_secrets",
    "set_secret",
]

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,119}\Z")
MOST_BYTES = 16 * 1024


class SecretInvalid(ValueError):
    """The name or the value of the secret is not valid."""


class SecretUnknown(LookupError):
    """There is no secret with that name."""


@dataclass(frozen=True, slots=True)
class SecretRow:
    """What people may see of a secret."""

    name: str
    version: int
    set_by: str
    changed_at: datetime


@transaction.atomic
def set_secret(*, name: str, value: str, actor: Actor, now: datetime) -> SecretRow:
    """Set a secret, or replace its value. Raises: SecretInvalid."""
    if not NAME.match(name):
        raise SecretInvalid(
            f"{name!r} is not a valid name. Use at most 120 letters, digits and `_`."
        )
    try:
        check_text(value)
    except ValueRefused as error:
        raise SecretInvalid(str(error)) from error
    if not value or len(value.encode()) > MOST_BYTES:
        raise SecretInvalid(f"A secret has 1 to {MOST_BYTES:,} bytes.")
    made = {"ciphertext": b"", "created_at": now, "changed_at": now}
    Secret.objects.get_or_create(name=name, defaults=made)
    row = Secret.objects.select_for_update().get(name=name)
    row.version += 1
    row.ciphertext = seal(name, row.version, value)
    row.set_by, row.changed_at = actor.name[:150], now
    row.save()
    record(
        action=SET,
        subject=("secret", name),
        actor=actor,
        payload={
            "name": name,
            "version": row.version,
            "digest": compute_ciphertext_digest(row.ciphertext),
        },
        now=now,
    )
    return SecretRow(row.name, row.version, row.set_by, row.changed_at)


@transaction.atomic
def delete_secret(*, name: str, actor: Actor, now: datetime) -> None:
    """Delete a secret. Steps that use it fail from now on. Raises: SecretUnknown."""
    if not Secret.objects.filter(name=name).delete()[0]:
        raise SecretUnknown(f"There is no secret {name}.")
    record(
        action=DELETED,
        subject=("secret", name),
        actor=actor,
        payload={"name": name},
        now=now,
    )


def list_secrets() -> list[SecretRow]:
    """Return every secret without its value: one query."""
    fields = ("name", "version", "set_by", "changed_at")
    rows = Secret.objects.order_by("name").values_list(*fields)
    return [SecretRow(*row) for row in rows]


def read_secrets(names: Iterable[str]) -> dict[str, str]:
    """Return the values by name, for a step that is about to use them: two queries.

    The ledger keeps that one was refused.

    Raises: SecretUnknown, SecretUnreadable.
    """
    wanted = set(names)
    rows = {row.name: row for row in Secret.objects.filter(name__in=wanted)}
    try:
        if missing := sorted(wanted - rows.keys()):
            raise SecretUnknown(f"There is no secret {missing[0]}. Set it by PUT /api/v1/secrets.")
        check_newest(rows)
        return {
            name: unseal(name, row.version, bytes(row.ciphertext)) for name, row in rows.items()
        }
    except (SecretUnknown, SecretUnreadable) as error:
        _note_refusal(sorted(wanted), str(error))
        raise


def _note_refusal(names: list[str], why: str) -> None:
    subject, payload = ("secret", names[0][:80]), {"name": ", ".join(names), "reason": why}
    note_refusal(Refusal("secret.refused", subject, Actor.system("engine"), payload))
