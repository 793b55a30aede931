"""Publishing by two over HTTP: the same rules as on the page."""

import pytest

from flows.models import Flow, PublishRule
from flows.publishing.models import PublishRequest
from tests.factories.flows import make_flow
from tests.web.api import Api
from tests.web.pages import problem_of
from workbench.accounts.models import Role
from workbench.audit.models import Entry

pytestmark = pytest.mark.django_db
REQUESTS = "/flows/loan/publish-requests"


@pytest.fixture
def flow() -> Flow:
    """A flow with one version, a draft that differs, and a rule that two must publish it."""
    flow = make_flow()
    settle = {"type": "end", "title": "Settle", "with": {"outcome": "late"}}
    flow.draft = {**flow.draft, "steps": {**flow.draft["steps"], "settle": settle}}
    flow.draft_revision += 1
    flow.save()
    PublishRule.objects.create(flow=flow, second_person=True)
    return flow


@pytest.fixture
def first(flow: Flow) -> Api:
    return Api(Role.DESIGNER)


@pytest.fixture
def second(flow: Flow) -> Api:
    return Api(Role.DESIGNER)


def asked_by(api: Api) -> str:
    """Ask to publish, and return the request's path."""
    made = api.post(REQUESTS, {"note": "Later"}, etag="*")
    assert made.status_code == 201
    return f"{REQUESTS}/{made.json()['id']}"


def test_publishing_alone_is_refused_and_says_where_to_ask(first: Api) -> None:
    refused = first.post("/flows/loan/versions", {"note": "Alone"}, etag="*")
    assert (refused.status_code, problem_of(refused)) == (409, "second-person-needed")
    assert "publish-requests" in refused.json()["remedy"]


def test_a_second_person_agrees_and_the_version_is_published(first: Api, second: Api) -> None:
    path = asked_by(first)
    published = second.post(f"{path}/approve")
    assert (published.status_code, published.json()["number"]) == (201, 2)
    assert published.json()["published_by"] != PublishRequest.objects.get().answered_by
    assert Flow.objects.get().released_id == Flow.objects.get().versions.get(number=2).pk
    assert Entry.objects.get(action="flow.published").channel == "api"
    assert first.get(REQUESTS, state="open").json()["items"] == []
    assert first.get(REQUESTS).json()["items"][0]["state"] == "approved"


def test_nobody_agrees_to_their_own_and_it_stays_open(first: Api) -> None:
    path = asked_by(first)
    refused = first.post(f"{path}/approve")
    assert (refused.status_code, problem_of(refused)) == (409, "own-request")
    assert PublishRequest.objects.get().state == "open"


def test_another_refuses_with_a_reason_and_ones_own_is_withdrawn(first: Api, second: Api) -> None:
    refused = second.post(f"{asked_by(first)}/refuse", {"reason": "Too early"}).json()
    assert (refused["state"], refused["reason"]) == ("refused", "Too early")
    withdrawn = first.post(f"{asked_by(first)}/refuse", {}).json()
    assert withdrawn["state"] == "withdrawn"


def test_an_answered_request_and_a_second_open_one_are_conflicts(first: Api, second: Api) -> None:
    path = asked_by(first)
    assert problem_of(second.post(REQUESTS, {"note": "Mine too"}, etag="*")) == "request-open"
    second.post(f"{path}/refuse", {})
    assert problem_of(second.post(f"{path}/approve")) == "request-answered"


def test_a_draft_edited_since_is_not_what_was_asked_for(
    flow: Flow, first: Api, second: Api
) -> None:
    path = asked_by(first)
    Flow.objects.update(draft_revision=flow.draft_revision + 1)
    refused = second.post(f"{path}/approve")
    assert (refused.status_code, problem_of(refused)) == (409, "draft-changed")
    assert flow.versions.count() == 1


def test_who_may_not_publish_may_read_requests_and_not_answer_them(flow: Flow, first: Api) -> None:
    path = asked_by(first)
    reader = Api(Role.DESIGNER, scopes=["flows.view"])
    assert reader.get(REQUESTS).json()["items"][0]["note"] == "Later"
    assert reader.post(f"{path}/approve").status_code == 403
    assert reader.post(REQUESTS, {"note": "n"}).status_code == 403


def test_a_request_of_another_flow_is_not_found(first: Api, second: Api) -> None:
    path = asked_by(first)
    make_flow("other")
    other = path.replace("/loan/", "/other/")
    assert second.post(f"{other}/approve").status_code == 404
    assert second.get("/flows/none/publish-requests").status_code == 404


@pytest.mark.parametrize("path", ["/flows/loan/versions", REQUESTS])
def test_only_the_draft_that_was_looked_at_is_published(flow: Flow, first: Api, path: str) -> None:
    if path != REQUESTS:
        PublishRule.objects.all().delete()
    shown = first.get("/flows/loan/draft")["ETag"]
    Flow.objects.update(draft_revision=flow.draft_revision + 1)
    missing = first.post(path, {"note": "n"})
    assert (missing.status_code, problem_of(missing)) == (428, "revision-missing")
    stale = first.post(path, {"note": "n"}, etag=shown)
    assert (stale.status_code, problem_of(stale)) == (412, "revision-stale")
    assert (flow.versions.count(), PublishRequest.objects.count()) == (1, 0)
    assert first.post(path, {"note": "n"}, etag=stale["ETag"]).status_code == 201


def test_a_draft_that_changes_while_it_is_checked_is_not_published(
    flow: Flow, first: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    PublishRule.objects.all().delete()

    def change(*args: object) -> None:
        Flow.objects.update(draft_revision=flow.draft_revision + 1)

    monkeypatch.setattr("flows.services.versions._check_document", change)
    etag = first.get("/flows/loan/draft")["ETag"]
    refused = first.post("/flows/loan/versions", {"note": "n"}, etag=etag)
    assert (refused.status_code, problem_of(refused)) == (409, "draft-changed")
    assert flow.versions.count() == 1
