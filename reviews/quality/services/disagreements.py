"""Close the disagreements that checks found."""

from datetime import datetime

from django.db import transaction

from reviews.models.quality import CheckState, QualityCheck
from reviews.quality.errors import CheckNotSettled
from reviews.selectors.acting import Acting
from workbench.audit.services import record


def close_disagreement(*, check: QualityCheck, note: str, acting: Acting, now: datetime) -> None:
    """Mark a disagreement as looked at, with what came of it. The first to close it counts.

    Raises: CheckNotSettled.
    """
    with transaction.atomic():
        closed = QualityCheck.objects.filter(
            pk=check.pk, state=CheckState.SETTLED, agreed=False, looked_at=None
        ).update(looked_at=now, looked_by=acting.user, note=note[:500])
        if not closed:
            raise CheckNotSettled("This disagreement is closed, or the check found none.")
        record(
            action="quality.check_closed",
            subject=("case", str(check.case_id)),
            actor=acting.actor,
            payload={"case": check.case_id, "note": note[:500]},
            now=now,
        )
