"""Reading a case writes nothing: every table is as it was before."""

from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from reviews.models import Case
from reviews.services.claims import claim_case
from reviews.services.conversation import add_comment, request_information
from reviews.services.decisions import decide_case
from tests.factories.cases import approve, make_case
from tests.factories.people import person, signed_in
from tests.factories.queues import make_office
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
PAGE_PARTS = ("", "standing/?seen=1", "work/", "history/", "run/", "receipt/", "mentions/?q=a")
API_PARTS = ("", "/attachments", "/similar", "/receipt")


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, lea=Role.LEAD)


def make_waiting() -> Case:
    case, now = make_case(timezone.now(), subject="A-1"), timezone.now()
    claim_case(case_id=case.pk, acting=person("ada"), now=now)
    request_information(case_id=case.pk, question="Which?", acting=person("ada"), now=now)
    # As one from before there were links: reading makes none.
    case.links.all().delete()
    return case


def make_decided(*, commit_now: bool) -> Case:
    case, now = make_case(timezone.now(), subject="A-1"), timezone.now()
    add_comment(case_id=case.pk, body="@lea look", acting=person("ada"), now=now)
    answer = approve(comment="fine")
    decide_case(
        case_id=case.pk, answer=answer, acting=person("ada"), now=now, commit_now=commit_now
    )
    return case


def make_changed(reader: str) -> Case:
    """Make a case that the reader saw with other values."""
    case = make_case(timezone.now(), subject="A-1")
    seen = {"revision": 1, "fields": {"income": 1}, "before": {"income": 1}}
    case.looks.create(user=person(reader).user, at=timezone.now(), **seen)
    return case


def read_tables() -> dict[str, list[Any]]:
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.managed]
    return {
        model._meta.db_table: list(model._base_manager.order_by("pk").values()) for model in models
    }


@pytest.mark.parametrize("reader", ["ada", "lea"])
def test_reading_a_case_by_page_and_by_api_leaves_every_table_as_it_was(reader: str) -> None:
    cases = [
        make_case(timezone.now(), subject="A-1"),
        make_waiting(),
        make_decided(commit_now=False),
        make_decided(commit_now=True),
        make_changed(reader),
    ]
    client = signed_in(reader)
    before = read_tables()
    for case in cases:
        for part in PAGE_PARTS:
            assert client.get(f"/review/cases/{case.pk}/{part}").status_code == 200, part
        for part in API_PARTS:
            assert client.get(f"/api/v1/cases/{case.pk}{part}").status_code in {200, 404}, part
    for url in ("/review/", "/review/queues/underwriting/", "/api/v1/cases", "/api/v1/queues"):
        assert client.get(url).status_code == 200, url
    after = read_tables()
    assert {name for name in after if after[name] != before[name]} == set()
