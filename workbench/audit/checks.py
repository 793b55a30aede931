"""The system checks of the ledger: its key is here, and the application cannot rewrite it."""

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Problem
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError
from django.db import connection

from workbench.audit.keys import trusted_keys
from workbench.audit.models import Block

HINT = "Let the application connect as a role of its own: see deploy/roles.sql."


@register("installation", deploy=True)
def check_ledger_key(**kwargs: Any) -> list[CheckMessage]:
    """Refuse a missing or unfit key (audit.E001); warn of one that did not sign (audit.W001)."""
    try:
        last = Block.objects.order_by("-number").first()
        if last is None or last.public_key in trusted_keys():
            return []
    except ImproperlyConfigured as error:
        return [Error(str(error), id="audit.E001")]
    except DatabaseError:
        return []  # away, or without tables yet: others say so
    message = (
        f"Block {last.number} of the ledger is signed with another key than LEDGER_KEY. After a "
        f"change of key, name the old public key in LEDGER_TRUSTED_KEYS: {last.public_key}"
    )
    return [Problem(message, id="audit.W001")]


@register("installation", deploy=True)
def check_ledger_rights(**kwargs: Any) -> list[CheckMessage]:
    """Warn if this role owns the ledger (audit.W002) or may change its rows (audit.W003)."""
    if connection.vendor != "postgresql":
        return []
    try:
        owns, changes = _read_rights()
    except DatabaseError:
        return []
    if owns:
        message = "The application's database role owns the ledger: it could drop its guards."
        return [Problem(message, hint=HINT, id="audit.W002")]
    if changes:
        message = "The application's database role has rights to change the ledger's rows."
        return [Problem(message, hint=HINT, id="audit.W003")]
    return []


def _read_rights() -> tuple[bool, bool]:
    """Return whether this role may act as the ledger's owner, and may change its rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_has_role(relowner, 'MEMBER'),"
            " has_table_privilege(oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER')"
            " FROM pg_class WHERE oid = to_regclass('audit_entry')"
        )
        return cursor.fetchone() or (False, False)
