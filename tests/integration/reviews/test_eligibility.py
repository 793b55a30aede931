"""The table of who may take, receive, be handed and decide a case: each rule's two forms agree."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviews.errors import NotAuthorised, PersonUnfit
from reviews.models import Case, CaseParty, Decision, Part, Queue, Reviewer
from reviews.models.quality import CheckKind, KnownAnswer, QualityCheck
from reviews.models.states import ACTIVE, CaseState
from reviews.models.team import Absence, Delegation
from reviews.rules.access import CLAIM, DECIDE
from reviews.selectors.acting import make_acting
from reviews.selectors.eligibility import RULES, Act, Candidate, find_refusal
from reviews.selectors.line import Line, list_first_in_line
from reviews.services.claims import claim_case, claim_next
from reviews.services.conversation import reply, request_information
from reviews.services.decisions import decide_case
from reviews.services.passing import assign_case, reserve_for_familiar
from tests.factories.cases import approve, make_case
from tests.factories.people import make_person, person
from tests.factories.queues import make_policy, make_queue
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role, RoleGrant, User

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 4, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
# ada and ben review, cyd is named otherwise than the username, lea leads, flo reviews one flow
# only, ina has left, out has no role.
NAMES = ("ada", "ben", "cyd", "lea", "flo", "ina", "out")
SKILLS = ("mortgage", "english")
numbers = count(1_000)

names = st.sampled_from(NAMES)
somebody = st.none() | names
instants = st.sampled_from([NOW - HOUR, NOW, NOW + HOUR])
skills = st.lists(st.sampled_from(SKILLS), unique=True)
access_rule = st.fixed_dictionaries({}, optional={"roles": st.just(["lead"]), "skills": skills})


@dataclass(frozen=True)
class Past:
    """What happened to a case: who delegated it, who decided it before, what it checks."""

    delegated_by: str | None
    decided_by: str | None
    decision: str
    original_decided_by: str | None
    known_decided_by: str | None


pasts = st.builds(
    Past,
    delegated_by=somebody,
    decided_by=somebody,
    decision=st.sampled_from(["committed", "withdrawn"]),
    original_decided_by=somebody,
    known_decided_by=somebody,
)
cases = st.fixed_dictionaries(
    {
        "state": st.sampled_from(list(CaseState)),
        "flow": st.sampled_from(["loan", "mortgage"]),
        "claimed_by": names,
        "lease_until": instants,
        "escalation": st.integers(0, 1),
        "familiar": somebody,
        "reserved_until": st.none() | instants,
        "parties": st.lists(st.tuples(names, st.sampled_from(list(Part))), unique=True, max_size=3),
        "is_check": st.booleans(),
        "past": pasts,
    }
)
queues = st.fixed_dictionaries(
    {
        "skills": skills,
        "access": st.fixed_dictionaries({}, optional={CLAIM: access_rule, DECIDE: access_rule}),
    }
)
reviewers = st.dictionaries(names, st.tuples(st.integers(1, 3), skills))
worlds = given(
    queue=queues, drawn=st.lists(cases, min_size=1, max_size=3), team=reviewers, who=names
)
many = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def office() -> Queue:
    for name in ("ada", "ben", "cyd"):
        make_person(name, Role.REVIEWER)
    User.objects.filter(username="cyd").update(display_name="Cydonia")
    make_person("lea", Role.LEAD)
    flo, ina = make_person("flo"), make_person("ina", Role.REVIEWER)
    RoleGrant.objects.create(user=flo, role=Role.REVIEWER, flow_name="loan", granted_at=NOW)
    User.objects.filter(pk=ina.pk).update(is_active=False)
    make_person("out")
    make_policy()
    return make_queue()


@contextmanager
def undone() -> Iterator[None]:
    """Take back what the block wrote, so that each example begins in the same office."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def furnish(queue: Queue, options: dict[str, Any], team: dict[str, Any]) -> Queue:
    Queue.objects.filter(pk=queue.pk).update(**options)
    for name, (level, known) in team.items():
        Reviewer.objects.create(user=user(name), level=level, skills=known)
    return Queue.objects.get(pk=queue.pk)


def user(name: str | None) -> User | None:
    return User.objects.get(username=name) if name else None


def open_drawn(queue: Queue, drawn: dict[str, Any]) -> Case:
    """Make the case as it was drawn, without a run: nothing here looks at one."""
    number, state = next(numbers), drawn["state"]
    held = state in {CaseState.CLAIMED, CaseState.COMMITTING}
    case = bare_case(
        queue,
        number,
        wait_id=None if drawn["is_check"] else number,
        flow=drawn["flow"],
        state=state,
        claimed_by=user(drawn["claimed_by"]) if held else None,
        lease_until=drawn["lease_until"] if held else None,
        escalation=1 if state == CaseState.ESCALATED else drawn["escalation"],
        familiar=user(drawn["familiar"]),
        reserved_until=drawn["reserved_until"],
        closed_at=None if state in ACTIVE else NOW,
    )
    add_past(case, drawn["past"])
    for name, part in drawn["parties"]:
        CaseParty.objects.create(case=case, user=user(name), part=part, how="drawn", at=NOW)
    return Case.objects.select_related("queue", "claimed_by", "familiar").get(pk=case.pk)


def bare_case(queue: Queue, number: int, **values: Any) -> Case:
    usual = {"run_id": number, "flow": "loan", "flow_version": 1, "step": "review"}
    usual |= {"title": f"Loan {number}", "rank": number, "opened_at": NOW}
    return Case.objects.create(queue=queue, **(usual | values))


def add_past(case: Case, past: Past) -> None:
    if past.delegated_by:
        to = "ben" if past.delegated_by != "ben" else "ada"
        Delegation.objects.create(case=case, by=user(past.delegated_by), to=user(to), at=NOW)
    if past.decided_by:
        add_decision(case, past.decided_by, past.decision)
    if case.wait_id is None:
        add_check(case, past)


def add_decision(case: Case, by: str, state: str) -> None:
    Decision.objects.create(
        case=case, kind="person", state=state, final=False, outcome="approved",
        decided_by=user(by), at=NOW, commit_at=NOW,
    )  # fmt: skip


def add_check(case: Case, past: Past) -> None:
    original = bare_case(case.queue, next(numbers), state="decided", closed_at=NOW)
    if past.original_decided_by:
        add_decision(original, past.original_decided_by, "committed")
    known = KnownAnswer.objects.create(
        queue=case.queue, case=original, outcome="approved", created_by=user("lea"), created_at=NOW
    )
    check = {"kind": CheckKind.KNOWN, "original": original, "known": known, "expected": "approved"}
    QualityCheck.objects.create(case=case, source=f"{case.pk}", opened_at=NOW, **check)
    if past.known_decided_by:
        earlier = bare_case(case.queue, next(numbers), wait_id=None, state="decided", closed_at=NOW)
        QualityCheck.objects.create(
            case=earlier, source=f"{earlier.pk}", opened_at=NOW, state="settled", agreed=True,
            settled_at=NOW, decided_by=user(past.known_decided_by), **check,
        )  # fmt: skip


@many
@worlds
def test_a_rule_refuses_exactly_the_cases_that_its_condition_leaves_out(
    office: Queue, queue: Any, drawn: list[Any], team: Any, who: str
) -> None:
    with undone():
        desk = furnish(office, queue, team)
        made = [open_drawn(desk, each) for each in drawn]
        for rule in RULES:
            for act in sorted(rule.acts):
                candidate = Candidate(person(who), act, NOW)
                allowed = {case.pk for case in made if not rule.refusal(case, candidate)}
                found = Case.objects.filter(
                    rule.allows(desk, candidate), pk__in=[case.pk for case in made]
                )
                assert set(found.values_list("pk", flat=True)) == allowed, (rule.name, act)


@many
@worlds
def test_the_line_has_exactly_the_cases_that_the_person_may_take_and_does_not_hold(
    office: Queue, queue: Any, drawn: list[Any], team: Any, who: str
) -> None:
    with undone():
        desk = furnish(office, queue, team)
        made = [open_drawn(desk, each) for each in drawn]
        acting = person(who)
        candidate = Candidate(acting, Act.TAKE, NOW)
        takeable = {
            case.pk
            for case in made
            if find_refusal(case, candidate) is None and not case.held_by(acting.user, NOW)
        }
        line = Line.of(desk, acting, NOW)
        assert set(list_first_in_line(line.parts, 50)) == takeable
        assert set(list_first_in_line([line.filter_known(acting.user)], 50)) <= takeable


@many
@given(queue=queues, drawn=cases, team=reviewers, who=names, cover=somebody)
def test_a_case_that_comes_back_is_kept_only_for_someone_who_may_take_and_decide_it(
    office: Queue, queue: Any, drawn: Any, team: Any, who: str, cover: str | None
) -> None:
    with undone():
        desk = furnish(office, queue, team)
        case = open_drawn(desk, drawn | {"state": CaseState.WAITING_FOR_INFO})
        if cover != who:
            Absence.objects.create(
                person=user(who), cover=user(cover), starts_at=NOW - HOUR, ends_at=NOW + HOUR,
                planned_by=who,
            )  # fmt: skip
        reserve_for_familiar(case, user(who), NOW)
        case.state = case.free_state
        case.save()
        assert (case.familiar is None) or case.familiar.username == (cover or who)
        if case.familiar is not None:
            acting = make_acting(case.familiar)
            for act in (Act.TAKE, Act.DECIDE):
                assert find_refusal(case, Candidate(acting, act, NOW)) is None


# --- By name ------------------------------------------------------------------------


def test_who_asked_for_it_may_do_nothing_with_it_whatever_name_is_shown(office: Queue) -> None:
    for name in ("cyd", "Cydonia", "nobody", ""):
        case = make_case(NOW, asked_by=["cyd"], requested_by=name)
        refusals = [find_refusal(case, Candidate(person("cyd"), act, NOW)) for act in Act]
        assert [type(refusal) for refusal in refusals] == [
            NotAuthorised, PersonUnfit, PersonUnfit, NotAuthorised,
        ]  # fmt: skip
        assert all("asked for this" in str(refusal) for refusal in refusals)


def test_who_approved_it_can_neither_claim_nor_be_given_it_again(office: Queue) -> None:
    case = make_case(NOW, quorum=2)
    ada, lea = person("ada"), person("lea")
    decide_case(case_id=case.pk, answer=approve(), acting=ada, now=NOW, commit_now=True)
    with pytest.raises(NotAuthorised, match="You have approved this already"):
        claim_case(case_id=case.pk, acting=ada, now=NOW)
    with pytest.raises(PersonUnfit, match="ada has approved this already"):
        assign_case(case_id=case.pk, to=ada.user, acting=lea, now=NOW)


def test_next_gives_only_cases_of_the_flows_that_the_person_may_decide(office: Queue) -> None:
    first, second = make_case(NOW), make_case(NOW + HOUR)
    Case.objects.filter(pk=first.pk).update(flow="mortgage")
    assert claim_next(queue=office, acting=person("flo"), now=NOW) == second
    assert claim_next(queue=office, acting=person("flo"), now=NOW) is None
    with pytest.raises(NotAuthorised, match="needs the permission"):
        claim_next(queue=office, acting=person("out"), now=NOW)


def test_an_escalated_case_that_comes_back_is_not_kept_for_whom_it_is_above(office: Queue) -> None:
    case = make_case(NOW)
    claim_case(case_id=case.pk, acting=person("ada"), now=NOW)
    request_information(case_id=case.pk, question="Which?", acting=person("ada"), now=NOW)
    Case.objects.filter(pk=case.pk).update(escalation=1)
    back = reply(case_id=case.pk, answer="This.", changes={}, actor=Actor.system("x"), now=NOW)
    assert (back.state, back.familiar, back.reserved_until) == ("escalated", None, None)
    assert claim_next(queue=office, acting=person("lea"), now=NOW) == case
