"""Quality by API, as the pages have it."""

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from flows.models import Flow
from reviews.models.quality import KnownAnswer, QualityCheck, QueuePolicy
from reviews.services.decisions import decide_case
from tests.factories.cases import approve, make_decided_case, make_review_version, reject
from tests.factories.people import person
from tests.factories.queues import make_office
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
Answer = tuple[int, Any]


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER, lea=Role.LEAD, dee=Role.DESIGNER)


def ask(who: str, method: str, path: str, body: Any = None, etag: str = "*") -> Answer:
    client = Client(headers={"X-Requested-With": "test"})
    client.force_login(person(who).user)
    response = client.generic(
        method,
        f"/api/v1/{path}",
        b"" if body is None else json.dumps(body).encode(),
        content_type="application/json",
        headers={"If-Match": etag} if method in {"PUT", "DELETE"} else {},
    )
    return response.status_code, response.json() if response.content else None


def test_the_figures_are_those_of_the_page_and_people_s_only_for_who_may_see_them() -> None:
    make_decided_case("ada", approve())
    make_decided_case("ben", reject())
    status, found = ask("lea", "GET", "quality/figures?flow=loan")
    assert status == 200
    assert found["decisions"] == 2
    assert (found["overrides"]["hits"], found["overrides"]["rate"]) == (1, 0.5)
    assert [row["key"] for row in found["reviewers"]] == ["ada", "ben"]
    assert found["calibration"][0]["count"] == 2
    _, found = ask("dee", "GET", "quality/figures?reviewer=ada")
    assert (found["decisions"], found["reviewers"]) == (2, [])
    assert ask("ada", "GET", "quality/figures")[0] == 403


def test_a_queue_s_shares_are_set_and_a_disagreement_is_closed() -> None:
    shares = {"second_percent": 100, "known_percent": 0, "independent_percent": 0}
    status, saved = ask("lea", "PUT", "quality/queues/underwriting", shares)
    assert (status, saved) == (200, {**shares, "revision": saved["revision"]})
    assert ask("lea", "PUT", "quality/queues/none", shares)[0] == 404
    assert (
        ask("lea", "PUT", "quality/queues/underwriting", {**shares, "known_percent": 101})[0] == 422
    )
    assert ask("ada", "PUT", "quality/queues/underwriting", shares)[0] == 403
    assert QueuePolicy.objects.get().second_percent == 100
    make_decided_case("ada", approve())
    check = QualityCheck.objects.get()
    close = f"quality/checks/{check.pk}/close"
    assert ask("lea", "POST", close, {"note": "too early"})[0] == 409
    decide_case(
        case_id=check.case_id, answer=reject(), acting=person("ben"), now=timezone.now(),
        commit_now=True,
    )  # fmt: skip
    _, found = ask("lea", "GET", "quality/checks")
    assert [each["id"] for each in found["items"]] == [check.pk]
    assert found["items"][0]["expected_by"] == "ada"
    assert ask("lea", "POST", close, {"note": "ben is right"})[0] == 204
    assert ask("lea", "GET", "quality/checks")[1]["items"] == []


def test_a_flow_is_sampled_by_api() -> None:
    version = make_review_version()
    Flow.objects.filter(pk=version.flow_id).update(released=version)
    wanted = {"flow": "loan", "step": "review", "percent": 5}
    status, made = ask("lea", "POST", "quality/sampling", wanted)
    assert (status, made["percent"]) == (201, 5)
    changed = {**wanted, "percent": 0.5, "enabled": False}
    assert ask("lea", "PUT", f"quality/sampling/{made['id']}", changed)[1]["percent"] == 0.5
    assert ask("lea", "GET", "quality/sampling")[1]["items"][0]["enabled"] is False
    assert ask("lea", "POST", "quality/sampling", {**wanted, "step": "settle"})[0] == 422
    assert ask("lea", "POST", "quality/sampling", {**wanted, "flow": "none"})[0] == 422


def test_known_answers_come_and_go_by_api() -> None:
    case = make_decided_case("ada", approve())
    body = {"case": case.pk, "outcome": "approved"}
    assert ask("lea", "POST", "quality/known-answers", body)[0] == 201
    assert ask("lea", "POST", "quality/known-answers", body)[0] == 409
    assert ask("lea", "POST", "quality/known-answers", {**body, "case": 999_999})[0] == 404
    answer = KnownAnswer.objects.get()
    assert ask("lea", "DELETE", f"quality/known-answers/{answer.pk}")[0] == 204
    assert ask("ada", "DELETE", f"quality/known-answers/{answer.pk}")[0] == 403


def test_a_dataset_is_made_proved_and_taken_by_api() -> None:
    make_decided_case("ada", approve())
    status, made = ask("lea", "POST", "datasets", {"name": "loans", "flow": "loan"})
    assert (status, made["count"], made["number"]) == (201, 1, 1)
    proof = ask("lea", "POST", f"datasets/{made['id']}/verify")[1]
    assert proof == {"digest": made["digest"], "same": True}
    assert ask("lea", "GET", "datasets")[1]["items"] == [made]
    assert ask("lea", "POST", "datasets", {"name": "loans", "since": "soon"})[0] == 422
    assert ask("lea", "POST", "datasets", {"name": "loans", "flow": "none"})[0] == 422
    assert ask("lea", "GET", f"datasets/{made['id']}/files/xlsx")[0] == 422
    assert ask("dee", "GET", "datasets")[0] == 403
    client = Client()
    client.force_login(person("lea").user)
    response = client.get(f"/api/v1/datasets/{made['id']}/files/jsonl")
    assert json.loads(response.getvalue())["outcome"] == "approved"
