"""What changed on a case since a person last looked at it."""

from typing import Any

from reviews.models import Case, CaseLook
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
