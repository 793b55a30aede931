"""A designer of one flow tries to release, over pages and API, a version that reaches others."""

import pytest
from django.utils import timezone

from flows.models import Flow, FlowVersion
from tests.factories.people import make_person, signed_in
from tests.factories.probes import publish_flow
from tests.web.api import Api
from tests.web.pages import text_of
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def stored() -> FlowVersion:
    """A version from before any right was asked for, which is not the released one."""
    flow = publish_flow("a -> b", name="mine")
    steps = {"tell": {"type": "event.emit", "with": {"event": "paid"}}}
    return FlowVersion.objects.create(
        flow=flow, number=2, digest="d", document={**flow.draft, "steps": steps, "edges": []},
        published_at=timezone.now(),
    )  # fmt: skip


def test_the_page_refuses_it_and_says_what_to_do(stored: FlowVersion) -> None:
    client = signed_in(make_person("eve", Role.DESIGNER, flow="mine"))
    page = text_of(client.post("/flows/mine/versions/2/release/", follow=True))
    assert "needs the permission events.send for the whole installation" in page
    assert "Rename it to begin with `mine.`, or have it done by someone" in page
    assert Flow.objects.get(pk=stored.flow_id).released_id != stored.pk


def test_the_api_refuses_it_and_says_what_to_do(stored: FlowVersion) -> None:
    api = Api(Role.DESIGNER, scopes=["flows.publish", "flows.view", "events.send"], flow="mine")
    answer = api.post("/flows/mine/releases", {"version": 2})
    assert answer.status_code == 403, answer.json()
    assert answer.json()["type"] == "urn:countersign:problem:other-flow-out-of-reach"
    assert "Rename it to begin with `mine.`" in answer.json()["remedy"]
    assert Flow.objects.get(pk=stored.flow_id).released_id != stored.pk
