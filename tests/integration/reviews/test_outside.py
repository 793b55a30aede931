"""Another engine asks for a decision by API, and is called back with it."""

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from standardwebhooks import Webhook

from flows.models import Flow, Run
from reviews.models import Case
from reviews.services.decisions import decide_case
from tests.driving import driving, ended
from tests.factories.cases import SHOWN, approve
from tests.factories.people import make_person, person
from tests.factories.queues import make_office, make_queue
from tests.integration.steps.servers import Service
from tests.waiting import until
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role
from workbench.secrets.services import set_secret

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CASE = {"queue": "underwriting", "sla": "standard", "title": "Loan 7", "show": SHOWN}


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, airflow=Role.OPERATOR)
    actor = Actor.system("test")
    uses = ["checkpoint:underwriting"]
    set_secret(name="AIRFLOW_KEY", value=KEY, uses=uses, actor=actor, now=timezone.now())


def engine(username: str = "airflow") -> Client:
    client = Client()
    client.force_login(person(username).user)
    return client


def ask(client: Client, body: dict[str, Any], key: str = "") -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(
        "/api/v1/checkpoints", body, content_type="application/json", headers=headers
    )


def test_the_engine_is_called_back_with_the_decision_signed(service: Service) -> None:
    client = engine()
    callback = {"url": service.url("/json"), "secret": "AIRFLOW_KEY"}
    opened = ask(client, {"case": CASE, "reference": "dag-12", "callback": callback}, "dag-12")
    assert opened.status_code == 201, opened.content
    place = f"/api/v1/checkpoints/{opened.json()['id']}"
    with driving():
        case = until(lambda: Case.objects.filter(run_id=opened.json()["run"]).first(), "the case")
        assert client.get(place).json()["state"] == "waiting"
        answer = approve(fields={"income": 2800}, why={"income": "misread"}, comment="Fine")
        decide_case(
            case_id=case.pk, answer=answer, acting=person("ada"), now=timezone.now(),
            commit_now=True,
        )  # fmt: skip
        run = ended(Run.objects.get(pk=case.run_id))
    assert (run.status, run.outcome) == ("completed", "approved")
    [(_, _, headers, body)] = service.requests
    told = Webhook(KEY).verify(body, headers)
    assert told["type"] == "checkpoint.approved"
    assert told["data"]["reference"] == "dag-12"
    kept = client.get(place).json()
    assert (kept["state"], kept["case"]) == ("decided", case.pk)
    assert kept["decision"] == told["data"]["decision"]
    assert kept["decision"]["overrides"][0]["new"] == 2800
    assert KEY not in json.dumps(run.input)


def test_the_same_key_opens_one_checkpoint_and_another_body_is_refused() -> None:
    client = engine()
    first, again = (ask(client, {"case": CASE}, "k") for _ in range(2))
    assert first.json() == again.json()
    assert Run.objects.count() == 1
    other = ask(client, {"case": {**CASE, "title": "Another"}}, "k")
    assert (other.status_code, other.json()["type"].rpartition(":")[2]) == (
        422,
        "idempotency-key-reused",
    )


def test_an_idempotency_key_holds_after_its_answer_was_forgotten() -> None:
    from workbench.accounts.models import IdempotentRequest

    client = engine()
    first = ask(client, {"case": CASE}, "k")
    IdempotentRequest.objects.all().delete()
    again = ask(client, {"case": CASE}, "k")
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])


def test_everything_wrong_is_named_before_anything_is_opened(service: Service) -> None:
    callback = {"url": "http://10.0.0.1/x", "secret": "AIRFLOW_KEY"}
    case = {**CASE, "queue": "nowhere", "sla": "never", "allow": ["approved", "maybe"]}
    wrong = ask(engine(), {"case": case, "callback": callback})
    assert wrong.status_code == 422
    assert {each["at"] for each in wrong.json()["errors"]} == {
        "case.queue", "case.sla", "case.allow", "callback.url",
    }  # fmt: skip
    callback = {"url": service.url("/json"), "secret": "none"}
    unsigned = ask(engine(), {"case": CASE, "callback": callback})
    assert {each["at"] for each in unsigned.json()["errors"]} == {"callback.secret"}
    assert ask(engine(), {"case": {**CASE, "shows": []}}).status_code == 422
    assert not Flow.objects.exists()


def test_a_checkpoint_that_is_needed_no_more_takes_its_case_along() -> None:
    client = engine()
    opened = ask(client, {"case": CASE}).json()
    with driving():
        case = until(lambda: Case.objects.filter(run_id=opened["run"]).first(), "the case")
        gone = client.post(
            f"/api/v1/checkpoints/{opened['id']}/cancel", {}, content_type="application/json"
        )
    assert gone.json()["state"] == "cancelled"
    case.refresh_from_db()
    assert case.state == "cancelled"


def test_who_may_open_in_another_queue_neither_opens_nor_sees_in_this_one() -> None:
    opened = ask(engine(), {"case": CASE}).json()
    make_queue("claims")
    make_person("dagster", Role.OPERATOR, queue="claims")
    assert ask(engine("dagster"), {"case": CASE}).status_code == 403
    assert engine("dagster").get(f"/api/v1/checkpoints/{opened['id']}").status_code == 404
    assert ask(engine("ada"), {"case": CASE}).status_code == 403


def test_what_looks_like_an_expression_is_only_text() -> None:
    case = {**CASE, "title": "${ 1 / 0 }", "summary": "${ secrets.KEY }"}
    opened = ask(engine(), {"case": case}).json()
    with driving():
        found = until(lambda: Case.objects.filter(run_id=opened["run"]).first(), "the case")
    assert (found.title, found.summary) == ("${ 1 / 0 }", "${ secrets.KEY }")


def test_a_schema_or_an_artifact_that_no_case_could_use_is_refused_with_its_place() -> None:
    form: dict[str, Any] = {"properties": {"rate": {"type": "nummer"}}}
    wrong = ask(engine(), {"case": {**CASE, "form": form}})
    assert wrong.status_code == 422
    assert "properties.rate.type" in wrong.content.decode()
    form = {"properties": {"rate": {"type": "string", "nullable": True}}}
    documents = [{"id": "slip", "title": "Slip", "artifact": "a" * 64}]
    wrong = ask(engine(), {"case": {**CASE, "form": form, "documents": documents}})
    assert {each["at"] for each in wrong.json()["errors"]} == {
        "case.form.properties.rate.nullable", "case.documents.0.artifact",
    }  # fmt: skip
    assert not Flow.objects.exists()
