"""People mark where fields stand: kept with the decision, in its receipt and in datasets."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from reviews.errors import DecisionInvalid
from reviews.models import Case, Decision
from reviews.models.quality import DecisionFact
from reviews.quality.services.datasets import create_dataset, open_dataset, reproduce_digest
from reviews.services.ledger_check import check_decisions
from reviews.services.receipts import compute_digest
from tests.factories.cases import approve, decide, give, make_case
from tests.factories.people import person
from tests.factories.queues import make_office
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
LINE = {"at": [0.1, 0.2, 0.6, 0.02],
        "words": [["Net", 0.1, 0.1], ["pay", 0.22, 0.1], ["2,500.00", 0.5, 0.15]]}  # fmt: skip
DOCUMENTS = [
    {"id": "payslip", "title": "Payslip", "words": [{"number": 1, "lines": [LINE]}],
     "boxes": [{"key": "income", "page": 1, "at": [0.1, 0.5, 0.2, 0.05], "text": "3,000"},
               {"key": "name", "page": 1, "at": [0.1, 0.1, 0.2, 0.05], "text": "B. Ahlers"}]},
    {"id": "photo", "title": "Photo of the car"},
]  # fmt: skip
PLACE = {"document": "payslip", "page": 1, "at": [0.49, 0.19, 0.2, 0.04]}
MARKED = {"field": "income", **PLACE, "text": "2,500.00"}


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER, lea=Role.LEAD)


@pytest.fixture
def case(now: datetime) -> Case:
    return give(make_case(now, documents=DOCUMENTS), "ada", now)


def mark(place: Any, **options: Any) -> Any:
    return approve(places={"income": place}, **options)


def test_a_marked_place_is_kept_with_the_words_that_were_read_there(
    case: Case, now: datetime
) -> None:
    decision = decide(case, "ada", mark(PLACE), now)
    assert decision.places == [MARKED]
    assert decision.overrides == []
    assert decision.receipt["decision"]["places"] == [MARKED]
    assert compute_digest(decision.receipt) == decision.digest
    assert DecisionFact.objects.get().corrected == 1


def test_a_receipt_without_marked_places_is_as_it_was(case: Case, now: datetime) -> None:
    assert "places" not in decide(case, "ada", approve(), now).receipt["decision"]


@pytest.mark.parametrize(
    "place",
    [
        "nothing",
        {**PLACE, "document": "letter"},
        {**PLACE, "page": 0},
        {**PLACE, "at": [0.9, 0.1, 0.2, 0.1]},
        {**PLACE, "at": [0.1, 0.1, 0, 0.1]},
        {**PLACE, "at": [0.1, 0.1, 0.1]},
        {**PLACE, "by": "someone else"},
    ],
)
def test_what_is_no_place_on_a_document_of_the_case_is_refused(
    case: Case, now: datetime, place: Any
) -> None:
    with pytest.raises(DecisionInvalid) as refused:
        decide(case, "ada", mark(place), now)
    assert list(refused.value.problems) == ["places.income"]
    assert not Decision.objects.exists()


def test_only_the_place_of_a_field_that_may_be_changed_is_marked(case: Case, now: datetime) -> None:
    with pytest.raises(DecisionInvalid) as refused:
        decide(case, "ada", approve(places={"name": PLACE}), now)
    assert list(refused.value.problems) == ["places.name"]


def test_a_place_that_was_changed_in_the_database_is_found(case: Case, now: datetime) -> None:
    decision = decide(case, "ada", mark(PLACE), now)
    assert list(check_decisions()) == []
    Decision.objects.filter(pk=decision.pk).update(places=[{**MARKED, "page": 2}])
    [fault] = check_decisions()
    assert "another places" in fault.detail


def test_a_dataset_has_the_place_that_a_person_marked(case: Case, now: datetime) -> None:
    decide(case, "ada", mark(PLACE, fields={"income": 2500}, why={"income": "misread"}), now)
    by_person = {**PLACE, "text": "2,500.00", "by": "person"}
    income, name = _export(now)["places"]
    assert (income["field"], income["at"], income["read"]) == (
        "income", [0.1, 0.5, 0.2, 0.05], "3,000"
    )  # fmt: skip
    assert (income["value"], income["corrected"], income["corrected_place"]) == (
        2500, True, by_person
    )  # fmt: skip
    assert (name["corrected"], name["corrected_place"]) == (False, None)


def test_a_dataset_has_a_place_on_an_image_where_nothing_was_read(
    case: Case, now: datetime
) -> None:
    case.shown["documents"][0]["boxes"] = []
    case.save(update_fields=["shown"])
    decide(case, "ada", mark({**PLACE, "document": "photo"}), now)
    [income] = _export(now, only_corrected=True)["places"]
    assert (income["document"], income["at"], income["read"]) == (None, None, "")
    assert income["corrected_place"]["document"] == "photo"
    assert income["corrected_place"]["text"] == ""


def test_a_marked_place_is_left_out_of_a_dataset_with_its_field(case: Case, now: datetime) -> None:
    decide(case, "ada", mark(PLACE), now)
    assert [each["field"] for each in _export(now, leave_out=["income"])["places"]] == ["name"]


def test_the_next_approver_sees_the_place_that_the_first_has_marked(now: datetime) -> None:
    case = give(make_case(now, documents=DOCUMENTS, quorum=2), "ada", now)
    decide(case, "ada", mark(PLACE), now)
    client = Client()
    client.force_login(person("ben").user)
    page = client.get(f"/review/cases/{case.pk}/").content.decode()
    assert '"at": [0.49, 0.19, 0.2, 0.04]' in page
    assert '"at": [0.1, 0.5, 0.2, 0.05]' not in page


def test_a_place_is_typed_saved_as_a_draft_sent_and_shown_in_the_receipt(
    case: Case, now: datetime
) -> None:
    client = Client()
    client.force_login(person("ada").user)
    sent = {"outcome": "approved", "field.income": "3000", "place.income": json.dumps(PLACE),
            "revision": case.revision}  # fmt: skip
    assert client.post(f"/review/cases/{case.pk}/draft/", sent).status_code == 200
    page = client.get(f"/review/cases/{case.pk}/").content.decode()
    assert "&quot;at&quot;: [0.49, 0.19, 0.2, 0.04]" in page
    wrong = client.post(
        f"/review/cases/{case.pk}/decide/", {**sent, "place.income": "[[", "commit_now": "on"}
    )
    assert wrong.status_code == 422
    assert "This is no place on a page." in wrong.content.decode()
    case.refresh_from_db()
    sent["revision"] = case.revision
    client.post(f"/review/cases/{case.pk}/decide/", {**sent, "commit_now": "on"})
    assert Decision.objects.get().places == [MARKED]
    receipt = client.get(f"/review/cases/{case.pk}/receipt/").content.decode()
    assert "Place of income" in receipt
    assert "49.0 % from the left" in receipt


def _export(now: datetime, **wanted: Any) -> dict[str, Any]:
    """Return the only row of a dataset with places, which can be made again."""
    version = create_dataset(
        name="loans", wanted={"with_places": True, **wanted}, acting=person("lea"),
        now=now + timedelta(hours=1),
    )  # fmt: skip
    assert reproduce_digest(version) == version.digest
    with open_dataset(version=version, form="jsonl", acting=person("lea"), now=now) as file:
        [row] = map(json.loads, file.read().splitlines())
    return dict(row)
