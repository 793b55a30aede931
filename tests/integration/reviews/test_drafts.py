"""A draft is only a draft: what a receipt attests was sent with the decision."""

from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from reviews.errors import CaseAlreadyDecided, CaseClosed, CaseHeldByOther, ReviewError
from reviews.models import Case, CaseDraft, Decision
from reviews.services.claims import claim_case
from reviews.services.committing import commit_due_decisions
from reviews.services.decisions import decide_case, undo_decision
from reviews.services.drafts import keep_refused_answer, save_draft
from tests.factories.cases import approve, give, make_case
from tests.factories.people import person
from tests.factories.queues import make_office
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
SENT = {"opened": ("payslip",), "active_seconds": 40}


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER)


def make_seen_case(now: datetime) -> Case:
    return give(make_case(now), "ada", now - timedelta(minutes=1))


def type_more(case: Case, who: str, now: datetime, comment: str = "later") -> None:
    """Save a draft as another tab would, which has opened other things."""
    fresh = Case.objects.select_related("queue", "claimed_by").get(pk=case.pk)
    save_draft(
        case=fresh, acting=person(who), content={"comment": comment}, opened=["contract"],
        active_seconds=3600, now=now,
    )  # fmt: skip


def attested(case: Case) -> dict[str, Any]:
    evidence = Decision.objects.get(case=case, state="committed").receipt["evidence"]
    return {name: evidence[name] for name in ("opened", "active_seconds")}


def test_a_receipt_attests_what_was_sent_whatever_is_typed_before_the_commit(now: datetime) -> None:
    case = make_seen_case(now)
    decide_case(case_id=case.pk, answer=approve(**SENT), acting=person("ada"), now=now)
    with pytest.raises(CaseAlreadyDecided, match="You have just decided"):
        type_more(case, "ada", now)
    # Not even a draft that was written all the same is read.
    CaseDraft.objects.update(opened=["contract"], active_seconds=3600)
    commit_due_decisions(now + timedelta(seconds=5))
    assert attested(case) == {"opened": ["payslip"], "active_seconds": 40}
    assert not CaseDraft.objects.exists()


def test_a_decision_committed_at_once_attests_what_was_sent(now: datetime) -> None:
    case = make_seen_case(now)
    type_more(case, "ada", now)
    decision = decide_case(
        case_id=case.pk, answer=approve(**SENT), acting=person("ada"), now=now, commit_now=True
    )
    assert attested(case) == {"opened": ["payslip"], "active_seconds": 40}
    assert decision.fact.active_seconds == 40
    assert not CaseDraft.objects.exists()


def test_undo_brings_back_what_was_sent_and_typing_goes_on(now: datetime) -> None:
    case = make_seen_case(now)
    answer = approve(comment="sent", **SENT)
    decide_case(case_id=case.pk, answer=answer, acting=person("ada"), now=now)
    undo_decision(case_id=case.pk, acting=person("ada"), now=now)
    draft = CaseDraft.objects.get()
    assert (draft.content["comment"], draft.opened, draft.active_seconds) == (
        "sent", ["payslip"], 40,
    )  # fmt: skip
    type_more(case, "ada", now)
    assert CaseDraft.objects.get().content == {"comment": "later"}


@pytest.mark.parametrize(
    ("state", "refusal"),
    [
        ("claimed", CaseHeldByOther),
        ("committing", CaseAlreadyDecided),
        ("decided", CaseAlreadyDecided),
        ("expired", CaseClosed),
        ("cancelled", CaseClosed),
    ],
)
def test_nobody_types_on_what_another_holds_or_has_decided(
    now: datetime, state: str, refusal: type[ReviewError]
) -> None:
    case = make_seen_case(now)
    claim_case(case_id=case.pk, acting=person("ben"), now=now)
    Case.objects.filter(pk=case.pk).update(state=state, closed_at=now)
    with pytest.raises(refusal):
        type_more(case, "ada", now)
    assert not CaseDraft.objects.exists()


def test_typing_needs_no_claim_and_outlives_one_that_ran_out(now: datetime) -> None:
    case = make_seen_case(now)
    type_more(case, "ada", now, "free")
    claim_case(case_id=case.pk, acting=person("ada"), now=now)
    type_more(case, "ada", now + timedelta(hours=1), "ran out")
    assert CaseDraft.objects.get().content == {"comment": "ran out"}


def test_a_refused_decision_is_kept_but_not_in_place_of_one_s_own_decision(now: datetime) -> None:
    case = make_seen_case(now)
    decide_case(case_id=case.pk, answer=approve(comment="sent"), acting=person("ada"), now=now)
    fresh = Case.objects.get(pk=case.pk)
    typed: dict[str, Any] = {"content": {"comment": "mine"}, "opened": [], "active_seconds": 1}
    assert not keep_refused_answer(case=fresh, acting=person("ada"), now=now, **typed)
    assert keep_refused_answer(case=fresh, acting=person("ben"), now=now, **typed)
    kept = CaseDraft.objects.order_by("user__username").values_list("content__comment", flat=True)
    assert list(kept) == ["sent", "mine"]


def test_an_upgrade_takes_evidence_from_the_draft_or_from_the_receipt(now: datetime) -> None:
    pending, committed, withdrawn = (make_seen_case(now) for _ in range(3))
    for case in (pending, committed, withdrawn):
        decide_case(
            case_id=case.pk, answer=approve(**SENT), acting=person("ada"), now=now,
            commit_now=case == committed,
        )  # fmt: skip
    undo_decision(case_id=withdrawn.pk, acting=person("ada"), now=now)
    # As it was before the columns were there.
    Decision.objects.update(opened=[], active_seconds=0)

    import_module("reviews.migrations.0011_decision_evidence").fill_evidence(apps, None)

    found = Decision.objects.order_by("pk").values_list("opened", "active_seconds")
    assert list(found) == [(["payslip"], 40), (["payslip"], 40), ([], 0)]
    commit_due_decisions(now + timedelta(seconds=5))
    assert attested(pending) == {"opened": ["payslip"], "active_seconds": 40}
