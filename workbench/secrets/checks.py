"""The system check of the secrets: the key that they were encrypted with is here."""

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Problem
from django.db import Error as DatabaseError

from workbench.secrets.models import Secret
from workbench.secrets.vault import (
    SecretsKeyInvalid,
    SecretsKeyMissing,
    SecretUnreadable,
    unseal,
)


@register("installation", deploy=True)
def check_secrets_key(**kwargs: Any) -> list[CheckMessage]:
    """Refuse a missing key (secrets.E001); warn of another one (secrets.W001)."""
    try:
        newest = Secret.objects.exclude(ciphertext=b"").order_by("-changed_at").first()
        if newest is not None:
            unseal(newest.name, newest.version, bytes(newest.ciphertext))
    except (SecretsKeyMissing, SecretsKeyInvalid) as error:
        return [Error(str(error), id="secrets.E001")]
    except SecretUnreadable as error:
        return [Problem(str(error), id="secrets.W001")]
    except DatabaseError:
        return []  # away, or without tables yet: others say so
    return []
