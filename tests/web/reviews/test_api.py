from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from reviews.models import Case, Decision
from reviews.services.committing import commit_due_decisions
from reviews.services.receipts import compute_digest
from tests.factories.cases import make_case, step_of
from tests.factories.people import make_person, person
from tests.factories.queues import make_office, make_queue
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role
from workbench.audit.models import Entry
from workbench.people.services import create_token

pytestmark = pytest.mark.django_db
APPROVE_NOW = {"outcome": "approved", "commit_now": True, "revision": 1}


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER, aud=Role.AUDITOR)


class Caller:
    """Calls the API with a session, as the pages' own scripts do."""

    def __init__(self, username: str) -> None:
        self.client = Client()
        self.client.force_login(person(username).user)

    def get(self, path: str) -> Any:
        return self.client.get(f"/api/v1{path}")

    def post(self, path: str, body: Any = None) -> Any:
        return self.client.post(f"/api/v1{path}", body or {}, content_type="application/json")


def test_every_waiting_case_can_be_decided_by_the_list() -> None:
    made = [make_case(timezone.now()) for _ in range(7)]
    ada = Caller("ada")
    cursor = ""
    seen: list[int] = []
    while True:
        page = ada.get(f"/cases?queue=underwriting&limit=3&cursor={cursor}").json()
        seen += [item["id"] for item in page["items"]]
        if not page["next"]:
            break
        cursor = page["next"]
    assert sorted(seen) == [case.pk for case in made]
    for pk in seen:
        answer = ada.post(f"/cases/{pk}/decisions", APPROVE_NOW)
        assert (answer.status_code, answer.json()["state"]) == (201, "committed")
    assert {step_of(case) for case in made} == {"settle"}


def test_a_decision_on_a_decided_case_is_409_and_changes_nothing() -> None:
    case = make_case(timezone.now())
    Caller("ada").post(f"/cases/{case.pk}/decisions", APPROVE_NOW)
    late = {"outcome": "rejected", "revision": 1}
    answer = Caller("ben").post(f"/cases/{case.pk}/decisions", late)
    assert answer.status_code == 409
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["type"].endswith("case-already-decided")
    assert answer.json()["remedy"]
    assert Decision.objects.count() == 1


@pytest.mark.parametrize("part", ["decisions", "first-choice"])
def test_a_decision_that_does_not_say_what_it_saw_is_refused_and_changes_nothing(
    part: str,
) -> None:
    case = make_case(timezone.now())
    answer = Caller("ada").post(f"/cases/{case.pk}/{part}", {"outcome": "approved"})
    assert answer.status_code == 428
    assert answer.json()["type"].endswith("revision-required")
    assert answer.json()["errors"][0]["at"] == "body/revision"
    assert f"/api/v1/cases/{case.pk}" in answer.json()["remedy"]
    case.refresh_from_db()
    assert (case.state, Decision.objects.count()) == ("open", 0)


def test_a_decision_on_what_has_changed_is_409() -> None:
    case = make_case(timezone.now())
    Case.objects.filter(pk=case.pk).update(revision=7)
    answer = Caller("ada").post(f"/cases/{case.pk}/decisions", APPROVE_NOW)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "case-stale")
    assert not Decision.objects.exists()


def test_cases_decided_together_say_what_was_seen_of_each() -> None:
    cases = [
        make_case(timezone.now(), suggestion="approved", confidence=0.95, value=100)
        for _ in range(2)
    ]
    body = {"outcome": "approved", "looked_at": [case.pk for case in cases]}
    ada = Caller("ada")
    for seen in ({}, {str(case.pk): None for case in cases}):
        answer = ada.post("/queues/underwriting/decisions", {**body, "cases": seen})
        assert answer.status_code == 422
    assert not Decision.objects.exists()
    Case.objects.filter(pk=cases[0].pk).update(revision=7)
    seen = {str(case.pk): case.revision for case in cases}
    answer = ada.post("/queues/underwriting/decisions", {**body, "cases": seen}).json()
    assert (answer["decided"], list(answer["left"])) == ([cases[1].pk], [str(cases[0].pk)])


@pytest.mark.parametrize("commit_now", [True, False])
def test_the_entries_of_a_decision_by_token_name_the_program_and_its_person(
    commit_now: bool,
) -> None:
    case, ada = make_case(timezone.now()), person("ada").user
    token, secret = create_token(
        user=ada, name="ci", scopes=["cases.decide", "cases.view"], actor=Actor.user(ada),
        now=timezone.now(),
    )  # fmt: skip
    changed = {"income": {"value": 2800, "reason": "read anew"}}
    Client(headers={"Authorization": f"Bearer {secret}"}).post(
        f"/api/v1/cases/{case.pk}/decisions",
        {**APPROVE_NOW, "commit_now": commit_now, "fields": changed},
        content_type="application/json",
    )
    commit_due_decisions(timezone.now() + timedelta(hours=1))
    for action in ("case.decided", "case.field_overridden"):
        entry = Entry.objects.get(action=action)
        assert (entry.actor_kind, entry.actor_id) == ("token", str(token.pk))
        assert entry.on_behalf_of == f"user:{ada.pk}"


def test_an_incomplete_decision_lists_what_it_lacks() -> None:
    case = make_case(
        timezone.now(), reason_codes={"rejected": [{"code": "income", "label": "Income"}]}
    )
    answer = Caller("ada").post(
        f"/cases/{case.pk}/decisions",
        {"outcome": "rejected", "fields": {"income": {"value": -1}}, "revision": 1},
    )
    assert answer.status_code == 422
    assert {each["at"] for each in answer.json()["errors"]} == {
        "reasons", "fields.income", "fields.income.reason",
    }  # fmt: skip


def test_a_value_is_changed_only_with_a_reason_and_a_refusal_names_its_evidence() -> None:
    code = {"code": "income", "label": "Income", "rests_on": ["income", "name"]}
    case = make_case(timezone.now(), reason_codes={"rejected": [code]})
    body: dict[str, Any] = {
        "outcome": "rejected",
        "reasons": ["income"],
        "revision": 1,
        "fields": {"income": {"value": 900, "reason": " "}},
    }
    wrong = Caller("ada").post(f"/cases/{case.pk}/decisions", body)
    assert {each["at"] for each in wrong.json()["errors"]} == {
        "grounds.income", "fields.income.reason",
    }  # fmt: skip
    body |= {
        "grounds": {"income": "income"},
        "fields": {"income": {"value": 900, "reason": "The payslip says so"}},
    }
    right = Caller("ada").post(f"/cases/{case.pk}/decisions", body)
    assert right.status_code == 201
    assert right.json()["overrides"] == [
        {"field": "income", "old": 3000, "new": 900, "reason": "The payslip says so"}
    ]


def test_next_is_204_when_nothing_waits() -> None:
    case = make_case(timezone.now())
    ada = Caller("ada")
    assert ada.post("/queues/underwriting/next").json()["id"] == case.pk
    assert ada.post("/queues/underwriting/next").status_code == 204


def test_a_claim_is_told_to_others() -> None:
    case = make_case(timezone.now())
    Caller("ada").post(f"/cases/{case.pk}/claim")
    answer = Caller("ben").post(f"/cases/{case.pk}/claim")
    assert (answer.status_code, answer.json()["detail"].split(" ")[0]) == (409, "ada")


def test_who_may_only_look_may_not_decide() -> None:
    case = make_case(timezone.now())
    auditor = Caller("aud")
    assert auditor.get(f"/cases/{case.pk}").status_code == 200
    answer = auditor.post(f"/cases/{case.pk}/decisions", {"outcome": "approved"})
    assert answer.status_code == 403
    assert step_of(case) == "review"


def test_the_receipt_has_the_digest_that_the_decision_names() -> None:
    case = make_case(timezone.now())
    ada = Caller("ada")
    assert ada.get(f"/cases/{case.pk}/receipt").status_code == 404
    made = ada.post(f"/cases/{case.pk}/decisions", APPROVE_NOW)
    receipt = ada.get(f"/cases/{case.pk}/receipt").json()
    assert compute_digest(receipt) == made.json()["digest"]


@pytest.mark.parametrize("cursor", ["x", "Im5hbn5_MSI", "IjF-LTUi", "W10"])
def test_a_wrong_cursor_is_refused(cursor: str) -> None:
    assert Caller("ada").get(f"/cases?cursor={cursor}").status_code == 422


def test_an_unknown_field_of_a_decision_is_refused() -> None:
    case = make_case(timezone.now())
    answer = Caller("ada").post(
        f"/cases/{case.pk}/decisions",
        {"outcome": "approved", "revision": 1, "decided_by": "someone"},
    )
    assert answer.status_code == 422
    assert not Decision.objects.exists()


def test_a_late_claim_or_decision_is_refused_in_four_queries() -> None:
    case, late = make_case(timezone.now()), Caller("ben")
    path = f"/cases/{case.pk}"
    assert Caller("ada").post(f"{path}/claim").status_code == 200
    for act, body in (("claim", {}), ("decisions", {"outcome": "approved", "commit_now": True})):
        with CaptureQueriesContext(connection) as asked:
            answer = late.post(f"{path}/{act}", body)
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (
            409,
            "case-held-by-other",
        )
        # The session, the person, their grants, the case.
        assert len(asked) == 4, [query["sql"] for query in asked]


# --- Files -----------------------------------------------------------------------


PDF = b"%PDF-1.4 payslip"


def attach(caller: Caller, case: Case, content: bytes, query: str, **headers: Any) -> Any:
    return caller.client.post(
        f"/api/v1/cases/{case.pk}/attachments?{query}", content, "application/octet-stream",
        headers=headers,
    )  # fmt: skip


def test_a_file_is_added_listed_and_fetched() -> None:
    case, ada = make_case(timezone.now()), Caller("ada")
    added = attach(ada, case, PDF, "name=payslip.pdf&text=As+asked+@ben")
    assert added.status_code == 201
    assert added.json() | {"name": "payslip.pdf", "media_type": "application/pdf", "size": 16} == (
        added.json()
    )
    assert case.comments.get().mentions == ["ben"]
    listed = ada.get(f"/cases/{case.pk}/attachments").json()["items"]
    assert listed == [added.json()]
    fetched: Any = ada.client.get(listed[0]["url"])
    assert b"".join(fetched.streaming_content) == PDF
    assert "sandbox" in fetched["Content-Security-Policy"]


def test_a_file_sent_again_with_its_key_is_added_once() -> None:
    case, ada = make_case(timezone.now()), Caller("ada")
    answers = [attach(ada, case, PDF, "name=a.pdf", idempotency_key="k1") for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert case.attachments.count() == 1


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"MZ\x90\x00\xff", "application/octet-stream", 422),
        (b"", "application/octet-stream", 422),
        (b"<html>", "text/html", 415),
    ],
)
def test_a_file_that_is_nothing_to_add_is_refused(content: bytes, kind: str, status: int) -> None:
    case, ada = make_case(timezone.now()), Caller("ada")
    path = f"/api/v1/cases/{case.pk}/attachments?name=x"
    assert ada.client.post(path, content, content_type=kind).status_code == status
    assert not case.attachments.exists()


def test_the_files_of_a_case_are_not_there_for_who_may_not_see_it() -> None:
    case, ada = make_case(timezone.now()), Caller("ada")
    url = attach(ada, case, PDF, "name=a.pdf").json()["url"]
    make_queue("claims")
    make_person("cem", Role.REVIEWER, queue="claims")
    assert Caller("cem").client.get(url).status_code == 404
    assert Caller("cem").get(f"/cases/{case.pk}/attachments").status_code == 404
    other = make_case(timezone.now())
    assert ada.get(f"/cases/{other.pk}/attachments/{case.attachments.get().pk}").status_code == 404
