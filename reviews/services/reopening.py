"""Reopen a decided case: a second person has it decided again, by a new run."""

from datetime import datetime

from django.db import transaction

from flows.engine.errors import RunNotActive
from flows.models import Run
from flows.services import ServiceError, cancel_run, rerun
from flows.services.keys import OwnKey
from reviews.errors import DecisionInvalid, MoveNotAllowed, NotAuthorised
from reviews.models import Case, Decision, DecisionState
from reviews.models.states import CaseState
from reviews.selectors.acting import Acting, check_may
from reviews.services.moving import get_case, lock_run, record_event
from reviews.services.refused import notes_refusals

REOPENABLE = frozenset({CaseState.DECIDED, CaseState.EXPIRED})


@notes_refusals("reopen it")
def reopen_case(*, case_id: int, reason: str, acting: Acting, now: datetime) -> Run:
    """Start a run from the case's checkpoint, with the outputs of the old run, and return it.

    The decision and its receipt stay as they are. The new run opens a case of its own, which the
    person who reopens may not decide, because they asked for it. The old run is cancelled if it
    has not ended, so that two runs never act on one matter. A second call returns the first
    call's run.

    Raises: Case.DoesNotExist, NotAuthorised, MoveNotAllowed, DecisionInvalid.
    """
    with transaction.atomic():
        case = get_case(case_id)
        check_may(acting, "cases.decide", queue=case.queue, flow=case.flow)
        lock_run(case)
        if case.state not in REOPENABLE:
            raise MoveNotAllowed("Only a decided or expired case is reopened: this one still runs.")
        if case.wait_id is None:
            raise MoveNotAllowed("No run waits for this case, so there is none to begin again.")
        if not reason.strip():
            raise DecisionInvalid({"reason": "Say why it must be decided anew."})
        if acting.user.pk in _list_deciders(case):
            raise NotAuthorised("You decided this case, so someone else must reopen it.")
        if asked := find_reopening_run(case):
            return asked
        run = _begin_again(case, acting, now)
        record_event(case, "reopened", acting, now, data={"reason": reason.strip(), "run": run.pk})
        return run


def find_reopening_run(case: Case) -> Run | None:
    """Return the run that reopened the case, None if it was not: one query."""
    return Run.objects.filter(rerun_of_id=case.run_id, idempotency_key=_make_key(case)).first()


def _make_key(case: Case) -> str:
    return OwnKey(f"reopen-case-{case.pk}")


def _list_deciders(case: Case) -> set[int | None]:
    found = Decision.objects.filter(case=case, state=DecisionState.COMMITTED)
    return set(found.exclude(decided_by=None).values_list("decided_by_id", flat=True))


def _begin_again(case: Case, acting: Acting, now: datetime) -> Run:
    try:
        with transaction.atomic():
            cancel_run(
                run_id=case.run_id, reason=f"Case {case.pk} was reopened.", actor=acting.actor,
                now=now,
            )  # fmt: skip
    except RunNotActive:
        pass
    try:
        return rerun(
            run_id=case.run_id,
            step=case.step,
            actor=acting.actor,
            now=now,
            idempotency_key=_make_key(case),
            asks=True,
        ).run
    except ServiceError as error:
        raise MoveNotAllowed(f"The run cannot go on from here again: {error}") from error
