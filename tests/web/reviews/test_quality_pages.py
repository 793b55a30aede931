"""Insights: the figures, the checks, the policies and the datasets, by page."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from reviews.models import Queue
from reviews.models.quality import DatasetVersion, KnownAnswer, QualityCheck, QueuePolicy
from reviews.services.decisions import decide_case
from tests.factories.cases import approve, decide, give, make_case, make_decided_case, reject
from tests.factories.people import make_person, person, signed_in
from tests.factories.queues import make_office, make_queue
from tests.web.pages import page, revision_on
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
Count = Any


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER, lea=Role.LEAD, dee=Role.DESIGNER)
    make_queue("claims")
    make_person("lou", Role.LEAD, queue="claims")
    QueuePolicy.objects.create(
        queue=Queue.objects.get(name="underwriting"), second_percent=100, changed_at=timezone.now()
    )


def disagreement() -> QualityCheck:
    now = timezone.now()
    case = make_case(now, suggestion="approved", confidence=0.8)
    give(case, "ada", now - timedelta(minutes=1))
    decide(case, "ada", approve(active_seconds=40), now)
    check = QualityCheck.objects.get()
    decide_case(
        case_id=check.case_id, answer=reject(), acting=person("ben"), now=timezone.now(),
        commit_now=True,
    )  # fmt: skip
    return check


def test_the_page_takes_as_many_queries_for_many_decisions_as_for_one(
    django_assert_max_num_queries: Count,
) -> None:
    lea = signed_in("lea")
    make_decided_case("ada", approve())
    with django_assert_max_num_queries(22):
        page(lea, "/insights/quality/")
    for _ in range(6):
        make_decided_case("ben", reject())
    with django_assert_max_num_queries(22):
        text = page(lea, "/insights/quality/")
    assert "86 %" in text  # six of seven overridden


def test_an_empty_page_says_what_will_be_there() -> None:
    assert "Nothing has been decided yet" in page(signed_in("lea"), "/insights/quality/")
    make_decided_case("ada", approve())
    text = page(signed_in("lea"), "/insights/quality/?flow=other")
    assert "No decisions match this filter" in text


def test_figures_about_people_are_for_leads_auditors_and_admins() -> None:
    make_decided_case("ada", approve())
    assert "By reviewer" in page(signed_in("lea"), "/insights/quality/")
    text = page(signed_in("dee"), "/insights/quality/?reviewer=ada")
    assert "By reviewer" not in text
    assert ">ada<" not in text
    page(signed_in("dee"), "/insights/checks/", 403)
    page(signed_in("ada"), "/insights/quality/", 403)


def test_a_lead_of_one_queue_sees_the_figures_of_that_queue() -> None:
    make_decided_case("ada", approve())
    assert "Nothing has been decided yet" in page(signed_in("lou"), "/insights/quality/")
    disagreement_case = QualityCheck.objects.get()
    assert str(disagreement_case.case.title) not in page(
        signed_in("lou"), "/insights/checks/?show=waiting"
    )


def test_dates_narrow_the_figures() -> None:
    make_decided_case("ada", approve())
    today = timezone.now().date()
    url = "/insights/quality/?since={}&until={}"
    assert "Summary" in page(signed_in("lea"), url.format(today, today))
    before = today - timedelta(days=1)
    assert "No decision" in page(signed_in("lea"), url.format(before, before))
    assert "Summary" in page(signed_in("lea"), "/insights/quality/?since=nonsense")


def test_a_disagreement_is_shown_to_the_lead_and_closed_with_a_note() -> None:
    check = disagreement()
    lea = signed_in("lea")
    assert "1 disagreement" in page(lea, "/insights/quality/")
    text = page(lea, "/insights/checks/")
    assert "Rejected" in text
    assert "Blind second review" in text
    lea.post(f"/insights/checks/{check.pk}/close/", {"note": "ben is right"})
    assert "No open disagreement" in page(lea, "/insights/checks/")
    assert "ben is right" in page(lea, "/insights/checks/?show=closed")
    # The first to close it counts.
    lea.post(f"/insights/checks/{check.pk}/close/", {"note": "again"})
    check.refresh_from_db()
    assert check.note == "ben is right"


def test_a_lead_sets_the_shares_of_their_queue_only() -> None:
    shares = {"second_percent": "5", "known_percent": "2.5", "independent_percent": "0"}
    lou = signed_in("lou")
    shares["revision"] = revision_on(lou, "/insights/policies/", "queue-claims")
    assert lou.post("/insights/policies/queues/claims/", shares).status_code == 302
    assert lou.post("/insights/policies/queues/underwriting/", shares).status_code == 403
    assert QueuePolicy.objects.get(queue__name="claims").known_percent == 2.5
    text = page(lou, "/insights/policies/")
    assert 'value="2.5"' in text
    assert "Underwriting" not in text
    wrong = lou.post("/insights/policies/queues/claims/", {**shares, "known_percent": "101"})
    assert wrong.status_code == 422
    assert "This was not saved" in wrong.content.decode()


def test_a_decided_case_becomes_a_known_answer_once_and_is_retired() -> None:
    case = make_decided_case("ada", approve())
    waiting = make_case(timezone.now())
    lea = signed_in("lea")
    url = "/insights/policies/answers/"
    refused = lea.post(url, {"case": waiting.pk, "outcome": "approved"})
    assert refused.status_code == 409
    assert lea.post(url, {"case": case.pk, "outcome": "approved"}).status_code == 302
    assert lea.post(url, {"case": case.pk, "outcome": "approved"}).status_code == 409
    assert lea.post(url, {"case": "x", "outcome": "approved"}).status_code == 422
    answer = KnownAnswer.objects.get()
    assert case.title in page(lea, "/insights/policies/")
    known = revision_on(lea, "/insights/policies/", f"answer-{answer.pk}")
    lea.post(f"{url}{answer.pk}/retire/", {"revision": known})
    assert "No case has a known answer yet" in page(lea, "/insights/policies/")


def test_a_dataset_is_made_taken_and_made_again_by_page() -> None:
    make_decided_case("ada", approve(fields={"income": 2500}, why={"income": "misread"}))
    lea = signed_in("lea")
    assert "No dataset yet" in page(lea, "/insights/datasets/")
    made = lea.post("/insights/datasets/new/", {"name": "loans", "leave_out": "name"})
    assert made.status_code == 302
    version = DatasetVersion.objects.get()
    assert version.digest[:12] in page(lea, "/insights/datasets/")
    for form in ("jsonl", "csv", "parquet"):
        response = lea.get(f"/insights/datasets/{version.pk}/{form}/")
        assert f'filename="loans-v1.{form}"' in response["Content-Disposition"]
        assert len(response.getvalue()) > 100
    again = lea.post(f"/insights/datasets/{version.pk}/verify/", follow=True)
    assert "the same digest" in again.content.decode()
    nothing = lea.post("/insights/datasets/new/", {"name": "loans", "flow": "other"})
    assert nothing.status_code == 422
    page(signed_in("ada"), f"/insights/datasets/{version.pk}/csv/", 403)
    page(signed_in("dee"), "/insights/datasets/", 403)
