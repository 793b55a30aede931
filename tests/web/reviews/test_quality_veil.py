"""Nothing of the model's answer reaches the browser of who is still to choose."""

import json

import pytest
from django.utils import timezone

from reviews.models import Case, Queue
from reviews.models.quality import FirstChoice, QueuePolicy
from reviews.services.decisions import decide_case
from tests.factories.cases import SHOWN, approve, make_case
from tests.factories.people import person, signed_in
from tests.factories.queues import make_office
from tests.web.pages import decide_on_page
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
ANSWER = ("0.4242", "42 %", "Model suggests", "Long employment", "Why the model says so", "0.9191",
          "read as 91 of 100")  # fmt: skip


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER, aud=Role.AUDITOR)
    queue = Queue.objects.get()
    QueuePolicy.objects.create(queue=queue, independent_percent=100, changed_at=timezone.now())


def independent_case() -> Case:
    score = {"key": "score", "label": "Score", "value": 0.9191, "answer": True}
    read = {"key": "score", "page": 1, "at": [0.1, 0.1, 0.2, 0.05], "text": "read as 91 of 100"}
    report = {"id": "report", "title": "Report", "text": "A report", "boxes": [read]}
    return make_case(
        timezone.now(),
        confidence=0.4242,
        suggestion="rejected",
        reasons=[{"label": "Long employment", "contribution": 0.5}],
        show=[
            *SHOWN,
            {"title": "Score", "fields": [score]},
            {"title": "Papers", "documents": [report]},
        ],
    )


def address(case: Case, part: str = "") -> str:
    return f"/review/cases/{case.pk}/{part}"


def test_the_answer_is_in_no_page_before_the_first_choice() -> None:
    case = independent_case()
    client = signed_in("ada")
    lists = ("/review/queues/underwriting/", "/review/queues/underwriting/table/")
    parts = [address(case, part) for part in ("", "standing/", "work/", "history/", "run/")]
    for url in (*lists, *parts, f"/api/v1/cases/{case.pk}", "/api/v1/cases"):
        text = client.get(url).content.decode()
        assert [each for each in ANSWER if each in text] == [], url
    assert "You choose first" in client.get(address(case)).content.decode()


def test_the_answer_comes_with_the_first_choice_and_can_be_revised() -> None:
    case = independent_case()
    client = signed_in("ada")
    sent = decide_on_page(
        client, case, {"outcome": "approved", "revision": "1", "comment": "looks fine"}
    )
    assert (sent.status_code, sent["Location"]) == (302, address(case))
    text = client.get(address(case)).content.decode()
    assert [each for each in ANSWER if each not in text] == []
    assert "Your first choice" in text
    assert "looks fine" in text
    case.refresh_from_db()
    assert case.state == "claimed"
    decide_on_page(client, case, {"outcome": "rejected", "commit_now": "on"})
    case.refresh_from_db()
    assert (case.outcome, FirstChoice.objects.get().outcome) == ("rejected", "approved")


def test_a_first_choice_that_does_not_say_what_its_page_showed_is_refused_and_kept() -> None:
    case = independent_case()
    sent = {"outcome": "approved", "comment": "mine"}
    answer = signed_in("ada").post(address(case, "decide/"), sent)
    assert answer.status_code == 409
    assert ">mine</textarea>" in answer.content.decode()
    assert not FirstChoice.objects.exists()


def test_another_s_first_choice_shows_nobody_else_the_answer() -> None:
    case = independent_case()
    decide_on_page(signed_in("ada"), case, {"outcome": "approved"})
    assert "Long employment" not in signed_in("ben").get(address(case)).content.decode()


def test_an_earlier_approver_s_receipt_is_kept_from_who_is_still_to_choose() -> None:
    case = independent_case()
    Case.objects.filter(pk=case.pk).update(rules={**case.rules, "quorum": 2})
    ada = signed_in("ada")
    decide_on_page(ada, case, {"outcome": "approved"})
    decide_case(
        case_id=case.pk, answer=approve(), acting=person("ada"), now=timezone.now(),
        commit_now=True,
    )  # fmt: skip
    ben = signed_in("ben")
    assert "Long employment" not in ben.get(address(case, "receipt/")).content.decode()
    assert ben.get(f"/api/v1/cases/{case.pk}/receipt").status_code == 404
    assert "Long employment" in ada.get(address(case, "receipt/")).content.decode()


def test_who_cannot_decide_may_see_the_answer() -> None:
    assert "Long employment" in signed_in("aud").get(address(independent_case())).content.decode()


def test_a_first_choice_by_api_brings_the_answer() -> None:
    case = independent_case()
    client = signed_in("ada")

    def post(part: str, body: dict[str, object]) -> tuple[int, dict[str, object]]:
        response = client.post(
            f"/api/v1/cases/{case.pk}/{part}", json.dumps(body), content_type="application/json",
            headers={"X-Requested-With": "test"},
        )  # fmt: skip
        return response.status_code, response.json()

    case.refresh_from_db()
    seen = {"outcome": "approved", "revision": case.revision}
    status, problem = post("decisions", seen)
    assert status == 409
    assert "first-choice" in str(problem)
    status, found = post("first-choice", seen)
    assert (status, found["confidence"]) == (200, 0.4242)
    assert post("decisions", seen | {"revision": found["revision"]})[0] == 201
