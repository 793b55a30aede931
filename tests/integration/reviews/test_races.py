"""Many connections want the same case: one gets it, the rest get a clear answer."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from flows.models import Journal
from reviews.errors import CaseAlreadyDecided, CaseHeldByOther, CaseStale, ReviewError, UndoTooLate
from reviews.models import Case, CaseEvent, Decision
from reviews.services.claims import claim_case, claim_next
from reviews.services.committing import commit_due_decisions
from reviews.services.decisions import decide_case, undo_decision
from reviews.services.due_acts import perform_due_acts
from tests.factories.cases import approve, make_case, reject
from tests.factories.people import make_person, person
from tests.factories.queues import make_office, make_policy, make_queue
from tests.racing import at_once
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 6


@pytest.fixture(autouse=True)
def office() -> None:
    make_office()
    for number in range(PEOPLE):
        make_person(f"p{number}", Role.REVIEWER)


def race(work: Callable[[int], Any], count: int = PEOPLE) -> list[Any]:
    """Do the work that many times at once; return what came of each, or why it was refused."""

    def one(number: int) -> Any:
        try:
            return work(number)
        except ReviewError as error:
            return error

    return at_once(one, count)


def kinds(results: list[Any]) -> Counter[str]:
    return Counter(type(result).__name__ for result in results)


def test_of_many_claims_one_wins_and_the_rest_hear_who_did(now: datetime) -> None:
    case = make_case(now)
    results = race(lambda number: claim_case(case_id=case.pk, acting=person(f"p{number}"), now=now))
    assert kinds(results) == {"Case": 1, "CaseHeldByOther": PEOPLE - 1}
    [winner] = [result for result in results if isinstance(result, Case)]
    case.refresh_from_db()
    assert case.claimed_by == winner.claimed_by
    assert CaseEvent.objects.filter(case=case, kind="claimed").count() == 1


def test_next_never_gives_one_case_to_two_people(now: datetime) -> None:
    queue = make_queue("loans")
    for _ in range(PEOPLE * 3):
        make_case(now, queue="loans")

    def work(number: int) -> list[int]:
        taken = []
        while case := claim_next(queue=queue, acting=person(f"p{number}"), now=now):
            taken.append(case.pk)
        return taken

    results = race(work)
    given = [pk for taken in results for pk in taken]
    assert sorted(given) == sorted(Case.objects.values_list("pk", flat=True))


def test_next_and_a_claim_by_hand_do_not_both_win(now: datetime) -> None:
    case = make_case(now)

    def work(number: int) -> Any:
        if number % 2:
            return claim_next(queue=case.queue, acting=person(f"p{number}"), now=now)
        return claim_case(case_id=case.pk, acting=person(f"p{number}"), now=now)

    results = race(work)
    assert sum(isinstance(result, Case) for result in results) == 1


def test_of_many_decisions_one_stands_and_the_run_moves_once(now: datetime) -> None:
    case = make_case(now)

    def work(number: int) -> Any:
        answer = approve() if number % 2 else reject()
        return decide_case(
            case_id=case.pk, answer=answer, acting=person(f"p{number}"), now=now, commit_now=True
        )

    results = race(work)
    assert sum(isinstance(result, Decision) for result in results) == 1
    refused = [result for result in results if not isinstance(result, Decision)]
    assert all(isinstance(e, CaseAlreadyDecided | CaseHeldByOther | CaseStale) for e in refused)
    assert Decision.objects.filter(state="committed").count() == 1
    assert Journal.objects.filter(run_id=case.run_id, kind="step.finished").count() == 1


def test_two_tabs_of_one_person_decide_once(now: datetime) -> None:
    case = make_case(now)
    claim_case(case_id=case.pk, acting=person("p0"), now=now)
    results = race(
        lambda _: decide_case(case_id=case.pk, answer=approve(), acting=person("p0"), now=now)
    )
    assert sum(isinstance(result, Decision) for result in results) == 1
    assert Decision.objects.count() == 1


def test_undo_and_commit_do_not_both_win(now: datetime) -> None:
    for _ in range(5):
        case = make_case(now)
        decide_case(case_id=case.pk, answer=approve(), acting=person("p0"), now=now)

        def work(number: int, case: Case = case) -> Any:
            if number:
                return commit_due_decisions(now + timedelta(seconds=5))
            return undo_decision(case_id=case.pk, acting=person("p0"), now=now)

        results = race(work, 2)
        case.refresh_from_db()
        moved = Journal.objects.filter(run_id=case.run_id, kind="step.finished").count()
        if isinstance(results[0], UndoTooLate | CaseStale):
            assert (case.state, moved) == ("decided", 1)
        else:
            assert (case.state, moved) == ("claimed", 0)


def test_two_clocks_do_each_act_once(now: datetime) -> None:
    make_policy(
        "quick", due_minutes=1, breach="expire", steps=[{"act": "warn", "after_minutes": 0.5}]
    )
    cases = [make_case(now, sla="quick") for _ in range(8)]
    later = now + timedelta(minutes=2)

    def work(_: int) -> None:
        for _ in range(3):
            perform_due_acts(later)

    race(work, 4)
    for kind in ("sla_warned", "sla_breached", "expired"):
        assert CaseEvent.objects.filter(kind=kind).count() == len(cases)
    assert Decision.objects.filter(kind="timeout").count() == len(cases)
    assert Journal.objects.filter(kind="step.finished", port="expired").count() == len(cases)
