"""Set, delete and read secrets. No page, no API and no journal ever gets a value."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from workbench.accounts.actors import Actor
from workbench.audit.services import record
from workbench.http.revisions import Change, Editable, digest
from workbench.secrets.models import Secret
from workbench.secrets.vault import SecretUnreadable, seal, unseal
from workbench.values.checking import check_text
from workbench.values.refusals import ValueRefused

__all__ = [
    "SECRET",
    "SecretInvalid",
    "SecretRow",
    "SecretUnknown",
    "SecretUnreadable",
    "delete_secret",
    "get_secret",
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

    @property
    def revision(self) -> str:
        # A secret that was deleted and made anew begins with version 1 again.
        return digest([self.version, self.changed_at])


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
        action="secret.set",
        subject=("secret", name),
        actor=actor,
        payload={"name": name, "version": row.version},
        now=now,
    )
    return _row_of(row)


@transaction.atomic
def delete_secret(*, name: str, actor: Actor, now: datetime) -> None:
    """Delete a secret. Steps that use it fail from now on. Raises: SecretUnknown."""
    if not Secret.objects.filter(name=name).delete()[0]:
        raise SecretUnknown(f"There is no secret {name}.")
    record(
        action="secret.deleted",
        subject=("secret", name),
        actor=actor,
        payload={"name": name},
        now=now,
    )


def list_secrets() -> list[SecretRow]:
    """Return every secret without its value: one query."""
    return [_row_of(row) for row in Secret.objects.defer("ciphertext").order_by("name")]


def get_secret(name: str) -> SecretRow:
    """Return a secret without its value: one query. Raises: SecretUnknown."""
    row = Secret.objects.defer("ciphertext").filter(name=name).first()
    if row is None:
        raise SecretUnknown(f"There is no secret {name}.")
    return _row_of(row)


def read_secrets(names: Iterable[str]) -> dict[str, str]:
    """Return the values by name, for a step that is about to use them: one query.

    Raises: SecretUnknown, SecretUnreadable.
    """
    wanted = set(names)
    rows = {row.name: row for row in Secret.objects.filter(name__in=wanted)}
    if missing := sorted(wanted - rows.keys()):
        raise SecretUnknown(f"There is no secret {missing[0]}. Set it by PUT /api/v1/secrets.")
    return {name: unseal(name, row.version, bytes(row.ciphertext)) for name, row in rows.items()}


def _row_of(row: Secret) -> SecretRow:
    return SecretRow(row.name, row.version, row.set_by, row.changed_at)


SECRET = Editable(
    Secret.objects,
    "the secret",
    ("name",),
    lambda row: _row_of(row).revision,
    lambda row: Change(row.set_by, row.changed_at),
)
