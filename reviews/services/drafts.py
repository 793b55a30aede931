"""Keep what a reviewer has typed and not sent."""

from datetime import datetime

from reviews.models import CaseDraft
from reviews.selectors.acting import Acting


def save_draft(
    *,
    case_id: int,
    acting: Acting,
    content: dict[str, object],
    opened: list[str],
    active_seconds: int,
    now: datetime,
) -> CaseDraft:
    """Keep what the reviewer has typed, claim or no claim: a lost claim must not lose work."""
    draft, _ = CaseDraft.objects.update_or_create(
        case_id=case_id,
        user=acting.user,
        defaults={
            "content": content,
            "opened": opened,
            "active_seconds": active_seconds,
            "saved_at": now,
        },
    )
    return draft
