"""Save what a reviewer has typed: while they type, when they send it, and when it is refused."""

from datetime import datetime
from typing import Any

from reviews.models import Case, CaseDraft
from reviews.models.states import CaseState
from reviews.rules.answers import Answer
from reviews.selectors.acting import Acting
from reviews.selectors.eligibility import find_obstacle


def save_draft(
    *,
    case: Case,
    acting: Acting,
    content: dict[str, Any],
    opened: list[str],
    active_seconds: int,
    now: datetime,
) -> CaseDraft:
    """Save what the reviewer has typed so far; they need not have claimed the case yet.

    ``case`` as it was just read.

    Raises: CaseHeldByOther, CaseAlreadyDecided, CaseClosed.
    """
    if obstacle := find_obstacle(case, acting.user, now):
        raise obstacle
    return _save(case, acting, content, opened, active_seconds, now)


def keep_refused_answer(
    *,
    case: Case,
    acting: Acting,
    content: dict[str, Any],
    opened: list[str],
    active_seconds: int,
    now: datetime,
) -> bool:
    """Save the content of a refused decision as the draft; return False if it is not saved.

    It is saved whatever the reason of the refusal, except over the person's own decision that is
    not committed: undoing that decision restores its draft.
    """
    if case.state == CaseState.COMMITTING and case.claimed_by_id == acting.user.pk:
        return False
    _save(case, acting, content, opened, active_seconds, now)
    return True


def keep_sent_answer(case: Case, answer: Answer, acting: Acting, now: datetime) -> None:
    """Save what was sent as the draft, which undoing the decision restores."""
    content = {
        "outcome": answer.outcome,
        "reasons": list(answer.reasons),
        "comment": answer.comment,
        "grounds": dict(answer.grounds),
        "fields": dict(answer.fields),
        "why": dict(answer.why),
        "places": dict(answer.places),
        "form": dict(answer.form),
    }
    _save(case, acting, content, list(answer.opened), answer.active_seconds, now)


def _save(
    case: Case,
    acting: Acting,
    content: dict[str, Any],
    opened: list[str],
    active_seconds: int,
    now: datetime,
) -> CaseDraft:
    kept = {
        "content": content,
        "opened": opened,
        "active_seconds": active_seconds,
        "saved_at": now,
    }
    draft, _ = CaseDraft.objects.update_or_create(case=case, user=acting.user, defaults=kept)
    return draft
