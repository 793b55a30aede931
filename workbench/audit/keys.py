"""The key that signs the ledger's blocks, and the keys that verification trusts."""

import base64
import binascii
import hashlib
import os
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from workbench.audit.models import Block

REMEDY = (
    "Set LEDGER_KEY to an Ed25519 private key in PEM (openssl genpkey -algorithm ed25519), "
    "or to the base64 of that PEM or of the 32 raw bytes."
)
RAW_BYTES = 32
KEY_FILE = "ledger-key.pem"


class LedgerKeyMissing(ImproperlyConfigured):
    """The ledger has blocks, and the key that signed them is not here."""


def signing_key() -> Ed25519PrivateKey:
    """Return the private key in LEDGER_KEY, else the one in VAR_DIR, made at its first use.

    Raises: ImproperlyConfigured; LedgerKeyMissing, instead of making another key for a ledger
    that was signed already.
    """
    return _read_key(settings.LEDGER_KEY) if settings.LEDGER_KEY else _local_key(settings.VAR_DIR)


def public_hex(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def key_id(public_key: str) -> str:
    """Return the short name of a public key: the start of its SHA-256."""
    return hashlib.sha256(bytes.fromhex(public_key)).hexdigest()[:16]


def trusted_keys() -> frozenset[str]:
    """Return the public keys whose blocks are valid: today's and those in LEDGER_TRUSTED_KEYS.

    The key that a block names proves nothing: whoever rewrites the tables can sign with their own.
    """
    return frozenset({public_hex(signing_key()), *settings.LEDGER_TRUSTED_KEYS})


def signature_holds(public_key: str, signature: str, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(
            bytes.fromhex(signature), message
        )
    except (InvalidSignature, ValueError):
        return False
    return True


@cache
def _read_key(text: str) -> Ed25519PrivateKey:
    data = text.strip().encode()
    try:
        if not data.startswith(b"-----"):
            data = base64.b64decode(data, validate=True)
        if len(data) == RAW_BYTES:
            return Ed25519PrivateKey.from_private_bytes(data)
        key = load_pem_private_key(data, password=None)
    except (binascii.Error, ValueError, TypeError) as error:
        raise ImproperlyConfigured(f"LEDGER_KEY cannot be read. {REMEDY}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ImproperlyConfigured(f"LEDGER_KEY is not an Ed25519 key. {REMEDY}")
    return key


@cache
def _local_key(folder: Path) -> Ed25519PrivateKey:
    path = folder / KEY_FILE
    if not path.exists() and Block.objects.exists():
        raise LedgerKeyMissing(
            f"The ledger's key is missing: LEDGER_KEY is not set and {path} is not there, but the "
            "ledger has blocks that it signed. Restore the key; or set LEDGER_KEY to a new one and "
            "name the old public key in LEDGER_TRUSTED_KEYS."
        )
    folder.mkdir(parents=True, exist_ok=True)
    made = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    # Written to a file of this process, then linked into place: two processes that start together
    # must end up with one key, and neither may read half of it.
    aside = folder / f".ledger-key.{os.getpid()}"
    if not path.exists():
        aside.unlink(missing_ok=True)
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(made)
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    return _read_key(path.read_text())
