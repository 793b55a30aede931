"""Record what each person saw of a case, so that later changes can be marked."""

from datetime import datetime

from reviews.models import Case, CaseLook
from workbench.accounts.models import User


def record_look(*, case: Case, user: User, revision: int | None, now: datetime) -> bool:
    """Record that the person saw the case as it is; return False if they saw an older revision.

    The values of the look before are kept until the next change, so that a reload does not hide
    what is marked. One query, two on a first look or after a change.
    """
    if revision != case.revision:
        return False
    look = CaseLook.objects.filter(case=case, user=user).first()
    if look is None:
        first = CaseLook(
            case=case,
            user=user,
            revision=case.revision,
            fields=case.fields,
            before=case.fields,
            at=now,
        )
        # Two tabs may look for the first time together.
        CaseLook.objects.bulk_create([first], ignore_conflicts=True)
    elif look.fields != case.fields:
        look.before, look.fields = look.fields, case.fields
        look.revision, look.at = case.revision, now
        look.save(update_fields=["before", "fields", "revision", "at"])
    return True
