"""Canonical bytes and hashes of the ledger. Pure. The bundle's verifier has code of its own."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import rfc8785
from django.core.serializers.json import DjangoJSONEncoder

FIRST_HASH = "0" * 64


class PayloadNotCanonical(ValueError):
    """The payload has no canonical JSON form (RFC 8785)."""


def canonical_bytes(value: Any) -> bytes:
    """Return the value's RFC 8785 form. Dates, decimals and UUIDs become text as in Django's JSON.

    Raises: PayloadNotCanonical.
    """
    try:
        try:
            return rfc8785.dumps(value)
        except rfc8785.CanonicalizationError:
            return rfc8785.dumps(json.loads(json.dumps(value, cls=DjangoJSONEncoder)))
    except (rfc8785.CanonicalizationError, TypeError, ValueError) as error:
        raise PayloadNotCanonical(
            f"The payload cannot be recorded: {error}. Pass finite numbers, and whole numbers "
            "beyond 2^53 as text."
        ) from error


def commitment(salt: bytes, payload: bytes) -> str:
    """Return a hash that proves the payload, and lets nobody guess it without the salt."""
    return hashlib.sha256(salt + payload).hexdigest()


def leaf_hash(canonical: bytes) -> str:
    """Return the RFC 9162 leaf hash of an entry's canonical bytes."""
    return hashlib.sha256(b"\x00" + canonical).hexdigest()


def entry_bytes(fields: Mapping[str, Any]) -> bytes:
    """Return the bytes of which an entry's hash is taken, from its columns by name."""
    return canonical_bytes(
        {
            "v": 1,
            "subject": {"kind": fields["subject_kind"], "id": fields["subject_id"]},
            "seq": fields["subject_seq"],
            "at": instant(fields["at"]),
            "actor": {
                "kind": fields["actor_kind"],
                "id": fields["actor_id"],
                "name": fields["actor_name"],
                "channel": fields["channel"],
            },
            "on_behalf_of": fields["on_behalf_of"],
            "action": fields["action"],
            "payload": fields["commitment"],
            "prev": fields["prev_hash"],
        }
    )


def instant(moment: datetime) -> str:
    """Return the moment in UTC with microseconds, which both databases store without loss."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
