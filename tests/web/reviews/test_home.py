"""The home page: what each role finds waiting there."""

import pytest
from django.utils import timezone

from flows.models import Run
from reviews.services.claims import claim_case
from tests.factories.cases import make_case
from tests.factories.people import make_person, person, signed_in
from tests.factories.queues import make_office
from tests.web.pages import page
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db


def home_of(username: str) -> str:
    return page(signed_in(username), "/")


def test_a_reviewer_finds_their_cases_and_where_to_take_the_next() -> None:
    make_office(ada=Role.REVIEWER)
    now = timezone.now()
    held, _ = make_case(now, title="Loan in hand"), make_case(now, title="Loan in line")
    assert "You have no claimed cases" in home_of("ada")
    claim_case(case_id=held.pk, acting=person("ada"), now=now)
    text = home_of("ada")
    assert "Loan in hand" in text
    assert "Loan in line" not in text
    assert "/review/queues/underwriting/next/" in text
    assert 'data-live="queue.underwriting user.' in text


def test_an_operator_finds_the_runs_that_failed_with_their_cause() -> None:
    make_office(olga=Role.OPERATOR)
    run = Run.objects.get(pk=make_case(timezone.now()).run_id)
    assert "No worker is alive" in home_of("olga")
    run.status, run.error = "failed", {"message": "The scorecard is away"}
    run.save()
    assert "The scorecard is away" in home_of("olga")


def test_a_designer_finds_the_flows_they_edit() -> None:
    make_office(dora=Role.DESIGNER)
    make_case(timezone.now())
    text = home_of("dora")
    assert "Flows you edit" in text
    assert "What needs an operator" not in text


def test_insights_open_at_their_first_page() -> None:
    make_person("aud", Role.AUDITOR)
    assert signed_in("aud").get("/insights/")["Location"] == "/insights/quality/"


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("form-0b1c2d3e-4f50-4617-8293-a4b5c6d7e8f9", ""),
        ("trigger-3-17", ""),
        ("bulk-1-9", ""),
        ("form-2041", "form-2041"),
        ("application-7", "application-7"),
        (None, ""),
    ],
)
def test_only_a_key_that_a_caller_gave_is_shown(key: str | None, shown: str) -> None:
    assert Run(idempotency_key=key).given_key == shown
