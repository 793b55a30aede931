from datetime import datetime, timedelta

import pytest

from flows.models import Journal, Run, Wait
from reviews.errors import (
    CaseAlreadyDecided,
    CaseHeldByOther,
    CaseStale,
    DecisionInvalid,
    LeaseExpired,
    NotAuthorised,
    UndoTooLate,
)
from reviews.models import Case, CaseDraft, Decision
from reviews.rules.answers import Answer
from reviews.services.claims import claim_case, claim_next
from reviews.services.committing import commit_due_decisions
from reviews.services.decisions import decide_case, undo_decision
from reviews.services.receipts import compute_digest
from tests.factories.cases import approve, give, make_case, reject, step_of
from tests.factories.people import make_person, person
from tests.factories.queues import make_office
from workbench.accounts.models import Role, RoleGrant
from workbench.audit.models import Entry

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER)


def actions(case: Case) -> list[str]:
    entries = Entry.objects.filter(subject_kind="case", subject_id=str(case.pk))
    return [entry.action for entry in entries.order_by("subject_seq")]


def test_a_decision_is_committed_by_the_clock_and_lets_the_run_go_on(now: datetime) -> None:
    case = make_case(now)
    claim_case(case_id=case.pk, acting=person("ada"), now=now)
    decide_case(case_id=case.pk, answer=approve(comment="fine"), acting=person("ada"), now=now)
    case.refresh_from_db()
    assert case.state == "committing"
    assert step_of(case) == "review"

    commit_due_decisions(now + timedelta(seconds=4))
    assert Wait.objects.get(pk=case.wait_id).state == "open"
    commit_due_decisions(now + timedelta(seconds=6))

    case.refresh_from_db()
    assert (case.state, case.outcome, step_of(case)) == ("decided", "approved", "settle")
    assert actions(case) == ["case.opened", "case.claimed", "case.decided"]


def test_commit_now_does_not_wait_for_the_clock(now: datetime) -> None:
    case = make_case(now)
    decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=now, commit_now=True)
    assert step_of(case) == "settle"


def test_an_override_is_in_the_output_the_receipt_and_the_ledger(now: datetime) -> None:
    case = make_case(now)
    answer = approve(fields={"income": 2800}, why={"income": "misread"})
    decision = decide_case(
        case_id=case.pk, answer=answer, acting=person("ada"), now=now, commit_now=True
    )
    decision.refresh_from_db()
    override = {"field": "income", "old": 3000, "new": 2800, "reason": "misread"}
    assert decision.overrides == [override]
    assert decision.receipt["decision"]["overrides"] == [override]
    assert decision.receipt["fields"] == {"name": "B. Ahlers", "income": 2800}
    assert decision.digest == compute_digest(decision.receipt)
    assert "case.field_overridden" in actions(case)


def test_typing_the_same_value_is_no_override(now: datetime) -> None:
    case = make_case(now)
    decision = decide_case(
        case_id=case.pk, answer=approve(fields={"income": 3000}), acting=person("ada"), now=now
    )
    assert decision.overrides == []


def test_undo_gives_the_case_back_with_the_draft(now: datetime) -> None:
    case = make_case(now)
    decide_case(case_id=case.pk, answer=approve(comment="hm"), acting=person("ada"), now=now)
    undo_decision(case_id=case.pk, acting=person("ada"), now=now + timedelta(seconds=3))
    case.refresh_from_db()
    assert (case.state, case.claimed_by_id) == ("claimed", person("ada").user.pk)
    assert CaseDraft.objects.get(case=case).content["comment"] == "hm"
    assert not commit_due_decisions(now + timedelta(seconds=60))
    assert Wait.objects.get(pk=case.wait_id).state == "open"
    # And it can be decided again.
    decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=now, commit_now=True)
    assert step_of(case) == "settle"


def test_undo_after_the_window_is_too_late_and_not_for_others(now: datetime) -> None:
    case = make_case(now)
    decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=now)
    with pytest.raises(UndoTooLate):
        undo_decision(case_id=case.pk, acting=person("ben"), now=now)
    with pytest.raises(UndoTooLate):
        undo_decision(case_id=case.pk, acting=person("ada"), now=now + timedelta(seconds=5))


def test_a_second_decision_loses(now: datetime) -> None:
    case = make_case(now)
    decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=now)
    with pytest.raises(CaseAlreadyDecided):
        decide_case(case_id=case.pk, answer=reject(), acting=person("ben"), now=now)
    with pytest.raises(CaseAlreadyDecided, match="You have just decided"):
        decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=now)
    commit_due_decisions(now + timedelta(seconds=5))
    with pytest.raises(CaseAlreadyDecided):
        decide_case(case_id=case.pk, answer=reject(), acting=person("ben"), now=now)
    assert Decision.objects.count() == 1


def test_another_s_case_cannot_be_decided(now: datetime) -> None:
    case = make_case(now)
    claim_case(case_id=case.pk, acting=person("ada"), now=now)
    with pytest.raises(CaseHeldByOther, match="ada holds"):
        decide_case(case_id=case.pk, answer=approve(), acting=person("ben"), now=now)


def test_a_stale_page_is_told_so(now: datetime) -> None:
    case = make_case(now)
    claim_case(case_id=case.pk, acting=person("ada"), now=now)
    with pytest.raises(CaseStale):
        decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=now, revision=1)


def test_a_claim_that_ran_out_must_be_taken_again(now: datetime) -> None:
    case = make_case(now)
    claim_case(case_id=case.pk, acting=person("ada"), now=now)
    late = now + timedelta(seconds=901)
    with pytest.raises(LeaseExpired):
        decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=late)
    claim_case(case_id=case.pk, acting=person("ada"), now=late)
    decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=late)


def test_every_problem_of_a_decision_is_told_at_once(now: datetime) -> None:
    case = make_case(
        now,
        form={"type": "object", "required": ["term"], "properties": {"term": {"type": "integer"}}},
        reason_codes={"rejected": [{"code": "income", "label": "Income too low"}]},
    )
    with pytest.raises(DecisionInvalid) as caught:
        decide_case(
            case_id=case.pk,
            answer=reject(fields={"income": -1, "name": "X"}),
            acting=person("ada"),
            now=now,
        )
    assert set(caught.value.problems) == {
        "reasons", "fields.income", "fields.income.reason", "fields.name", "form.term",
    }  # fmt: skip
    assert not Decision.objects.exists()


def test_rework_needs_instructions(now: datetime) -> None:
    case = make_case(now)
    with pytest.raises(DecisionInvalid):
        decide_case(case_id=case.pk, answer=Answer(outcome="rework"), acting=person("ada"), now=now)


def test_required_evidence_must_be_opened(now: datetime) -> None:
    document = {"id": "payslip", "title": "Payslip", "text": "…"}
    case = make_case(now, documents=[document], required_evidence=["payslip"])
    give(case, "ada", now)
    with pytest.raises(DecisionInvalid, match="Open payslip"):
        decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=now)
    decide_case(case_id=case.pk, answer=approve(opened=("payslip",)), acting=person("ada"), now=now)


def test_who_asked_may_not_decide(now: datetime) -> None:
    case = make_case(now, asked_by=["ada"])
    with pytest.raises(NotAuthorised, match="You asked"):
        decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=now)


def test_who_started_the_run_may_not_decide(now: datetime) -> None:
    case = make_case(now, started_by="ada · nightly import", asked_by=["ada"])
    with pytest.raises(NotAuthorised, match="You asked"):
        decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=now)


def test_a_quorum_needs_that_many_different_people(now: datetime) -> None:
    case = make_case(now, quorum=2)
    first = decide_case(
        case_id=case.pk, answer=approve(), acting=person("ada"), now=now, commit_now=True
    )
    case.refresh_from_db()
    assert (first.final, case.state) == (False, "open")
    assert claim_next(queue=case.queue, acting=person("ada"), now=now) is None
    with pytest.raises(NotAuthorised, match="approved this already"):
        decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=now)
    decide_case(case_id=case.pk, answer=approve(), acting=person("ben"), now=now, commit_now=True)
    assert step_of(case) == "settle"


def test_with_four_eyes_an_edit_wants_a_second_person(now: datetime) -> None:
    case = make_case(now, four_eyes=True)
    answer = approve(fields={"income": 2800}, why={"income": "misread"})
    decide_case(case_id=case.pk, answer=answer, acting=person("ada"), now=now, commit_now=True)
    case.refresh_from_db()
    assert (case.state, case.fields["income"]) == ("open", 2800)
    decide_case(case_id=case.pk, answer=approve(), acting=person("ben"), now=now, commit_now=True)
    case.refresh_from_db()
    assert case.state == "decided"


def test_the_authority_matrix_holds_for_approvals_only(now: datetime) -> None:
    case = make_case(now, value=9000)
    case.queue.authority = [{"up_to": 5000, "level": 1}, {"level": 2}]
    case.queue.save()
    with pytest.raises(NotAuthorised, match="level 2 and yours is 1"):
        decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=now)
    decide_case(case_id=case.pk, answer=reject(), acting=person("ada"), now=now, commit_now=True)
    assert step_of(case) == "decline"


def test_rights_that_went_within_the_window_stop_the_decision(now: datetime) -> None:
    case = make_case(now)
    decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=now)
    RoleGrant.objects.filter(user__username="ada").delete()
    commit_due_decisions(now + timedelta(seconds=5))
    case.refresh_from_db()
    assert (case.state, Wait.objects.get(pk=case.wait_id).state) == ("open", "open")
    assert Decision.objects.get().state == "withdrawn"


def test_a_refused_decision_on_an_escalated_case_leaves_it_escalated(now: datetime) -> None:
    make_person("lea", Role.LEAD)
    case = make_case(now)
    Case.objects.filter(pk=case.pk).update(state="escalated", escalation=1)
    decide_case(case_id=case.pk, answer=approve(), acting=person("lea"), now=now)
    RoleGrant.objects.filter(user__username="lea").delete()
    commit_due_decisions(now + timedelta(seconds=5))
    case.refresh_from_db()
    assert case.state == "escalated"
    assert claim_next(queue=case.queue, acting=person("ada"), now=now) is None


def test_a_run_that_no_longer_waits_cancels_the_case(now: datetime) -> None:
    case = make_case(now)
    decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=now)
    Wait.objects.filter(pk=case.wait_id).update(state="cancelled")
    commit_due_decisions(now + timedelta(seconds=5))
    case.refresh_from_db()
    assert case.state == "cancelled"


def test_the_receipt_names_the_models_the_run_had_asked(now: datetime) -> None:
    case = make_case(now)
    made = {"provider": "local", "model": "scorecard", "version": "3", "latency_ms": 0.2}
    rows = [("score", made), ("score", {**made, "version": "4"}), ("checked", None)]
    for seq, (step, provenance) in enumerate(rows, 2):
        Journal.objects.create(
            run_id=case.run_id, seq=seq, kind="step.finished", step=step, provenance=provenance
        )
    Run.objects.filter(pk=case.run_id).update(seq=4)

    decision = decide_case(
        case_id=case.pk, answer=approve(), acting=person("ada"), now=now, commit_now=True
    )

    decision.refresh_from_db()
    score = {"step": "score", "provider": "local", "model": "scorecard", "version": "4"}
    assert decision.receipt["models"] == [score]
    assert decision.digest == compute_digest(decision.receipt)


def test_a_reason_rests_on_the_evidence_that_its_code_names_and_is_told_in_the_notice(
    now: datetime,
) -> None:
    codes = [
        {"code": "income", "label": "Income", "notice": "Your income is too low.",
         "rests_on": ["income", "name"]},
        {"code": "other", "label": "Other"},
    ]  # fmt: skip
    case = make_case(now, reason_codes={"rejected": codes})
    with pytest.raises(DecisionInvalid) as caught:
        decide_case(
            case_id=case.pk, answer=reject("income", grounds={"income": "payslip"}),
            acting=person("ada"), now=now,
        )  # fmt: skip
    assert caught.value.problems == {"grounds.income": "Income can rest on Net income, Name."}
    with pytest.raises(DecisionInvalid, match="Name what Income rests on"):
        decide_case(case_id=case.pk, answer=reject("income"), acting=person("ada"), now=now)
    answer = reject("income", "other", grounds={"income": "income"})
    decision = decide_case(
        case_id=case.pk, answer=answer, acting=person("ada"), now=now, commit_now=True
    )
    assert decision.grounds == {"income": "income"}
    kept = decision.receipt["decision"]
    assert (kept["grounds"], kept["notice"]) == ({"income": "income"}, "Your income is too low.")
