"""Record a reviewer's choice before the model's answer is shown to them."""

from datetime import datetime

from django.db import IntegrityError, transaction

from reviews.errors import CaseAlreadyDecided, DecisionInvalid, FirstChoiceMissing
from reviews.models import Case
from reviews.models.quality import FirstChoice
from reviews.rules.answers import list_outcomes
from reviews.selectors.acting import Acting, check_may
from reviews.selectors.looks import get_known
from reviews.services.claims import claim_if_free
from reviews.services.moving import check_fresh, get_case
from reviews.services.refused import notes_refusals
from workbench.audit.services import record


@notes_refusals("record a first choice")
def record_first_choice(
    *,
    case_id: int,
    outcome: str,
    acting: Acting,
    now: datetime,
    active_seconds: int = 0,
    revision: int | None = None,
) -> FirstChoice:
    """Record what the person would decide without the model's answer; claim the case if it is free.

    It is recorded once: after they have seen the answer, the choice would not be independent.

    Raises: Case.DoesNotExist, NotAuthorised, DecisionInvalid, CaseStale, CaseHeldByOther,
    CaseAlreadyDecided, CaseClosed, LeaseExpired.
    """
    with transaction.atomic():
        case = get_case(case_id)
        check_may(acting, "cases.decide", queue=case.queue, flow=case.flow)
        check_fresh(case, revision, acting.user, now)
        claim_if_free(case, acting, now)
        outcomes = list_outcomes(case.rules)
        if outcome not in outcomes:
            raise DecisionInvalid({"outcome": f"Choose one of {', '.join(outcomes)}."})
        known = get_known(case, acting.user)
        if problem := known.find_problem(active_seconds, now):
            raise DecisionInvalid({"active_seconds": problem})
        counted = min(active_seconds, known.count_seconds(now))
        choice = _save_choice(case, outcome, acting, counted, now)
        record(
            action="case.first_choice_recorded",
            subject=("case", str(case.pk)),
            actor=acting.actor,
            payload={"case": case.pk, "outcome": outcome},
            now=now,
            on_behalf_of=acting.on_behalf_of,
        )
        return choice


def _save_choice(
    case: Case, outcome: str, acting: Acting, active_seconds: int, now: datetime
) -> FirstChoice:
    try:
        with transaction.atomic():
            return FirstChoice.objects.create(
                case=case, user=acting.user, outcome=outcome, active_seconds=active_seconds, at=now
            )
    except IntegrityError as error:
        # The second of two clicks: the first one stands.
        raise CaseAlreadyDecided("Your first choice is recorded. Decide now.") from error


def check_first_choice(case: Case, acting: Acting) -> None:
    """Raises: FirstChoiceMissing. One query for a case that is independent, else none."""
    if case.independent and not FirstChoice.objects.filter(case=case, user=acting.user).exists():
        raise FirstChoiceMissing(FirstChoiceMissing.__doc__)
