"""Add and retire known answers."""

from datetime import datetime

from django.db import IntegrityError, transaction

from reviews.models import Case, DecisionKind, DecisionState
from reviews.models.quality import KnownAnswer
from reviews.quality.errors import AnswerNotKnown
from reviews.rules.answers import list_outcomes
from reviews.selectors.acting import Acting
from reviews.services.checks import drop_checks
from workbench.audit.services import record


def add_known_answer(
    *, case: Case, outcome: str, note: str, acting: Acting, now: datetime
) -> KnownAnswer:
    """Make a decided case a known answer; copies of it are mixed into its queue.

    Raises: AnswerNotKnown.
    """
    decided = case.decisions.filter(
        kind=DecisionKind.PERSON, state=DecisionState.COMMITTED, final=True
    )
    if case.wait_id is None or not decided.exists():
        raise AnswerNotKnown(AnswerNotKnown.__doc__)
    outcomes = list_outcomes(case.rules)
    if outcome not in outcomes:
        raise AnswerNotKnown(f"This case can be {' or '.join(outcomes)}: choose one.")
    try:
        with transaction.atomic():
            answer = KnownAnswer.objects.create(
                queue=case.queue,
                case=case,
                outcome=outcome,
                note=note[:500],
                created_by=acting.user,
                created_at=now,
            )
            _record(answer, "added", acting, now)
    except IntegrityError as error:
        raise AnswerNotKnown(f"Case {case.pk} is a known answer already.") from error
    return answer


def retire_known_answer(*, answer: KnownAnswer, acting: Acting, now: datetime) -> None:
    """Stop mixing in a known answer. Settled checks stay, open ones are dropped."""
    with transaction.atomic():
        retired = KnownAnswer.objects.filter(pk=answer.pk, retired_at=None).update(retired_at=now)
        if retired:
            drop_checks(known=answer)
            _record(answer, "retired", acting, now)


def _record(answer: KnownAnswer, what: str, acting: Acting, now: datetime) -> None:
    record(
        action=f"quality.known_answer_{what}",
        subject=("queue", answer.queue.name),
        actor=acting.actor,
        payload={"case": answer.case_id, "outcome": answer.outcome, "note": answer.note},
        now=now,
    )
