"""The resource patterns of workflowpatterns.com, each a rule that is played.

The number in a test's name is the pattern's in docs/resource-patterns.md, which
tests/unit/reviews/test_resource_catalogue.py compares with this file.
"""

from datetime import datetime, timedelta

import pytest

from flows.expressions import compile_template
from flows.models import Token
from reviews.errors import CaseHeldByOther, NotAuthorised, WorkLimitReached
from reviews.models import Case, CaseDraft, Queue, Reviewer, SlaPolicy
from reviews.models.notices import Notice
from reviews.rules.access import CLAIM
from reviews.rules.answers import Answer
from reviews.rules.filters import CaseFilters
from reviews.selectors.acting import find_queue_refusal
from reviews.selectors.lists import list_cases, list_queues
from reviews.services.claims import claim_case, claim_next
from reviews.services.conversation import add_comment, escalate_case, reply, request_information
from reviews.services.decisions import decide_case
from reviews.services.drafts import save_draft
from reviews.services.due_acts import perform_due_acts
from reviews.services.leases import release_case
from reviews.services.passing import assign_case, delegate_case
from reviews.team.selectors import list_views
from reviews.team.services.saved_views import save_view
from tests.factories.cases import approve, make_case, reject
from tests.factories.people import make_person, person
from tests.factories.queues import make_office, make_queue
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Queue:
    return make_office(ada=Role.REVIEWER, ben=Role.REVIEWER, cem=Role.REVIEWER, lea=Role.LEAD)


def held_by(username: str, now: datetime, case: Case | None = None) -> Case:
    case = case or make_case(now)
    return claim_case(case_id=case.pk, acting=person(username), now=now)


def fresh(case: Case) -> Case:
    return Case.objects.get(pk=case.pk)


def listed(username: str, now: datetime, **filters: str | int) -> list[int]:
    user = person(username).user
    chosen = CaseFilters(**filters)  # type: ignore[arg-type]
    page = list_cases(principal=user, user=user, filters=chosen, now=now)
    return [case.pk for case in page.cases]


# --- Creation ---------------------------------------------------------------------------


def test_01_direct_allocation(desk: Queue, now: datetime) -> None:
    make_queue("desk-of-dora")
    make_person("dora", Role.REVIEWER, queue="desk-of-dora")
    case = make_case(now, queue="desk-of-dora")
    Queue.objects.filter(name="desk-of-dora").update(access={"claim": {"skills": ["dora"]}})
    Reviewer.objects.create(user=person("dora").user, skills=["dora"])
    with pytest.raises(NotAuthorised):
        held_by("ada", now, case)
    assert held_by("dora", now, case).claimed_by == person("dora").user


def test_02_role_based_allocation(desk: Queue, now: datetime) -> None:
    make_person("other", Role.REVIEWER, queue="claims")
    make_person("auditor", Role.AUDITOR)
    case = make_case(now)
    for username in ("other", "auditor"):
        with pytest.raises(NotAuthorised):
            held_by(username, now, case)
    assert held_by("ada", now, case)


def test_03_deferred_allocation(desk: Queue, now: datetime) -> None:
    make_queue("large")
    config = compile_template({"queue": "${ input.amount > 1000 ? 'large' : 'underwriting' }"})
    queues = [config.render({"input": {"amount": amount}})["queue"] for amount in (900, 90_000)]
    cases = [make_case(now, queue=name) for name in queues]
    assert [case.queue.name for case in cases] == ["underwriting", "large"]


def test_04_authorization(desk: Queue, now: datetime) -> None:
    Queue.objects.update(authority=[{"up_to": 1000, "level": 1}, {"level": 2}])
    Reviewer.objects.create(user=person("ben").user, level=2)
    case = make_case(now, value=5000)
    with pytest.raises(NotAuthorised, match="level 2"):
        decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=now)
    decide_case(case_id=case.pk, answer=approve(), acting=person("ben"), now=now)


def test_05_separation_of_duties(desk: Queue, now: datetime) -> None:
    case = make_case(now, quorum=2)
    decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=now, commit_now=True)
    with pytest.raises(NotAuthorised):
        decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=now)
    decide_case(case_id=case.pk, answer=approve(), acting=person("ben"), now=now, commit_now=True)
    assert fresh(case).state == "decided"


def test_07_retain_familiar(desk: Queue, now: datetime) -> None:
    case = held_by("ada", now)
    request_information(case_id=case.pk, question="Which?", acting=person("ada"), now=now)
    reply(case_id=case.pk, answer="This.", changes={}, actor=Actor.system("x"), now=now)
    assert claim_next(queue=desk, acting=person("ben"), now=now) is None
    assert claim_next(queue=desk, acting=person("ada"), now=now) == case


def test_08_capability_based_allocation(desk: Queue, now: datetime) -> None:
    Queue.objects.update(skills=["french"])
    Reviewer.objects.create(user=person("ben").user, skills=["french", "mortgage"])
    case, queue = make_case(now), Queue.objects.get()
    assert find_queue_refusal(CLAIM, person("ada").user, queue)
    assert claim_next(queue=queue, acting=person("ben"), now=now) == case


def test_10_organizational_allocation(desk: Queue, now: datetime) -> None:
    make_person("pia", Role.LEAD, queue="claims")
    case = held_by("ada", now)
    escalate_case(case_id=case.pk, comment="Too large", acting=person("ada"), now=now)
    told = set(Notice.objects.values_list("person__username", flat=True))
    assert told == {"lea"}  # who leads this queue, and no lead of another
    assert claim_next(queue=desk, acting=person("ben"), now=now) is None
    assert claim_next(queue=desk, acting=person("lea"), now=now) == case


def test_11_automatic_execution(desk: Queue, now: datetime) -> None:
    case = make_case(now)
    decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=now, commit_now=True)
    assert Token.objects.get(run_id=case.run_id).step == "settle"  # a machine goes on by itself


# --- Push -------------------------------------------------------------------------------


def test_12_distribution_by_offer_to_one(desk: Queue, now: datetime) -> None:
    case = make_case(now)
    Case.objects.filter(pk=case.pk).update(
        familiar=person("ada").user, reserved_until=now + timedelta(hours=1)
    )
    with pytest.raises(CaseHeldByOther, match="kept for ada"):
        held_by("ben", now, case)
    assert case.pk in listed("ada", now, show="mine")
    assert fresh(case).claimed_by is None  # an offer: ada may take it


def test_13_distribution_by_offer_to_many(desk: Queue, now: datetime) -> None:
    case = make_case(now)
    assert listed("ada", now) == listed("ben", now) == [case.pk]
    held_by("ben", now, case)
    assert listed("ada", now) == []


def test_14_distribution_by_allocation_to_one(desk: Queue, now: datetime) -> None:
    case = make_case(now)
    assign_case(case_id=case.pk, to=person("cem").user, acting=person("lea"), now=now)
    assert fresh(case).claimed_by == person("cem").user
    assert Notice.objects.get().person.username == "cem"


def test_19_distribution_on_enablement(desk: Queue, now: datetime) -> None:
    assert listed("ada", now) == []
    case = make_case(now)
    assert listed("ada", now) == [case.pk]


def test_20_late_distribution(desk: Queue, now: datetime) -> None:
    Queue.objects.update(work_limit=1)
    queue = Queue.objects.get()
    first, later = make_case(now), make_case(now)
    urgent = make_case(now, priority="urgent")
    assert claim_next(queue=queue, acting=person("ada"), now=now) == urgent
    with pytest.raises(WorkLimitReached):
        claim_next(queue=queue, acting=person("ada"), now=now)
    assert {first.state, later.state} == {"open"}  # given out when someone is free, not before


# --- Pull -------------------------------------------------------------------------------


def test_21_resource_initiated_allocation(desk: Queue, now: datetime) -> None:
    case = make_case(now)
    held_by("ada", now, case)
    assert fresh(case).claimed_by == person("ada").user
    assert not fresh(case).decisions.exists()


def test_22_resource_initiated_execution_of_an_allocated_item(desk: Queue, now: datetime) -> None:
    case = make_case(now)
    assign_case(case_id=case.pk, to=person("ada").user, acting=person("lea"), now=now)
    later = now + timedelta(hours=3)
    decide_case(case_id=case.pk, answer=reject(), acting=person("ada"), now=later)
    assert fresh(case).state == "committing"


def test_23_resource_initiated_execution_of_an_offered_item(desk: Queue, now: datetime) -> None:
    case = make_case(now)
    decide_case(case_id=case.pk, answer=reject(), acting=person("ada"), now=now)
    assert [event.kind for event in case.events.order_by("id")][1:] == [
        "claimed", "decision_made",
    ]  # fmt: skip


def test_24_system_determined_order(desk: Queue, now: datetime) -> None:
    low, high = make_case(now, priority="low"), make_case(now, priority="high")
    assert listed("ada", now) == [high.pk, low.pk]


def test_25_resource_determined_order(desk: Queue, now: datetime) -> None:
    low, _ = make_case(now, priority="low"), make_case(now, priority="high")
    own = CaseFilters(priority=4)
    save_view(queue=desk, name="Quick", filters=own, shared=False, acting=person("ada"), now=now)
    [view] = list_views(desk, person("ada").user)
    assert listed("ada", now, **view.filters) == [low.pk]
    assert list_views(desk, person("ben").user) == []


def test_26_selection_autonomy(desk: Queue, now: datetime) -> None:
    make_case(now, priority="urgent")
    last = make_case(now, priority="low")
    assert held_by("ada", now, last).claimed_by == person("ada").user


# --- Detour -----------------------------------------------------------------------------


def test_27_delegation(desk: Queue, now: datetime) -> None:
    case = held_by("ada", now)
    delegate_case(case_id=case.pk, to=person("ben").user, acting=person("ada"), now=now)
    assert fresh(case).claimed_by == person("ben").user


def test_28_escalation(desk: Queue, now: datetime) -> None:
    SlaPolicy.objects.update(steps=[{"act": "escalate", "after_minutes": 10, "to": "lead"}])
    case = make_case(now)
    perform_due_acts(now + timedelta(minutes=10))
    assert (fresh(case).state, fresh(case).escalation) == ("escalated", 1)


def test_29_deallocation(desk: Queue, now: datetime) -> None:
    case = held_by("ada", now)
    release_case(case_id=case.pk, acting=person("ada"), now=now)
    assert listed("ben", now) == [case.pk]


def test_30_stateful_reallocation(desk: Queue, now: datetime) -> None:
    case = held_by("ada", now)
    save_draft(
        case=case, acting=person("ada"), content={"comment": "So far"}, opened=["payslip"],
        active_seconds=40, now=now,
    )  # fmt: skip
    delegate_case(case_id=case.pk, to=person("ben").user, acting=person("ada"), now=now)
    draft = CaseDraft.objects.get(case=case, user=person("ben").user)
    assert draft.content == {"comment": "So far"}
    assert draft.opened == []  # what ada looked at, ben did not


def test_31_stateless_reallocation(desk: Queue, now: datetime) -> None:
    case = held_by("ada", now)
    save_draft(
        case=case, acting=person("ada"), content={"comment": "So far"}, opened=[],
        active_seconds=1, now=now,
    )  # fmt: skip
    assign_case(case_id=case.pk, to=person("ben").user, acting=person("lea"), now=now)
    assert not CaseDraft.objects.filter(case=case, user=person("ben").user).exists()


def test_32_suspension_and_resumption(desk: Queue, now: datetime) -> None:
    case = held_by("ada", now)
    request_information(case_id=case.pk, question="Which?", acting=person("ada"), now=now)
    assert (fresh(case).state, fresh(case).due_at) == ("waiting_for_info", None)
    later = now + timedelta(days=2)
    reply(case_id=case.pk, answer="This.", changes={}, actor=Actor.system("x"), now=later)
    due = fresh(case).due_at
    assert fresh(case).state == "open"
    assert due is not None
    assert due > later


def test_34_redo(desk: Queue, now: datetime) -> None:
    case = make_case(now)
    answer = Answer(outcome="rework", comment="Ask for the payslip.")
    decide_case(case_id=case.pk, answer=answer, acting=person("ada"), now=now, commit_now=True)
    assert Token.objects.get(run_id=case.run_id).step == "again"


# --- Auto-start -------------------------------------------------------------------------


def test_37_commencement_on_allocation(desk: Queue, now: datetime) -> None:
    case = make_case(now)
    taken = claim_next(queue=desk, acting=person("ada"), now=now)
    assert taken == case
    assert taken.held_by(person("ada").user, now)  # picked and begun in one transaction


def test_38_piled_execution(desk: Queue, now: datetime) -> None:
    cases = [make_case(now) for _ in range(3)]
    done = []
    case = claim_next(queue=desk, acting=person("ada"), now=now)
    while case is not None:
        decide_case(case_id=case.pk, answer=reject(), acting=person("ada"), now=now)
        done.append(case.pk)
        case = claim_next(queue=desk, acting=person("ada"), now=now, after=case)
    assert done == [case.pk for case in cases]


def test_39_chained_execution(desk: Queue, now: datetime) -> None:
    other, case = make_case(now, priority="urgent"), held_by("ada", now)
    request_information(case_id=case.pk, question="Which?", acting=person("ada"), now=now)
    reply(case_id=case.pk, answer="This.", changes={}, actor=Actor.system("x"), now=now)
    # What continues her work comes before what presses more.
    assert claim_next(queue=desk, acting=person("ada"), now=now) == case
    assert claim_next(queue=desk, acting=person("ada"), now=now) == other


# --- Visibility and several people --------------------------------------------------------


def test_40_configurable_visibility_of_what_nobody_holds(desk: Queue, now: datetime) -> None:
    Queue.objects.update(access={"see": {"skills": ["mortgage"]}})
    case = make_case(now)
    Reviewer.objects.create(user=person("ben").user, skills=["mortgage"])
    assert list_queues(person("ada").user) == []
    assert (listed("ada", now), listed("ben", now)) == ([], [case.pk])


def test_41_configurable_visibility_of_what_someone_holds(desk: Queue, now: datetime) -> None:
    case = held_by("ben", now)
    assert listed("ada", now, show="claimed") == [case.pk]
    Queue.objects.update(access={"see": {"skills": ["mortgage"]}})
    assert listed("ada", now, show="claimed") == []
    assert listed("lea", now, show="claimed") == [case.pk]


def test_42_simultaneous_execution(desk: Queue, now: datetime) -> None:
    cases = [held_by("ada", now) for _ in range(3)]
    assert [fresh(case).claimed_by for case in cases] == [person("ada").user] * 3


def test_43_additional_resources(desk: Queue, now: datetime) -> None:
    case = held_by("ada", now)
    add_comment(case_id=case.pk, body="@cem what do you say?", acting=person("ada"), now=now)
    assert Notice.objects.get().person == person("cem").user
    assert fresh(case).claimed_by == person("ada").user
