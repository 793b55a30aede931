"""What each person saw of a case, so that what changed since is marked when they come back."""

from datetime import datetime
from typing import Any

from reviews.models import Case, CaseLook
from workbench.accounts.models import User


def look_at(*, case: Case, user: User, now: datetime) -> dict[str, Any]:
    """Note what the person sees now; return the older values of what changed, by field key.

    The marks stay through reloads, until the values change again. One query, two on a first look or
    after a change.
    """
    look = CaseLook.objects.filter(case=case, user=user).first()
    if look is None:
        CaseLook.objects.bulk_create(
            [CaseLook(case=case, user=user, revision=case.revision, fields=case.fields,
                      before=case.fields, at=now)],
            ignore_conflicts=True,
        )  # fmt: skip
        return {}
    if look.fields != case.fields:
        look.before, look.fields = look.fields, case.fields
        look.revision, look.at = case.revision, now
        look.save(update_fields=["before", "fields", "revision", "at"])
    return {
        key: look.before[key]
        for key, value in case.fields.items()
        if key in look.before and look.before[key] != value
    }
