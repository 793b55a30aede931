"""What a decision rests on: known where the server gave it, stated elsewhere, never beyond that."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from flows.models import Artifact
from flows.runtime.held import give_artifacts
from flows.runtime.labels import Label
from reviews.errors import DecisionInvalid
from reviews.models import Case, CaseDraft, Decision
from reviews.models.conversation import Serving
from reviews.models.quality import FirstChoice
from reviews.rules.evidence import GRACE_SECONDS
from reviews.services.decisions import decide_case, undo_decision
from tests.factories.cases import approve, give, make_case, reject
from tests.factories.people import make_person, person, signed_in
from tests.factories.queues import make_office
from workbench.accounts.models import Role
from workbench.audit.models import Entry

pytestmark = pytest.mark.django_db
DIGEST = hashlib.sha256(b"Net 3,000").hexdigest()
PAYSLIP = {
    "id": "payslip", "title": "Payslip", "artifact": {"artifact": DIGEST},
    "media_type": "text/plain",
}  # fmt: skip
GROUP = [{"title": "Notes", "id": "notes", "fields": [{"key": "note", "label": "N", "value": 1}]}]


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER, aud=Role.AUDITOR)


def make_case_with_file(**config: Any) -> Case:
    usual: dict[str, Any] = {
        "documents": [PAYSLIP], "show": GROUP, "required_evidence": ["payslip"],
    }  # fmt: skip
    case = make_case(timezone.now(), **(usual | config))
    path = default_storage.save("test/payslip", ContentFile(b"Net 3,000"))
    Artifact.objects.create(digest=DIGEST, size=9, path=path, created_at=timezone.now())
    give_artifacts(case.run_id, {DIGEST: Label("payslip.txt", "text/plain")})
    return case


def post(client: Client, case: Case, part: str, **body: Any) -> Any:
    return client.post(f"/api/v1/cases/{case.pk}/{part}", body, content_type="application/json")


def decide_by_api(client: Client, case: Case, **body: Any) -> Any:
    case.refresh_from_db()
    usual = {"outcome": "approved", "revision": case.revision, "commit_now": True}
    return post(client, case, "decisions", **(usual | body))


def places(answer: Any) -> set[str]:
    assert answer.status_code == 422, answer.content
    return {each["at"] for each in answer.json()["errors"]}


def evidence_of(case: Case) -> dict[str, Any]:
    found: dict[str, Any] = Decision.objects.get(case=case).receipt["evidence"]
    return found


# --- Seconds ----------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [86_400, 3600, GRACE_SECONDS + 30])
def test_a_day_of_work_cannot_be_claimed_on_a_case_that_was_just_given(seconds: int) -> None:
    case, ada = make_case(timezone.now()), signed_in("ada")
    assert post(ada, case, "looks").status_code == 200
    answer = decide_by_api(ada, case, active_seconds=seconds)
    assert places(answer) == {"active_seconds"}
    assert "at most" in answer.json()["errors"][0]["message"]
    assert not Decision.objects.exists()


def test_the_page_is_refused_like_the_api_and_offers_what_can_be() -> None:
    case, ada = make_case(timezone.now()), signed_in("ada")
    ada.post(f"/review/cases/{case.pk}/look/", {"revision": case.revision})
    form = {"outcome": "approved", "active_seconds": "3600", "revision": str(case.revision)}
    answer = ada.post(f"/review/cases/{case.pk}/decide/", form)
    assert answer.status_code == 422
    assert "active seconds" in answer.content.decode()
    assert not Decision.objects.exists()
    assert CaseDraft.objects.get().active_seconds <= 1


def test_seconds_on_a_case_that_nobody_was_given_do_not_count() -> None:
    case = make_case(timezone.now())
    answer = decide_by_api(signed_in("ada"), case, active_seconds=60)
    assert places(answer) == {"active_seconds"}


def test_a_look_by_somebody_else_counts_for_nobody(now: datetime) -> None:
    case = give(make_case(now), "ben", now - timedelta(hours=1))
    with pytest.raises(DecisionInvalid):
        decide_case(
            case_id=case.pk, answer=reject(active_seconds=60), acting=person("ada"), now=now
        )


def test_the_receipt_tells_what_is_known_from_what_is_stated(now: datetime) -> None:
    seen = now - timedelta(seconds=50)
    case = give(make_case(now, show=GROUP), "ada", seen)
    answer = approve(active_seconds=55, opened=("notes",))
    decide_case(case_id=case.pk, answer=answer, acting=person("ada"), now=now, commit_now=True)
    found = evidence_of(case)
    assert found["known"] == {
        "first_seen_at": seen.isoformat(), "seconds_at_most": 50, "served": {},
    }  # fmt: skip
    assert found["stated"] == {"opened": ["notes"], "active_seconds": 55}
    assert (found["opened"], found["active_seconds"]) == (["notes"], 50)


def test_a_first_choice_is_measured_too() -> None:
    case = make_case(timezone.now())
    Case.objects.update(independent=True)
    answer = post(
        signed_in("ada"), case, "first-choice",
        outcome="approved", revision=case.revision, active_seconds=600,
    )  # fmt: skip
    assert places(answer) == {"active_seconds"}
    assert not FirstChoice.objects.exists()


def test_what_was_known_stands_through_undo_and_another_look(now: datetime) -> None:
    seen = now - timedelta(minutes=5)
    case, ada = give(make_case(now), "ada", seen), person("ada")
    for _ in range(2):
        decide_case(case_id=case.pk, answer=approve(active_seconds=200), acting=ada, now=now)
        give(case, "ada", now)
        undo_decision(case_id=case.pk, acting=ada, now=now)
    assert Serving.objects.get(evidence="").at == seen


# --- Evidence ---------------------------------------------------------------------


def test_a_file_that_was_never_fetched_is_not_opened_by_saying_so() -> None:
    case, ada = make_case_with_file(), signed_in("ada")
    post(ada, case, "looks")
    answer = decide_by_api(ada, case, opened=["payslip"])
    assert places(answer) == {"evidence"}
    assert not Decision.objects.exists()


@pytest.mark.parametrize(
    "address", ["/api/v1/cases/{}/documents/payslip", "/review/cases/{}/documents/payslip/"]
)
def test_a_file_that_was_fetched_and_is_said_to_be_opened_is(address: str) -> None:
    case, ada = make_case_with_file(), signed_in("ada")
    response = ada.get(address.format(case.pk))
    assert b"".join(response) == b"Net 3,000"
    assert places(decide_by_api(ada, case)) == {"evidence"}
    assert decide_by_api(ada, case, opened=["payslip"]).status_code == 201
    found = evidence_of(case)
    assert list(found["known"]["served"]) == ["payslip"]
    assert found["opened"] == ["payslip"]


def test_what_a_colleague_fetched_is_not_evidence_for_another() -> None:
    case = make_case_with_file()
    b"".join(signed_in("ben").get(f"/api/v1/cases/{case.pk}/documents/payslip"))
    ada = signed_in("ada")
    post(ada, case, "looks")
    assert places(decide_by_api(ada, case, opened=["payslip"])) == {"evidence"}


def test_a_part_shown_with_the_case_counts_only_for_who_was_given_the_case() -> None:
    case = make_case_with_file(required_evidence=["notes"])
    ada = signed_in("ada")
    assert places(decide_by_api(ada, case, opened=["notes"])) == {"evidence"}
    post(ada, case, "looks")
    assert decide_by_api(ada, case, opened=["notes"]).status_code == 201


@pytest.mark.parametrize("way", ["claim", "next", "looks"])
def test_each_answer_that_gives_the_case_is_noted_once(way: str) -> None:
    case, ada = make_case(timezone.now()), signed_in("ada")
    path = "queues/underwriting/next" if way == "next" else f"cases/{case.pk}/{way}"
    for _ in range(2):
        ada.post(f"/api/v1/{path}", {}, content_type="application/json")
    assert Serving.objects.filter(case=case, evidence="").count() == 1


def test_who_may_not_see_the_case_is_given_no_file_of_it() -> None:
    case = make_case_with_file()
    Case.objects.filter(pk=case.pk).update(flow="other")
    stranger = signed_in(make_person("eve", Role.REVIEWER, flow="loan"))
    assert stranger.get(f"/api/v1/cases/{case.pk}/documents/payslip").status_code == 404
    assert post(stranger, case, "looks").status_code == 404
    assert not Serving.objects.exists()


def test_the_receipt_page_shows_what_is_known_apart_from_what_is_stated(now: datetime) -> None:
    case = give(make_case(now), "ada", now - timedelta(minutes=2))
    decide_case(
        case_id=case.pk, answer=approve(active_seconds=30), acting=person("ada"), now=now,
        commit_now=True,
    )  # fmt: skip
    shown = signed_in("aud").get(f"/review/cases/{case.pk}/receipt/").content.decode()
    assert "Known: first seen" in shown
    assert "as stated by the page" in shown


# --- The ledger's page ------------------------------------------------------------


def entry_page(action: str) -> str:
    entry = Entry.objects.get(action=action)
    return str(signed_in("aud").get(f"/audit/entries/{entry.pk}/").content.decode())


def test_the_page_of_a_decision_s_entry_tells_what_is_known_from_what_was_stated() -> None:
    case, ada = make_case_with_file(required_evidence=[]), signed_in("ada")
    post(ada, case, "looks")
    assert ada.get(f"/review/cases/{case.pk}/documents/payslip/").getvalue() == b"Net 3,000"
    stated = {"opened": ["payslip", "notes"], "active_seconds": 1}
    assert decide_by_api(ada, case, **stated).status_code == 201
    told = " ".join(entry_page("case.decided").split())
    for label in ("first seen", "fetched", "at most"):
        assert f"<dt>Known: {label}</dt>" in told
    assert "payslip, notes <span" in told
    assert told.count("as stated by the program") == 2


def test_a_receipt_that_is_not_the_one_of_the_entry_is_not_shown_for_it() -> None:
    case, ada = make_case(timezone.now()), signed_in("ada")
    assert decide_by_api(ada, case).status_code == 201
    decision = Decision.objects.get()
    decision.receipt["evidence"]["stated"]["active_seconds"] = 86_400
    decision.save(update_fields=["receipt"])
    told = entry_page("case.decided")
    assert "It is another than the one that this entry names." in told
    assert "86,400" not in told
