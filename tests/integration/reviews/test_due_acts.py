import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from flows.models import Token, Wait
from reviews.errors import NotAuthorised
from reviews.models import Case, Decision
from reviews.models.notices import Notice
from reviews.services.claims import claim_case, claim_next
from reviews.services.conversation import (
    add_comment,
    escalate_case,
    reply,
    request_information,
)
from reviews.services.decisions import decide_case
from reviews.services.due_acts import perform_due_acts
from reviews.services.leases import free_expired_leases, renew_claim
from reviews.services.passing import assign_case
from tests.factories.cases import approve, make_case
from tests.factories.people import make_person, person
from tests.factories.queues import FIVE_DAYS, make_policy, make_queue
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role
from workbench.audit.models import Entry

pytestmark = pytest.mark.django_db
STEPS: list[dict[str, Any]] = [
    {"act": "warn", "after_minutes": 60},
    {"act": "remind", "after_minutes": 120, "to": "holder"},
    {"act": "escalate", "after_minutes": 180, "to": "lead"},
]


@pytest.fixture(autouse=True)
def office() -> None:
    make_queue()
    make_person("ada", Role.REVIEWER)
    make_person("ben", Role.REVIEWER)
    make_person("lea", Role.LEAD)


def events(case: Case) -> list[str]:
    return list(case.events.order_by("id").values_list("kind", flat=True))


def after(now: datetime, minutes: float) -> datetime:
    return now + timedelta(minutes=minutes)


def test_acts_are_done_in_their_order_each_at_its_time(
    now: datetime, deliver_outbox: Callable[[], int]
) -> None:
    make_policy(due_minutes=240, steps=STEPS)
    case = make_case(now)
    perform_due_acts(after(now, 59))
    assert events(case) == ["opened"]
    for minutes in (60, 120, 180, 240):
        perform_due_acts(after(now, minutes))
        perform_due_acts(after(now, minutes))
    assert events(case) == ["opened", "sla_warned", "sla_reminded", "escalated", "sla_breached"]
    case.refresh_from_db()
    assert (case.state, case.priority, case.escalation, case.next_act_at) == (
        "escalated",
        1,
        1,
        None,
    )
    deliver_outbox()
    assert [message.subject.split(":")[0] for message in mail.outbox] == [
        "Due soon", "Escalated", "Overdue",
    ]  # fmt: skip
    assert {to for message in mail.outbox for to in message.to} == {"lea@example.org"}


def test_a_reminder_goes_to_who_holds_the_case(
    now: datetime, deliver_outbox: Callable[[], int]
) -> None:
    make_policy(due_minutes=240, steps=STEPS)
    case = make_case(now)
    claim_case(case_id=case.pk, acting=person("ada"), now=now)
    for _ in range(2):
        perform_due_acts(after(now, 120))
    deliver_outbox()
    assert [message.to for message in mail.outbox] == [["ada@example.org"]]
    assert f"/review/cases/{case.pk}/" in mail.outbox[0].body


def test_escalation_goes_up_a_chain_one_link_at_a_time(
    now: datetime, deliver_outbox: Callable[[], int]
) -> None:
    make_queue("seniors")
    make_person("sam", Role.REVIEWER, queue="seniors", level=2)
    make_person("pia", Role.LEAD)
    chain = [
        {"act": "escalate", "after_minutes": 10, "to": "lead"},
        {"act": "escalate", "after_minutes": 20, "to": "queue:seniors"},
        {"act": "escalate", "after_minutes": 30, "to": "person:pia"},
    ]
    make_policy(due_minutes=240, steps=chain)
    case = make_case(now)
    told = []
    for minutes in (10, 20, 30):
        perform_due_acts(after(now, minutes))
        deliver_outbox()
        told.append(sorted(to.split("@")[0] for message in mail.outbox for to in message.to))
        mail.outbox.clear()
    case.refresh_from_db()
    assert (case.state, case.escalation, case.queue.name) == ("escalated", 3, "seniors")
    assert told == [["lea", "pia"], ["lea", "pia"], ["pia"]]
    assert events(case) == ["opened", "escalated", "moved", "escalated", "escalated"]
    assert claim_next(queue=case.queue, acting=person("sam"), now=after(now, 31)) is not None


def test_an_escalation_leaves_a_case_in_the_hands_that_hold_it(now: datetime) -> None:
    make_queue("seniors")
    make_policy(
        due_minutes=240, steps=[{"act": "escalate", "after_minutes": 10, "to": "queue:seniors"}]
    )
    case = make_case(now)
    claim_case(case_id=case.pk, acting=person("ada"), now=now)
    perform_due_acts(after(now, 10))
    case.refresh_from_db()
    assert (case.state, case.claimed_by, case.escalation) == ("claimed", person("ada").user, 1)
    assert case.queue.name == "underwriting"


def test_what_silence_does_is_written_as_such_in_the_ledger(now: datetime) -> None:
    make_policy(due_minutes=240, steps=STEPS)
    case = make_case(now)
    for minutes in (60, 120, 180, 240):
        perform_due_acts(after(now, minutes))
    entries = Entry.objects.filter(subject_kind="case", subject_id=str(case.pk)).order_by("id")
    by_clock = [entry for entry in entries if entry.actor_name == "clock"]
    assert [entry.action for entry in by_clock] == [
        "case.sla_warned", "case.sla_reminded", "case.escalated", "case.sla_breached",
    ]  # fmt: skip
    assert {json.loads(str(entry.payload.body))["kind"] for entry in by_clock} == {"timeout"}


def test_a_case_that_cannot_be_read_does_not_keep_others_from_their_acts(
    now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    make_policy(due_minutes=60)
    broken, sound = make_case(now), make_case(now)
    Case.objects.filter(pk=broken.pk).update(sla={"policy": "standard"}, acts_done=0)
    perform_due_acts(after(now, 60))
    sound.refresh_from_db()
    assert (sound.priority, sound.next_act_at) == (1, None)
    assert f"The due act of case {broken.pk} failed" in caplog.text


def test_a_reminder_reaches_the_bell_of_who_holds_the_case(now: datetime) -> None:
    make_policy(due_minutes=240, steps=STEPS)
    case = make_case(now)
    claim_case(case_id=case.pk, acting=person("ada"), now=now)
    for minutes in (60, 120):
        perform_due_acts(after(now, minutes))
    [notice] = Notice.objects.all()
    assert (notice.person.username, notice.kind, notice.read_at) == ("ada", "reminder", None)


def test_silence_is_a_time_out_and_never_a_person(now: datetime) -> None:
    make_policy(due_minutes=60, breach="expire")
    case = make_case(now)
    perform_due_acts(after(now, 60))
    case.refresh_from_db()
    decision = Decision.objects.get()
    assert (case.state, case.outcome) == ("expired", "expired")
    assert (decision.kind, decision.decided_by, decision.outcome) == ("timeout", None, "expired")
    assert Token.objects.get(run_id=case.run_id).step == "late"


def test_a_decision_that_is_being_committed_is_not_overtaken(now: datetime) -> None:
    make_policy(due_minutes=60, breach="expire")
    case = make_case(now)
    decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=after(now, 59.99))
    perform_due_acts(after(now, 60))
    case.refresh_from_db()
    assert case.state == "committing"


def test_a_breach_may_take_the_case_back(now: datetime) -> None:
    make_policy(due_minutes=10, breach="reassign")
    case = make_case(now)
    claim_case(case_id=case.pk, acting=person("ada"), now=now)
    perform_due_acts(after(now, 10))
    case.refresh_from_db()
    assert (case.state, case.claimed_by, case.priority) == ("open", None, 1)


def test_the_due_time_is_in_working_hours(now: datetime) -> None:
    make_policy(hours=FIVE_DAYS, due_minutes=480)
    friday_noon = datetime(2026, 3, 13, 12, tzinfo=now.tzinfo)
    case = make_case(friday_noon)
    assert case.due_at == datetime(2026, 3, 16, 12, tzinfo=now.tzinfo)


def test_a_question_stops_the_clock_and_the_answer_comes_back_to_who_asked(now: datetime) -> None:
    make_policy(due_minutes=120)
    case = make_case(now)
    claim_case(case_id=case.pk, acting=person("ada"), now=after(now, 60))
    request_information(
        case_id=case.pk, question="Which employer?", acting=person("ada"), now=after(now, 60),
        fields=["income"],
    )  # fmt: skip
    case.refresh_from_db()
    assert (case.state, case.due_at, case.next_act_at) == ("waiting_for_info", None, None)
    perform_due_acts(after(now, 10_000))

    reply(
        case_id=case.pk, answer="Nordhafen", changes={"income": 2900},
        actor=Actor.system("applicant"), now=after(now, 1000),
    )  # fmt: skip
    case.refresh_from_db()
    assert (case.state, case.familiar, case.fields["income"]) == (
        "open", person("ada").user, 2900,
    )  # fmt: skip
    assert case.due_at == after(now, 1060)


def test_escalating_needs_someone_with_more_authority(
    now: datetime, deliver_outbox: Callable[[], int]
) -> None:
    make_policy()
    case = make_case(now)
    claim_case(case_id=case.pk, acting=person("ada"), now=now)
    escalate_case(case_id=case.pk, comment="Too large for me", acting=person("ada"), now=now)

    assert claim_next(queue=case.queue, acting=person("ben"), now=now) is None
    with pytest.raises(NotAuthorised, match="escalated"):
        claim_case(case_id=case.pk, acting=person("ben"), now=now)
    taken = claim_next(queue=case.queue, acting=person("lea"), now=now)
    assert taken is not None
    deliver_outbox()
    assert "Too large for me" in mail.outbox[0].body


def test_who_is_mentioned_is_told(now: datetime, deliver_outbox: Callable[[], int]) -> None:
    make_policy()
    case = make_case(now)
    comment = add_comment(
        case_id=case.pk, body="@ben look at this, not a@ada.org", acting=person("ada"), now=now
    )
    deliver_outbox()
    assert comment.mentions == ["ben"]
    assert [message.to for message in mail.outbox] == [["ben@example.org"]]


def test_a_silent_holder_loses_the_case_and_a_beating_one_keeps_it(now: datetime) -> None:
    make_policy()
    silent, beating = make_case(now), make_case(now)
    claim_case(case_id=silent.pk, acting=person("ada"), now=now)
    claim_case(case_id=beating.pk, acting=person("ben"), now=now)
    renew_claim(case_id=beating.pk, acting=person("ben"), now=after(now, 10))
    free_expired_leases(after(now, 16))
    silent.refresh_from_db()
    beating.refresh_from_db()
    assert (silent.state, beating.state) == ("open", "claimed")
    assert events(silent)[-1] == "lease_expired"


def test_a_lead_gives_a_case_to_someone_else(now: datetime) -> None:
    make_policy()
    case = make_case(now)
    claim_case(case_id=case.pk, acting=person("ada"), now=now)
    assign_case(case_id=case.pk, to=person("ben").user, acting=person("lea"), now=now)
    case.refresh_from_db()
    assert case.claimed_by == person("ben").user
    assert Wait.objects.get(pk=case.wait_id).state == "open"
