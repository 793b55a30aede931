"""What the pages and the API answer to a key that started another run."""

import re
from uuid import uuid4

import pytest
from django.test import Client

from flows.models import Run
from flows.services.run_keys import OwnKey
from tests.factories.flows import make_flow
from tests.factories.runs import make_completed_run
from tests.web.api import Api
from tests.web.flows.test_api import INPUT
from tests.web.pages import text_of
from workbench.accounts.models import IdempotentRequest, Role

pytestmark = pytest.mark.django_db
CAR = '{"amount": 7, "purpose": "car"}'
VAN = '{"amount": 8, "purpose": "car"}'


def key_in(page: str) -> str:
    found = re.search(r'name="key" value="([^"]+)"', page)
    assert found
    return found[1]


def test_a_start_form_sent_again_with_another_input_is_told_of_its_run_and_may_be_sent_once_more(
    operator: Client,
) -> None:
    make_flow()
    form = {"mode": "json", "text": CAR, "key": "form-1"}
    operator.post("/flows/loan/start/", form)
    refused = operator.post("/flows/loan/start/", {**form, "text": VAN})
    page = text_of(refused)
    assert refused.status_code == 422
    assert f"This form has started run {Run.objects.get().pk}." in page
    operator.post("/flows/loan/start/", {**form, "text": VAN, "key": key_in(page)})
    assert Run.objects.count() == 2


def test_a_rerun_form_sent_again_with_another_input_may_be_sent_once_more(
    operator: Client,
) -> None:
    run = make_completed_run(make_flow())
    form = {"version": "1", "key": "rerun-1", "input": CAR}
    operator.post(f"/runs/{run.pk}/rerun/", form)
    refused = operator.post(f"/runs/{run.pk}/rerun/", {**form, "input": VAN})
    page = text_of(refused)
    assert refused.status_code == 422
    assert "This form has started run" in page
    operator.post(f"/runs/{run.pk}/rerun/", {**form, "input": VAN, "key": key_in(page)})
    assert Run.objects.count() == 3


@pytest.mark.parametrize("changed", [{"lane": "bulk"}, {"version": 2}])
def test_the_api_refuses_a_key_with_another_lane_or_version(changed: dict[str, object]) -> None:
    make_flow(versions=3)
    body = {"input": INPUT, "version": 1, "lane": "standard"}
    roles = (Role.OPERATOR, Role.DESIGNER)  # who may publish may choose a version
    first = Api(*roles).post("/flows/loan/runs", body, key="order-1")
    assert first.status_code == 201
    answer = Api(*roles).post("/flows/loan/runs", {**body, **changed}, key="order-1")
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("idempotency-key-reused")
    assert "new key" in answer.json()["remedy"]


def test_the_api_gives_the_run_of_a_key_after_its_answer_was_forgotten() -> None:
    make_flow()
    api = Api(Role.OPERATOR)
    first = api.post("/flows/loan/runs", {"input": INPUT}, key="order-1")
    IdempotentRequest.objects.all().delete()
    again = api.post("/flows/loan/runs", {"input": INPUT}, key="order-1")
    assert (again.status_code, again.json()) == (200, first.json())


def test_a_key_refused_while_its_flow_was_not_there_or_paused_starts_the_run_later() -> None:
    api = Api(Role.OPERATOR)
    assert api.post("/flows/loan/runs", {"input": INPUT}, key="order-1").status_code == 404
    flow = make_flow()
    flow.paused_at = flow.created_at
    flow.save(update_fields=["paused_at"])
    assert api.post("/flows/loan/runs", {"input": INPUT}, key="order-1").status_code == 409
    flow.paused_at = None
    flow.save(update_fields=["paused_at"])
    first = api.post("/flows/loan/runs", {"input": INPUT}, key="order-1")
    assert first.status_code == 201
    again = api.post("/flows/loan/runs", {"input": INPUT}, key="order-1")
    assert (again.json(), again["Idempotent-Replayed"]) == (first.json(), "true")


def test_a_key_sent_again_with_another_lane_by_one_person_is_refused() -> None:
    make_flow()
    api = Api(Role.OPERATOR)
    api.post("/flows/loan/runs", {"input": INPUT, "lane": "bulk"}, key="order-1")
    answer = api.post("/flows/loan/runs", {"input": INPUT, "lane": "interactive"}, key="order-1")
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("idempotency-key-reused")


OUR_OWN = [
    "reopen-case-7", "trigger-3-17", "bulk-1-9", "run-1-2-3", "run-1-2-3-0", f"line-{'0a' * 20}",
    f"form-{uuid4()}", f"rerun-{uuid4()}",
]  # fmt: skip


@pytest.mark.parametrize("key", OUR_OWN)
def test_nobody_starts_a_run_with_a_key_that_the_server_would_give(key: str) -> None:
    make_flow()
    answer = Api(Role.OPERATOR).post("/flows/loan/runs", {"input": INPUT}, key=key)
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("idempotency-key-reserved")
    assert "another key" in answer.json()["remedy"]
    assert not Run.objects.exists()


def test_a_page_takes_no_key_of_another_kind_than_its_own(operator: Client) -> None:
    run = make_completed_run(make_flow())
    start, again = {"mode": "json", "text": CAR}, {"version": "1"}
    for key in OUR_OWN[:6]:
        refused = operator.post("/flows/loan/start/", {**start, "key": key})
        assert refused.status_code == 422
        refused = operator.post(f"/runs/{run.pk}/rerun/", {**again, "key": key})
        assert refused.status_code == 422
    assert operator.post("/flows/loan/start/", {**start, "key": OUR_OWN[7]}).status_code == 422
    assert operator.post(f"/runs/{run.pk}/rerun/", {**again, "key": OUR_OWN[6]}).status_code == 422
    assert Run.objects.count() == 1
    assert operator.post("/flows/loan/start/", {**start, "key": OUR_OWN[6]}).status_code == 302
    assert operator.post(f"/runs/{run.pk}/rerun/", {**again, "key": OUR_OWN[7]}).status_code == 302
    assert Run.objects.count() == 3


def test_a_key_of_our_own_has_the_form_that_nobody_else_may_give() -> None:
    with pytest.raises(AssertionError):
        OwnKey.of("daily", 7)
