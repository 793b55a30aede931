"""Who asked and who edited, on every path: each test is named by the way around that it tries."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from flows.models import Flow, Run, Token, Wait
from flows.services import rerun, start_run
from flows.steps.base import StepContext, StepFailure
from reviews.checkpoint.step import ReviewCase
from reviews.errors import DecisionInvalid, NotAuthorised, PersonUnfit
from reviews.links.services import decide_by_link, open_link, reply_by_link
from reviews.models import Case, CaseLink, Decision, InformationRequest, Queue
from reviews.models.links import Purpose
from reviews.selectors.acting import make_acting
from reviews.selectors.line import Line, list_first_in_line
from reviews.selectors.parties import list_parties
from reviews.services.bulk import decide_in_bulk
from reviews.services.checks import repeat_case
from reviews.services.claims import claim_case
from reviews.services.conversation import reply, request_information
from reviews.services.decisions import decide_case, undo_decision
from reviews.services.links import ensure_reply_link, make_decision_link
from reviews.services.passing import assign_case, delegate_case, hand_over
from reviews.services.reopening import reopen_case
from tests.factories.cases import SHOWN, approve, decide, make_review_version, reject
from tests.factories.people import make_person, person, signed_in
from tests.factories.queues import make_office
from workbench.accounts.actors import Actor
from workbench.accounts.models import ApiToken, Role, User

pytestmark = pytest.mark.django_db
EDIT: dict[str, Any] = {"fields": {"income": 2800}, "why": {"income": "Misread"}}
ASKED = "You asked for this"


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER, cyd=Role.REVIEWER, lea=Role.LEAD)
    # A case that comes back is kept for nobody here.
    Queue.objects.update(familiar_minutes=0)
    make_person("ops", Role.OPERATOR, Role.REVIEWER)
    make_person("root", is_superuser=True)


def start(actor: Actor, now: datetime, **given: Any) -> Run:
    version = make_review_version()
    Flow.objects.filter(pk=version.flow_id).update(released=version)
    flow = Flow.objects.get(pk=version.flow_id)
    return start_run(flow=flow, input=given, actor=actor, now=now).run


def open_case(run: Run, now: datetime, **config: Any) -> Case:
    """Open the case of a run as the engine does when it comes to the checkpoint."""
    token = Token.objects.get(run=run)
    Token.objects.filter(pk=token.pk).update(state="waiting")
    wait = Wait.objects.create(
        run=run, token_id=token.pk, activation=token.activation, step="review", kind="case",
        opened_at=now,
    )  # fmt: skip
    ctx = StepContext(
        run_id=run.pk, flow="loan", version=1, step_id="review", token_id=token.pk,
        activation=token.activation, attempt=1, input={}, bindings={}, now=now, wait_id=wait.pk,
    )  # fmt: skip
    usual = {"queue": "underwriting", "sla": "standard", "title": f"Loan {wait.pk}", "show": SHOWN}
    opened = ReviewCase().open(ctx, ReviewCase.Config.model_validate({**usual, **config}))
    return Case.objects.get(pk=opened.detail["case"])


def asked_by(name: str, now: datetime, **config: Any) -> Case:
    return open_case(start(person(name).actor, now), now, **config)


def ask(case: Case, by: str, now: datetime, *fields: str) -> InformationRequest:
    claim_case(case_id=case.pk, acting=person(by), now=now)
    return request_information(
        case_id=case.pk, question="Which?", acting=person(by), now=now, fields=fields
    )


def follow(asked: InformationRequest, now: datetime) -> CaseLink:
    address = ensure_reply_link(asked, now)
    return open_link(address.rstrip("/").rsplit("/", 1)[1], Purpose.REPLY)


def answer(case: Case, by: str, now: datetime, **changes: Any) -> Case:
    return reply(case_id=case.pk, answer="This", changes=changes, actor=person(by).actor, now=now)


@contextmanager
def refused(match: str) -> Iterator[None]:
    with pytest.raises(NotAuthorised, match=match):
        yield


def state(case: Case) -> str:
    case.refresh_from_db()
    return str(case.state)


# --- Who asked ----------------------------------------------------------------------------


@pytest.mark.parametrize("named", ["nobody", "ben", "", "   ", "ada@example.org", "Case 17"])
def test_the_input_names_somebody_else_as_who_asked(named: str, now: datetime) -> None:
    case = asked_by("ada", now, requested_by=named)
    with refused(ASKED):
        decide(case, "ada", approve(), now)
    assert not Decision.objects.exists()


def test_the_input_shuts_out_a_colleague_by_naming_them(now: datetime) -> None:
    case = asked_by("ada", now, requested_by="ben")
    decide(case, "ben", approve(), now)
    assert state(case) == "decided"


def test_a_change_of_name_after_the_start(now: datetime) -> None:
    run = start(person("ada").actor, now)
    User.objects.filter(username="ada").update(display_name="Adelheid", username="adelheid")
    with refused(ASKED):
        decide(open_case(run, now), "adelheid", approve(), now)


def test_who_asked_by_a_token_decides_on_the_page(now: datetime) -> None:
    token = ApiToken.objects.create(
        user=User.objects.get(username="ada"), name="x · y", digest="d", created_at=now
    )
    case = open_case(start(make_acting(token).actor, now), now)
    with refused(ASKED):
        decide(case, "ada", approve(), now)


def test_a_superuser_decides_what_they_asked_for(now: datetime) -> None:
    with refused(ASKED):
        decide(asked_by("root", now), "root", approve(), now)


def test_an_operator_reruns_for_who_asked(now: datetime) -> None:
    old = start(person("ada").actor, now)
    again = rerun(run_id=old.pk, step=None, actor=person("ops").actor, now=now).run
    case = open_case(again, now)
    with refused(ASKED):
        decide(case, "ada", approve(), now)
    decide(case, "ops", approve(), now)


@pytest.mark.parametrize(("before", "after"), [(1, 2), (1, True), (0, False), ("", None)])
def test_an_operator_changes_the_input_and_decides(before: Any, after: Any, now: datetime) -> None:
    old = start(person("ada").actor, now, amount=before)
    again = rerun(
        run_id=old.pk, step=None, actor=person("ops").actor, now=now, input={"amount": after}
    ).run
    case = open_case(again, now)
    for name in ("ada", "ops"):
        with refused(ASKED):
            decide(case, name, approve(), now)


def test_who_asked_decides_after_it_is_reopened(now: datetime) -> None:
    case = asked_by("ada", now)
    decide(case, "ben", approve(), now)
    run = reopen_case(case_id=case.pk, reason="Wrong", acting=person("cyd"), now=now)
    anew = open_case(run, now)
    for name in ("ada", "cyd"):
        with refused(ASKED):
            decide(anew, name, approve(), now)


def test_who_asked_is_handed_the_case(now: datetime) -> None:
    case = asked_by("ada", now)
    ada, ben = person("ada"), person("ben")
    claim_case(case_id=case.pk, acting=ben, now=now)
    with pytest.raises(PersonUnfit, match="ada asked for this"):
        delegate_case(case_id=case.pk, to=ada.user, acting=ben, now=now)
    with pytest.raises(PersonUnfit, match="ada asked for this"):
        assign_case(case_id=case.pk, to=ada.user, acting=person("lea"), now=now)
    hand_over(case_id=case.pk, person=ben.user, cover=ada.user, now=now)
    assert state(case) == "open"


def test_who_asked_decides_by_a_link_and_together_with_others(now: datetime) -> None:
    sure = {"suggestion": "approved", "confidence": 0.95}
    cases = [asked_by(name, now, **sure) for name in ("ada", "ben")]
    make_decision_link(cases[0], None, now)
    link = CaseLink.objects.select_related("case", "asked").get()
    with refused(ASKED):
        decide_by_link(link=link, answer=approve(), acting=person("ada"), now=now)
    found = decide_in_bulk(
        queue=cases[0].queue, revisions={case.pk: case.revision for case in cases},
        outcome="approved", looked_at=[case.pk for case in cases], comment="",
        acting=person("ada"), now=now,
    )  # fmt: skip
    assert found.decided == [cases[1].pk]
    assert ASKED in found.left[cases[0].pk]


def test_who_asked_finds_it_in_their_line(now: datetime) -> None:
    case = asked_by("ada", now)
    assert list_first_in_line(Line.of(case.queue, person("ada"), now).parts, 9) == []
    assert list_first_in_line(Line.of(case.queue, person("ben"), now).parts, 9) == [case.pk]


def test_who_asked_decides_a_check_of_it(now: datetime) -> None:
    check = repeat_case(asked_by("ada", now), now)
    assert [(p.user.username, p.part) for p in list_parties(check)] == [("ada", "requested")]


def test_a_returned_case_is_kept_for_who_asked(now: datetime) -> None:
    run = start(person("ada").actor, now)
    case = open_case(run, now)
    decide(case, "ben", reject(), now)
    Case.objects.filter(pk=case.pk).update(claimed_by=User.objects.get(username="ada"))
    Token.objects.create(run=run, step="review", state="ready", since=now)
    Token.objects.filter(run=run).exclude(step="review").delete()
    assert open_case(run, now).familiar is None


# --- Who edited ---------------------------------------------------------------------------


def test_an_editor_approves_alone_after_it_is_reopened(now: datetime) -> None:
    case = asked_by("lea", now, four_eyes=True)
    decide(case, "ada", reject(**EDIT), now)
    run = reopen_case(case_id=case.pk, reason="Wrong", acting=person("cyd"), now=now)
    anew = open_case(run, now, four_eyes=True)
    decide(anew, "ada", approve(), now)
    assert state(anew) == "open", "someone who edited nothing must approve too"
    decide(anew, "ben", approve(), now)
    assert state(anew) == "decided"


def test_an_editor_approves_alone_after_an_operator_reran_it(now: datetime) -> None:
    case = asked_by("lea", now, four_eyes=True)
    decide(case, "ada", reject(**EDIT), now)
    run = rerun(run_id=case.run_id, step="review", actor=person("ops").actor, now=now).run
    anew = open_case(run, now, four_eyes=True)
    decide(anew, "ada", approve(), now)
    assert state(anew) == "open"


def test_an_approval_from_before_the_edit_counts_for_it(now: datetime) -> None:
    case = asked_by("lea", now, four_eyes=True, quorum=2)
    decide(case, "ada", approve(), now)
    later = now + timedelta(seconds=1)
    decide(case, "ben", approve(**EDIT), later)
    assert state(case) == "open", "nobody but ben has approved the new value"
    decide(case, "cyd", approve(), later)
    assert state(case) == "decided"


def test_who_edits_by_an_answer_approves_alone(now: datetime) -> None:
    case = asked_by("lea", now, four_eyes=True)
    ask(case, "ada", now, "income")
    answer(case, "ben", now, income=2800)
    decide(case, "ben", approve(), now)
    assert state(case) == "open"
    decide(case, "ada", approve(), now)
    assert state(case) == "decided"


def test_an_edit_that_was_undone_is_none(now: datetime) -> None:
    case = asked_by("lea", now, four_eyes=True)
    decide_case(case_id=case.pk, answer=approve(**EDIT), acting=person("ada"), now=now)
    undo_decision(case_id=case.pk, acting=person("ada"), now=now)
    decide(case, "ada", approve(), now)
    assert state(case) == "decided"


# --- Answers ------------------------------------------------------------------------------


def test_an_answer_changes_what_was_not_opened(now: datetime) -> None:
    case = asked_by("lea", now)
    ask(case, "ada", now, "income")
    for field, value in (("name", "X"), ("salary", 1)):
        with pytest.raises(DecisionInvalid) as caught:
            answer(case, "ben", now, income=2800, **{field: value})
        assert list(caught.value.problems) == [f"fields.{field}"]
    assert (state(case), case.fields["income"]) == ("waiting_for_info", 3000)


def test_an_answer_by_the_api_or_a_link_changes_what_was_not_opened(now: datetime) -> None:
    case = asked_by("lea", now)
    link = follow(ask(case, "ada", now), now)
    sent = signed_in("ben").post(
        f"/api/v1/cases/{case.pk}/reply", {"text": "This", "changes": {"income": 1}},
        content_type="application/json",
    )  # fmt: skip
    assert (sent.status_code, "fields.income" in sent.content.decode()) == (422, True)
    with pytest.raises(DecisionInvalid):
        reply_by_link(link=link, answer="This", name="X", now=now, changes={"income": 1})
    assert CaseLink.objects.get().used_at is None
    assert state(case) == "waiting_for_info"


@pytest.mark.parametrize("name", ["ada", "ADA", " ada ", "ada@example.org"])
def test_the_asker_answers_their_own_question(name: str, now: datetime) -> None:
    case = asked_by("lea", now)
    link = follow(ask(case, "ada", now), now)
    ada = User.objects.get(username="ada")
    token = ApiToken.objects.create(user=ada, name="x", digest="d", created_at=now)
    for actor in (person("ada").actor, make_acting(token).actor):
        with refused("You asked this question"):
            reply(case_id=case.pk, answer="This", changes={}, actor=actor, now=now)
    with refused("You asked this question"):
        reply_by_link(link=link, answer="This", name=name, now=now)
    with refused("You asked this question"):
        reply_by_link(link=link, answer="This", name="X", now=now, person=ada)
    assert state(case) == "waiting_for_info"


def test_the_asker_edits_by_the_link_under_another_name_and_approves_alone(now: datetime) -> None:
    case = asked_by("lea", now, four_eyes=True)
    link = follow(ask(case, "ada", now, "income"), now)
    reply_by_link(link=link, answer="This", name="A customer", now=now, changes={"income": 1})
    decide(case, "ada", approve(), now)
    assert state(case) == "open"


def test_who_is_named_by_a_link_approves_alone_and_is_marked_unproved(now: datetime) -> None:
    case = asked_by("lea", now, four_eyes=True)
    link = follow(ask(case, "ada", now, "income"), now)
    reply_by_link(link=link, answer="This", name="Ben", now=now, changes={"income": 1})
    assert InformationRequest.objects.get().answered_by == "Ben (by link, unproved)"
    decide(case, "ben", approve(), now)
    assert state(case) == "open"
    parties = {p["user"]: p for p in Decision.objects.get().receipt["parties"]}
    assert (parties["ben"]["part"], parties["ben"]["proved"]) == ("edited", False)
    text = signed_in("cyd").get(f"/review/cases/{case.pk}/").content.decode()
    assert "ben (unproved)" in text


def test_a_signed_in_person_answers_by_link_under_another_name(now: datetime) -> None:
    case = asked_by("lea", now, four_eyes=True)
    asked = ask(case, "ada", now, "income")
    path = "/" + ensure_reply_link(asked, now).split("/", 3)[3]
    sent = {"answer": "This", "name": "A customer", "fields.income": "1"}
    refusal = signed_in("ada").post(path, sent)
    assert (refusal.status_code, "name-problem" in refusal.content.decode()) == (403, True)
    assert signed_in("ben").post(path, sent).status_code == 200
    [party] = [each for each in list_parties(case) if each.part == "edited"]
    assert (party.user.username, party.proved) == ("ben", True)


def test_the_link_is_shown_to_others_than_who_asked(now: datetime) -> None:
    case = asked_by("lea", now)
    ask(case, "ada", now)
    shown = {
        name: "/links/reply/" in signed_in(name).get(f"/review/cases/{case.pk}/").content.decode()
        for name in ("ada", "ben", "lea")
    }
    assert shown == {"ada": True, "ben": False, "lea": False}


# --- An earlier step ----------------------------------------------------------------------


def test_the_decider_of_an_earlier_step_decides_the_one_apart_from_it(now: datetime) -> None:
    run = start(person("lea").actor, now)
    decide(open_case(run, now), "ada", reject(), now)
    Token.objects.filter(run=run).delete()
    Token.objects.create(run=run, step="review", state="ready", since=now)
    second = open_case(run, now, apart_from=["review"])
    with refused("You decided an earlier step"):
        decide(second, "ada", approve(), now)
    assert list_first_in_line(Line.of(second.queue, person("ada"), now).parts, 9) == []


def test_a_misspelt_step_keeps_nobody_apart(now: datetime) -> None:
    with pytest.raises(StepFailure, match="reveiw"):
        open_case(start(person("lea").actor, now), now, apart_from=["reveiw"])
    assert not Case.objects.exists()


# --- What is shown ------------------------------------------------------------------------


def test_receipt_api_and_page_say_who_asked_and_who_edited(now: datetime) -> None:
    case = asked_by("lea", now, requested_by="A branch")
    decision = decide(case, "ada", approve(**EDIT), now)
    said = [(p["user"], p["part"], p["proved"]) for p in decision.receipt["parties"]]
    assert said == [("lea", "requested", True), ("ada", "edited", True)]
    authority = decision.receipt["authority"]
    assert (authority["requesters"], authority["editors"]) == (["lea"], ["ada"])
    api = signed_in("ben").get(f"/api/v1/cases/{case.pk}").json()
    assert [(p["user"], p["part"]) for p in api["parties"]] == [p[:2] for p in said]
    page = signed_in("ben").get(f"/review/cases/{case.pk}/").content.decode()
    assert "the flow says A branch" in page
    receipt = signed_in("ben").get(f"/review/cases/{case.pk}/receipt/").content.decode()
    assert "Asked for it" in receipt


def test_the_page_says_why_someone_is_shut_out(now: datetime) -> None:
    case = asked_by("ada", now)
    assert ASKED in signed_in("ada").get(f"/review/cases/{case.pk}/").content.decode()


def test_a_requester_who_is_only_shown_is_a_warning() -> None:
    from flows.graph.model import Step

    step = Step("review", "review.case", config={"requested_by": "${ input.by }"})
    assert "case.requester-shown" in {p.code for p in ReviewCase().check(step)}
    assert "case.requester-shown" not in {
        p.code for p in ReviewCase().check(Step("review", "review.case"))
    }
