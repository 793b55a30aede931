"""A draft that reads a secret which its flow may not use is told so, and is not published."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from flows.models import Flow
from flows.selectors.problems import get_cached_problems, list_problems, list_problems_of_file
from flows.services import FlowInvalid, publish_version
from tests.factories.flows import make_flow
from tests.web.pages import text_of
from workbench.accounts.actors import Actor
from workbench.secrets.services import set_secret

pytestmark = pytest.mark.django_db
ACTOR, NOW = Actor.system("test"), datetime(2026, 3, 10, tzinfo=UTC)


def put(name: str, *uses: str) -> None:
    set_secret(name=name, value="a-value-to-keep", uses=uses, actor=ACTOR, now=NOW)


@pytest.fixture
def flow() -> Flow:
    call: dict[str, Any] = {
        "type": "http.request",
        "with": {"url": "https://a.example/", "headers": {"Key": "Bearer ${ secrets.KEY }"}},
    }
    return make_flow(
        versions=0, released=False, steps={"call": call}, edges=[], input={}, output={},
        samples={}, layout={},
    )  # fmt: skip


def faults(flow: Flow) -> list[Any]:
    found = [each for each in list_problems(flow.draft) if each["code"] == "secret.unusable"]
    cached = get_cached_problems(flow.draft)
    assert [each for each in cached if each["code"] == "secret.unusable"] == found
    return found


def publish(flow: Flow) -> None:
    publish_version(
        flow_id=flow.pk, revision=flow.draft_revision, note="n", author=None, actor=ACTOR, now=NOW
    )


def test_a_secret_is_named_while_its_flow_may_not_use_it_and_no_longer_after(flow: Flow) -> None:
    [unknown] = faults(flow)
    assert (unknown["severity"], unknown["step"]) == ("error", "call")
    assert unknown["field"] == "with.headers.Key"
    assert "There is no secret KEY that this flow may use" in unknown["message"]
    with pytest.raises(FlowInvalid) as refused:
        publish(flow)
    assert [each.message for each in refused.value.problems] == [unknown["message"]]
    put("KEY", "flow:another", "webhook:loan", "notices")
    # What is there for others reads as what is not there at all.
    assert faults(flow) == [unknown]
    with pytest.raises(FlowInvalid):
        publish(flow)
    put("KEY", "flow:loan")
    assert faults(flow) == []
    publish(flow)
    assert flow.versions.count() == 1


def test_a_secret_of_every_flow_is_for_this_one_too(flow: Flow) -> None:
    put("KEY", "flow:*")
    assert faults(flow) == []


def test_a_file_is_right_wherever_its_secrets_will_be(flow: Flow) -> None:
    assert [each["code"] for each in list_problems_of_file(flow.draft)].count(
        "secret.unusable"
    ) == 0


def test_the_publish_page_and_the_api_name_it(designer: Client, flow: Flow) -> None:
    told = "There is no secret KEY that this flow may use."
    assert told in text_of(designer.get("/flows/loan/publish/"))
    refused = designer.post(
        "/api/v1/flows/loan/versions", {"note": "n"}, "application/json",
        headers={"If-Match": "*"},
    )  # fmt: skip
    assert refused.status_code == 422
    assert told in refused.json()["errors"][0]["message"]


def test_a_draft_without_secrets_asks_nothing(django_assert_num_queries: Any) -> None:
    plain = make_flow("plain")
    with django_assert_num_queries(0):
        list_problems(plain.draft)
