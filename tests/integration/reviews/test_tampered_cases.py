"""A value changed in the database between extraction and decision is seen at the receipt."""

from datetime import datetime
from typing import Any

import pytest
from django.urls import reverse

from reviews.models import Case, Decision
from reviews.services.receipts import compute_digest
from reviews.services.shown_check import find_differences
from tests.factories.cases import approve, decide, make_case, make_decided_case, reject
from tests.factories.documents import read_lines
from tests.factories.queues import make_office
from tests.unit.steps.test_documents import AMOUNTS, SUM, extract
from workbench.accounts.models import Role, User
from workbench.audit.models import Entry
from workbench.audit.services import verify

pytestmark = pytest.mark.django_db
SLIP = read_lines(["Gross pay   2,345.50", "Tax   345.50", "Net pay   2,000.00"])


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, lea=Role.LEAD)


def open_extracted(now: datetime) -> Case:
    """Open a case of what ``document.extract`` gave, without a step between."""
    output = extract(SLIP, fields=AMOUNTS, checks=[SUM]).output
    return make_case(
        now, documents=[output["document"]], show=[output["group"]], flags=output["flags"]
    )


def tamper(case: Case, place: str) -> None:
    """Change the value of the net pay in a row, as somebody with the database could."""
    case.refresh_from_db()
    if place == "fields":
        case.fields["net"] = 9_000.0
    elif place == "shown":
        case.shown["show"][0]["fields"][2]["value"] = 9_000.0
        case.fields["net"] = 9_000.0
    else:
        case.shown["documents"][0]["boxes"][2]["at"] = [0.0, 0.0, 0.1, 0.1]
    Case.objects.filter(pk=case.pk).update(shown=case.shown, fields=case.fields)


def faults() -> list[str]:
    # The factory publishes its flow without an entry.
    return [each.detail for each in verify().faults if each.detail.startswith("Case ")]


def test_the_entry_of_a_case_s_opening_has_the_digest_of_what_it_shows(now: datetime) -> None:
    case = open_extracted(now)
    entry = Entry.objects.select_related("payload").get(action="case.opened")
    assert f'"shown_sha256":"{compute_digest(case.shown)}"' in entry.payload.body.replace(" ", "")


@pytest.mark.parametrize(
    ("place", "named"), [("fields", "net"), ("shown", "content"), ("boxes", "content")]
)
def test_a_value_changed_before_the_decision_is_seen_at_its_receipt(
    now: datetime, client: Any, place: str, named: str
) -> None:
    case = open_extracted(now)
    tamper(case, place)
    assert faults() == [f"Case {case.pk} shows another {named} than it had."]
    decide(Case.objects.get(pk=case.pk), "ada", approve(), now)
    receipt = Decision.objects.get().receipt
    assert find_differences(Case.objects.get(pk=case.pk), receipt) == [named]
    assert len(faults()) == 1
    client.force_login(User.objects.get(username="lea"))
    page = client.get(reverse("reviews:receipt", args=[case.pk])).content.decode()
    assert "Changed outside" in page


def test_what_people_change_is_no_tampering(now: datetime, client: Any) -> None:
    case = make_decided_case(
        "ada", reject(fields={"income": 2500}, why={"income": "misread"}, comment="low"), now
    )
    assert find_differences(case, Decision.objects.get().receipt) == []
    assert faults() == []
    client.force_login(User.objects.get(username="lea"))
    page = client.get(reverse("reviews:receipt", args=[case.pk])).content.decode()
    assert "Changed outside" not in page
