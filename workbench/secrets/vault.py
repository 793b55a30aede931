"""Encrypt secrets by AES-256-GCM: a fresh nonce each time, name and version as associated data.

Other texts that only some people may read are encrypted the same way, bound to what they belong to.
"""

import base64
import hmac
import os
from collections.abc import Callable
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from workbench.secrets.models import Secret

KEY_BYTES = 32
NONCE_BYTES = 12
KEY_FILE = "secrets-key"


class SecretUnreadable(Exception):
    """The secret was encrypted with another key, or its row was changed. Set it again."""


class SecretsKeyMissing(SecretUnreadable):
    """There are secrets, and the key that they were encrypted with is not here."""


class SecretsKeyInvalid(Exception):
    """SECRETS_KEY must be 32 random bytes in base64."""


def seal(name: str, version: int, value: str) -> bytes:
    """Return the nonce and the encrypted value."""
    return encrypt(value, _associated(name, version))


def unseal(name: str, version: int, ciphertext: bytes) -> str:
    """Return the value that ``seal`` encrypted. Raises: SecretUnreadable."""
    try:
        return decrypt(ciphertext, _associated(name, version))
    except SecretsKeyMissing:
        raise
    except SecretUnreadable as error:
        raise SecretUnreadable(
            f"The secret {name} cannot be read: SECRETS_KEY has changed, or its row was altered."
            " Set the secret again."
        ) from error


def encrypt(value: str, belongs_to: bytes) -> bytes:
    """Return the nonce and the encrypted value, which only ``belongs_to`` decrypts again."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher().encrypt(nonce, value.encode(), belongs_to)


def decrypt(ciphertext: bytes, belongs_to: bytes) -> str:
    """Return the value that ``encrypt`` encrypted. Raises: SecretUnreadable."""
    nonce, sealed = bytes(ciphertext[:NONCE_BYTES]), bytes(ciphertext[NONCE_BYTES:])
    try:
        return _cipher().decrypt(nonce, sealed, belongs_to).decode()
    except (InvalidTag, ValueError) as error:
        raise SecretUnreadable(
            "The value cannot be read: SECRETS_KEY has changed, or its row was altered."
        ) from error


def compute_fingerprint(value: str, belongs_to: bytes) -> str:
    """Return what tells whether two values are the same, to who has the key alone."""
    key = hmac.digest(_key(settings.SECRETS_KEY), b"countersign-fingerprint", "sha256")
    return hmac.new(key, belongs_to + b"\0" + value.encode(), "sha256").hexdigest()


_are_kept: list[Callable[[], bool]] = [lambda: Secret.objects.exclude(ciphertext=b"").exists()]


def register_encrypted(are_kept: Callable[[], bool]) -> None:
    """Let no new key be made while ``are_kept`` says that values need the one that is missing."""
    _are_kept.append(are_kept)


def _associated(name: str, version: int) -> bytes:
    """Return what a ciphertext is bound to: no row can be put in the place of another."""
    return f"countersign-secret\0{name}\0{version}".encode()


def _cipher() -> AESGCM:
    return AESGCM(_key(settings.SECRETS_KEY))


@cache
def _key(given: str) -> bytes:
    if not given:
        return _local_key()
    try:
        key = base64.b64decode(given, validate=True)
    except ValueError as error:
        raise SecretsKeyInvalid(SecretsKeyInvalid.__doc__) from error
    if len(key) != KEY_BYTES:
        raise SecretsKeyInvalid(SecretsKeyInvalid.__doc__)
    return key


def _local_key() -> bytes:
    """Return the key kept in VAR_DIR, made at the first use. Production sets SECRETS_KEY.

    Raises: SecretsKeyMissing, instead of making another one beside secrets that need the first.
    """
    path = settings.VAR_DIR / KEY_FILE
    if not path.exists() and any(are_kept() for are_kept in _are_kept):
        raise SecretsKeyMissing(
            f"The secrets key is missing: SECRETS_KEY is not set and {path} is not there, but the"
            " database has secrets that need it. Restore the key; or set SECRETS_KEY to a new one"
            " and set every secret again. Masked values of runs stay unreadable then."
        )
    try:
        # Exclusive, so that only one of two processes that start together makes the key.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(base64.b64encode(os.urandom(KEY_BYTES)))
    except FileExistsError:
        pass
    return base64.b64decode(path.read_bytes())
