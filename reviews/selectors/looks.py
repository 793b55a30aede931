"""What a person was given of a case, and what changed since they last looked at it."""

from typing import Any

from reviews.models import Case, CaseLook, Serving
from reviews.rules.documents import get_artifact_digest, list_files
from reviews.rules.evidence import Known
from workbench.accounts.models import User


def get_changes_since_look(case: Case, user: User) -> dict[str, Any]:
    """Return the older values of what changed since the person's last look, by field key.

    Empty if they never looked. The marks stay through reloads, until the values change again. One
    query.
    """
    look = CaseLook.objects.filter(case=case, user=user).first()
    if look is None:
        return {}
    before = look.fields if look.fields != case.fields else look.before
    return {
        key: before[key]
        for key, value in case.fields.items()
        if key in before and before[key] != value
    }


def get_known(case: Case, user: User) -> Known:
    """Return what the server gave to the person of the case, and when: one query."""
    rows = Serving.objects.filter(case=case, user=user).values_list("evidence", "at")
    served = dict(rows)
    seen_at = served.pop("", None)
    files = {
        each["id"] for each in list_files(case.shown) if get_artifact_digest(each.get("artifact"))
    }
    return Known(seen_at, frozenset(files), served)
