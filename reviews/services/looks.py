"""Record what each person was given of a case: to mark changes, and to measure decisions."""

from datetime import datetime

from reviews.models import Case, CaseLook, Serving
from workbench.accounts.models import User


def record_look(*, case: Case, user: User, revision: int | None, now: datetime) -> bool:
    """Record that the person saw the case as it is; return False if they saw an older revision.

    The values of the look before are kept until the next change, so that a reload does not hide
    what is marked. Two queries, three on a first look or after a change.
    """
    if revision != case.revision:
        return False
    note_serving(case=case, user=user, now=now)
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


def note_serving(*, case: Case, user: User, now: datetime, evidence: str = "") -> None:
    """Note when the person was first given the case, or a file of it: one query."""
    row = Serving(case=case, user=user, evidence=evidence, at=now)
    Serving.objects.bulk_create([row], ignore_conflicts=True)
