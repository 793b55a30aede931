"""Many connections want the same case: one gets it, the rest get a clear answer."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from flows.models import Journal
from reviews.errors import CaseAlreadyDecided, CaseHeldByOther, CaseStale, ReviewError, UndoTooLate
from reviews.models import Case, CaseEvent, Decision
from reviews.services.claims import claim_case, claim_next
from reviews.services.committing import commit_due_decisions
from reviews.services.decisions import decide_case, undo_decision
from reviews.services.due_acts import perform_due_acts
from tests.integration.reviews.kit import (
    approve,
    make_case,
    make_person,
    make_policy,
    make_queue,
    person,
    reject,
)
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 6


@pytest.fixture(autouse=True)
def office() -> None:
    make_queue()
    make_policy()
    for number in range(PEOPLE):
        make_person(f"p{number}", Role.REVIEWER)


def at_once(work: Callable[[int], Any], count: int = PEOPLE) -> list[Any]:
    """Do the work in that many threads from one starting shot; return results and errors."""
    shot = threading.Barrier(count)
    results: list[Any] = [None] * count

    def one(number: int) -> None:
        try:
            shot.wait(20)
            results[number] = work(number)
        except ReviewError as error:
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    return results


def kinds(results: list[Any]) -> Counter[str]:
    return Counter(type(result).__name__ for result in results)


def test_of_many_claims_one_wins_and_the_rest_hear_who_did(now: datetime) -> None:
    case = make_case(now)
    results = at_once(
        lambda number: claim_case(case_id=case.pk, acting=person(f"p{number}"), now=now)
    )
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

    results = at_once(work)
    given = [pk for taken in results for pk in taken]
    assert sorted(given) == sorted(Case.objects.values_list("pk", flat=True))


def test_next_and_a_claim_by_hand_do_not_both_win(now: datetime) -> None:
    case = make_case(now)

    def work(number: int) -> Any:
        if number % 2:
            return claim_next(queue=case.queue, acting=person(f"p{number}"), now=now)
        return claim_case(case_id=case.pk, acting=person(f"p{number}"), now=now)

    results = at_once(work)
    assert sum(isinstance(result, Case) for result in results) == 1


def test_of_many_decisions_one_stands_and_the_run_moves_once(now: datetime) -> None:
    case = make_case(now)

    def work(number: int) -> Any:
        answer = approve() if number % 2 else reject()
        return decide_case(
            case_id=case.pk, answer=answer, acting=person(f"p{number}"), now=now, commit_now=True
        )

    results = at_once(work)
    assert sum(isinstance(result, Decision) for result in results) == 1
    refused = [result for result in results if not isinstance(result, Decision)]
    assert all(isinstance(e, CaseAlreadyDecided | CaseHeldByOther | CaseStale) for e in refused)
    assert Decision.objects.filter(state="committed").count() == 1
    assert Journal.objects.filter(run_id=case.run_id, kind="step.finished").count() == 1


def test_two_tabs_of_one_person_decide_once(now: datetime) -> None:
    case = make_case(now)
    claim_case(case_id=case.pk, acting=person("p0"), now=now)
    results = at_once(
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

        results = at_once(work, 2)
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

    at_once(work, 4)
    for kind in ("sla_warned", "sla_breached", "expired"):
        assert CaseEvent.objects.filter(kind=kind).count() == len(cases)
    assert Decision.objects.filter(kind="timeout").count() == len(cases)
    assert Journal.objects.filter(kind="step.finished", port="expired").count() == len(cases)
