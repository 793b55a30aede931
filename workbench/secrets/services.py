"""Set, delete and read secrets. No page, no API and no journal ever gets a value."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from workbench.accounts.actors import Actor
from workbench.audit.refusals import Refusal, note_refusal
from workbench.audit.services import record
from workbench.http.revisions import Change, Editable, digest
from workbench.secrets.models import Secret
from workbench.secrets.newest import DELETED, SET, check_newest, compute_ciphertext_digest
from workbench.secrets.uses import UseInvalid, allows, check_uses
from workbench.secrets.vault import SecretUnreadable, seal, unseal
from workbench.values.checking import check_text
from workbench.values.refusals import ValueRefused

__all__ = [
    "SECRET",
    "SecretInvalid",
    "SecretNotForThis",
    "SecretRow",
    "SecretUnknown",
    "SecretUnreadable",
    "delete_secret",
    "get_secret",
    "list_secrets",
    "list_usable",
    "read_secrets",
    "set_secret",
]

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,119}\Z")
MOST_BYTES = 16 * 1024


class SecretInvalid(ValueError):
    """The name or the value of the secret is not valid."""


class SecretUnknown(LookupError):
    """There is no secret with that name."""


class SecretNotForThis(SecretUnknown):
    """The secret may not be used here: its ``uses`` do not say so."""


@dataclass(frozen=True, slots=True)
class SecretRow:
    """What people may see of a secret."""

    name: str
    version: int
    uses: list[str]
    set_by: str
    changed_at: datetime

    @property
    def revision(self) -> str:
        # A secret that was deleted and made anew begins with version 1 again.
        return digest([self.version, self.changed_at])


@transaction.atomic
def set_secret(
    *, name: str, value: str, actor: Actor, now: datetime, uses: Iterable[str] | None = None
) -> SecretRow:
    """Set a secret, or replace its value; without ``uses``, those that it has stay.

    Raises: SecretInvalid, also for a new secret that says no use.
    """
    chosen = _check(name, value, uses)
    made = {"ciphertext": b"", "created_at": now, "changed_at": now}
    Secret.objects.get_or_create(name=name, defaults=made)
    row = Secret.objects.select_for_update().get(name=name)
    if chosen is None and row.version == 0:
        raise SecretInvalid("Say by `uses` what the secret is for, such as `flow:consumer-loan`.")
    row.version += 1
    row.ciphertext = seal(name, row.version, value)
    row.uses = row.uses if chosen is None else chosen
    row.set_by, row.changed_at = actor.name[:150], now
    row.save()
    record(
        action=SET,
        subject=("secret", name),
        actor=actor,
        payload={
            "name": name,
            "version": row.version,
            "uses": row.uses,
            "digest": compute_ciphertext_digest(row.ciphertext),
        },
        now=now,
    )
    return _row_of(row)


def _check(name: str, value: str, uses: Iterable[str] | None) -> list[str] | None:
    """Return the uses as they are kept. Raises: SecretInvalid."""
    if not NAME.match(name):
        raise SecretInvalid(
            f"{name!r} is not a valid name. Use at most 120 letters, digits and `_`."
        )
    try:
        check_text(value)
        chosen = None if uses is None else check_uses(uses)
    except (ValueRefused, UseInvalid) as error:
        raise SecretInvalid(str(error)) from error
    if not value or len(value.encode()) > MOST_BYTES:
        raise SecretInvalid(f"A secret has 1 to {MOST_BYTES:,} bytes.")
    return chosen


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
    return [_row_of(row) for row in Secret.objects.defer("ciphertext").order_by("name")]


def get_secret(name: str) -> SecretRow:
    """Return a secret without its value: one query. Raises: SecretUnknown."""
    row = Secret.objects.defer("ciphertext").filter(name=name).first()
    if row is None:
        raise SecretUnknown(f"There is no secret {name}.")
    return _row_of(row)


def list_usable(names: Iterable[str], *, use: str) -> frozenset[str]:
    """Return those of the names that are secrets which may be read for ``use``: one query."""
    rows = Secret.objects.filter(name__in=set(names)).values_list("name", "uses")
    return frozenset(name for name, uses in rows if allows(uses, use))


def read_secrets(names: Iterable[str], *, use: str) -> dict[str, str]:
    """Return the values by name, for what is about to use them: two queries.

    ``use`` says who asks (workbench.secrets.uses). The ledger keeps that one was refused.

    Raises: SecretUnknown, SecretNotForThis, SecretUnreadable.
    """
    wanted = set(names)
    rows = {row.name: row for row in Secret.objects.filter(name__in=wanted)}
    try:
        if missing := sorted(wanted - rows.keys()):
            raise SecretUnknown(f"There is no secret {missing[0]}. Set it by PUT /api/v1/secrets.")
        _check_uses(rows, use)
        check_newest(rows)
        return {
            name: unseal(name, row.version, bytes(row.ciphertext)) for name, row in rows.items()
        }
    except (SecretUnknown, SecretUnreadable) as error:
        _note_refusal(sorted(wanted), str(error))
        raise


def _check_uses(rows: Mapping[str, Secret], use: str) -> None:
    """Raises: SecretNotForThis."""
    for name, row in sorted(rows.items()):
        if not allows(row.uses, use):
            raise SecretNotForThis(
                f"The secret {name} may not be used for {use}. An administrator can add that to "
                f"its `uses`, by PUT /api/v1/secrets/{name}."
            )


def _note_refusal(names: list[str], why: str) -> None:
    subject, payload = ("secret", names[0][:80]), {"name": ", ".join(names), "reason": why}
    note_refusal(Refusal("secret.refused", subject, Actor.system("engine"), payload))


def _row_of(row: Secret) -> SecretRow:
    return SecretRow(row.name, row.version, row.uses, row.set_by, row.changed_at)


SECRET = Editable(
    Secret.objects,
    "the secret",
    ("name",),
    lambda row: _row_of(row).revision,
    lambda row: Change(row.set_by, row.changed_at),
)
