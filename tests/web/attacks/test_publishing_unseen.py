"""Publishing what the person who publishes has not seen."""

import pytest
from django.test import Client

from flows.models import Flow, FlowVersion
from flows.publishing.models import PublishRequest
from tests.factories.flows import make_flow
from tests.factories.people import make_person, signed_in
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
PAGE = "/flows/loan/publish/"


@pytest.fixture
def designer() -> Client:
    make_flow(versions=0, released=False)
    return signed_in(make_person("dan", Role.DESIGNER))


def edit_behind_their_back() -> None:
    flow = Flow.objects.get()
    flow.draft_revision += 1
    flow.save()


def test_an_edit_after_one_looked_is_not_published_with_it(designer: Client) -> None:
    assert 'name="revision" value="0"' in designer.get(PAGE).content.decode()
    edit_behind_their_back()
    answer = designer.post(PAGE, {"note": "Go", "release": "1", "revision": "0"})
    assert answer.status_code == 409
    assert "you saw 0" in answer.content.decode()
    by_api = designer.post(
        "/api/v1/flows/loan/versions",
        {"note": "Go", "revision": 0},
        content_type="application/json",
    )
    assert by_api.status_code == 409
    assert "draft-changed" in by_api.json()["type"]
    assert not FlowVersion.objects.exists()


def test_nor_is_it_asked_for(designer: Client) -> None:
    designer.post(f"{PAGE}rule/", {"second_person": "1"})
    edit_behind_their_back()
    by_api = designer.post(
        "/api/v1/flows/loan/publish-requests", {"note": "Go", "revision": 0},
        content_type="application/json",
    )  # fmt: skip
    assert by_api.status_code == 409
    assert not PublishRequest.objects.exists()
