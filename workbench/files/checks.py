"""The system checks of the store: its settings can be used, and it answers."""

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Problem
from django.core.files.storage import storages

from workbench.files.errors import StoreAway, StoreUnfit


@register("installation")
def check_store(**kwargs: Any) -> list[CheckMessage]:
    """Refuse settings that name no store, or a store or keys that cannot be used (files.E001)."""
    try:
        _ = storages["default"]
    except StoreUnfit as unfit:
        return [Error(str(unfit), hint=unfit.remedy, id="files.E001")]
    return []


@register("installation", deploy=True)
def check_store_answers(**kwargs: Any) -> list[CheckMessage]:
    """Warn of a store that does not answer, or refuses (files.W001)."""
    try:
        kept = getattr(storages["default"], "kept", None)
        if look := getattr(kept, "look", None):
            look()
    except StoreUnfit:
        return []  # the other check says so
    except StoreAway as away:
        hint = "Look at ARTIFACT_STORE, and at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        return [Problem(str(away), hint=hint, id="files.W001")]
    return []
