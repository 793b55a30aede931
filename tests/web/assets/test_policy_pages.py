"""The pages and the API of policies and of their points, and who may attach what."""

import pytest
from django.test import Client
from django.utils import timezone

from flows.assets.models import Asset, PolicyAttachment
from flows.assets.policies.attaching import detach_policy
from flows.models import Flow
from tests.browsers import post_untouched
from tests.factories.flows import make_flow
from tests.factories.people import ACTOR, make_person, signed_in
from tests.factories.policies import CONTENT, NO, REFUNDS, attach, change_policy, make_policy
from tests.web.api import Api
from tests.web.pages import page, problem_of
from workbench.accounts.models import Role
from workbench.audit.models import Entry

pytestmark = pytest.mark.django_db(transaction=True)
EDIT = "/policies/refunds/edit/"


@pytest.fixture
def dora() -> Client:
    return signed_in(make_person("dora", Role.DESIGNER))


@pytest.fixture
def root() -> Client:
    return signed_in(make_person("root", Role.ADMIN))


def test_a_policy_is_created_edited_and_shown_with_its_lines(dora: Client) -> None:
    assert "Write your first policy" in page(dora, "/policies/")
    made = dora.post("/policies/new/", {"title": "Refunds"})
    assert made["Location"] == EDIT
    html = page(dora, EDIT)
    assert "package example" in html
    assert "No problems" in html
    start = html.index('id="asset-form"')
    form = post_untouched(html[start : html.index("</form>", start)])
    answer = dora.post(EDIT, {**form, "source": REFUNDS, "data": "most: 50", "test-rows": "1"})
    assert answer.status_code == 302
    draft = Asset.objects.get(name="refunds").draft
    assert draft["source"] == REFUNDS
    assert draft["data"] == {"most": 50}
    assert [test["name"] for test in draft["tests"]] == ["Within the limit"]
    assert "The customer is new." in page(dora, "/policies/refunds/")


def test_what_is_saved_untouched_is_the_same(dora: Client) -> None:
    policy = make_policy()
    html = page(dora, EDIT)
    start = html.index('id="asset-form"')
    dora.post(EDIT, post_untouched(html[start : html.index("</form>", start)]))
    before = policy.draft
    policy.refresh_from_db()
    assert policy.draft == before


def test_problems_are_shown_by_line_and_nothing_else_is_lost(dora: Client) -> None:
    make_policy()
    posted = {"language": "rego", "source": "package a\n\nallow if {\n  input.x ==\n}"}
    answer = dora.post("/policies/refunds/preview/", posted)
    assert "source, line 4" in answer.content.decode()
    unread = dora.post(EDIT, {**posted, "data": "- 1", "title": "Refunds"})
    assert "It is no mapping" in unread.content.decode()


def test_tests_and_differences_are_shown(dora: Client) -> None:
    policy = make_policy()
    shown = page(dora, "/policies/refunds/tests/")
    assert "Small" in shown
    assert "Ask a model" not in shown
    change_policy(policy, data={"most": 70})
    differing = page(dora, "/policies/refunds/compare/?a=1&b=2")
    assert "<del>50</del>" in differing
    assert "<ins>70</ins>" in differing
    publish_page = page(dora, "/policies/refunds/publish/")
    assert "There is nothing to publish" in publish_page or "identical" in publish_page


def test_an_admin_attaches_and_detaches_by_the_page(root: Client, dora: Client) -> None:
    make_policy()
    given = {"policy": "refunds", "point": "start", "flow": "loan", "queue": ""}
    assert dora.post("/policies/points/attach/", given).status_code == 403
    assert root.post("/policies/points/attach/", given).status_code == 302
    assert "Flow loan" in page(root, "/policies/points/")
    assert 'aria-label="Detach' not in page(dora, "/policies/points/")
    again = root.post("/policies/points/attach/", given)
    assert again.status_code == 422
    assert "It is attached there already" in again.content.decode()
    number = PolicyAttachment.objects.get().pk
    assert dora.post(f"/policies/points/{number}/detach/").status_code == 403
    assert root.post(f"/policies/points/{number}/detach/").status_code == 302
    assert not PolicyAttachment.objects.exists()
    actions = Entry.objects.filter(action__startswith="policy.").values_list("action", flat=True)
    assert list(actions.order_by("id")) == ["policy.attached", "policy.detached"]


def test_no_policy_takes_the_address_of_the_points(dora: Client) -> None:
    answer = dora.post("/policies/new/", {"title": "Points"})
    assert answer.status_code == 422


def test_points_are_listed_attached_and_detached_by_api() -> None:
    api = Api(Role.ADMIN, scopes=["policies.view", "people.manage"])
    make_policy()
    made = api.post("/policy-points/start/attachments", {"policy": "refunds", "flow": "loan"})
    assert made.status_code == 201, made.content
    points = {each["name"]: each for each in api.get("/policy-points").json()["items"]}
    assert points["start"]["attached"][0]["policy"] == "refunds"
    assert "input" in points["start"]["input_schema"]["properties"]
    assert problem_of(api.post("/policy-points/nowhere/attachments", {"policy": "refunds"}))
    number = made.json()["id"]
    assert api.post(f"/policy-attachments/{number}/detach").status_code == 204
    assert api.post(f"/policy-attachments/{number}/detach").status_code == 404


def test_a_start_that_a_policy_refuses_is_answered_with_its_name_and_reason() -> None:
    make_flow("loan")
    attach(NO, "start")
    api = Api(Role.OPERATOR, scopes=["runs.start"])
    answer = api.post("/flows/loan/runs", {"input": {"amount": 5, "purpose": "car"}})
    assert answer.status_code == 403
    assert problem_of(answer) == "policy-refused"
    assert "The policy no@1 refuses it: It is Friday." in answer.json()["detail"]


def test_the_page_says_which_policy_refuses_to_publish_and_to_go_back(dora: Client) -> None:
    flow = make_flow("loan")
    Flow.objects.filter(pk=flow.pk).update(
        draft={**flow.draft, "title": "Another title"}, draft_revision=flow.draft_revision + 1
    )
    attach(NO, "publish")
    shown = page(dora, "/flows/loan/publish/")
    form = post_untouched(shown[shown.index('name="note"') - 2_000 :])
    answer = dora.post("/flows/loan/publish/", {**form, "note": "Try", "release": "1"})
    assert answer.status_code == 409
    assert "The policy no@1 refuses it: It is Friday." in answer.content.decode()
    detach_policy(attachment_id=PolicyAttachment.objects.get().pk, actor=ACTOR, now=timezone.now())
    assert (
        dora.post("/flows/loan/publish/", {**form, "note": "Try", "release": "1"}).status_code
        == 302
    )
    attach(NO, "release")
    back = dora.post("/flows/loan/versions/1/release/", follow=True)
    assert "The policy no@1 refuses it: It is Friday." in back.content.decode()


def test_policies_go_their_whole_way_by_api() -> None:
    api = Api(Role.DESIGNER, scopes=["policies.view", "policies.edit"])
    made = api.post("/policies", {"name": "refunds", "content": CONTENT})
    assert made.json()["problems"] == []
    assert api.post("/policies/refunds/versions", {"note": "x"}, etag='"1"').status_code == 201
    assert api.get("/policies/refunds/versions/1").json()["content"]["source"] == REFUNDS
