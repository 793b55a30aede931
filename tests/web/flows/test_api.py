"""Flows, runs and artifacts over HTTP: contracts, scopes, idempotency, problems."""

from collections.abc import Callable
from typing import Any

import pytest

from flows.models import Flow, Run
from tests.factories.flows import LOAN, make_flow
from tests.factories.probes import publish_flow
from tests.factories.runs import (
    add_journal,
    make_completed_run,
    make_failed_run,
    make_run,
    make_waiting_run,
)
from tests.web.api import Api
from workbench.accounts.models import Role
from workbench.audit.models import Entry

pytestmark = pytest.mark.django_db
V1 = "/api/v1"


@pytest.fixture
def api() -> Api:
    return Api(Role.DESIGNER, Role.OPERATOR)


INPUT = {"amount": 1200, "purpose": "car"}


def test_a_flow_is_made_drafted_published_and_released(api: Api) -> None:
    assert api.post("/flows", {"name": "loan", "title": "Loan"}).status_code == 201
    saved = api.put("/flows/loan/draft", {"document": LOAN}, etag='"0"')
    assert saved.status_code == 200
    assert saved.json()["problems"] == []
    published = api.post("/flows/loan/versions", {"note": "First"}, etag=saved["ETag"])
    assert published.status_code == 201
    assert published.json()["number"] == 1
    assert api.get("/flows/loan").json()["released_version"] == 1
    new = api.put("/flows/loan/draft", {"document": {**LOAN, "title": "New"}}, saved["ETag"])
    api.post("/flows/loan/versions", {"note": "Second", "release": False}, etag=new["ETag"])
    assert api.post("/flows/loan/releases", {"version": 2}).json()["released_version"] == 2
    assert [v["number"] for v in api.get("/flows/loan/versions").json()["items"]] == [2, 1]
    assert api.get("/flows/loan/versions/2").json()["document"]["title"] == "New"
    assert Entry.objects.filter(action="flow.published", channel="api").count() == 2


def test_a_stale_draft_is_a_conflict(api: Api) -> None:
    make_flow()
    answer = api.put("/flows/loan/draft", {"document": LOAN}, etag='"4"')
    assert answer.status_code == 412
    assert answer.json()["type"].endswith("revision-stale")


def test_a_broken_document_names_each_fault(api: Api) -> None:
    make_flow()
    answer = api.put(
        "/flows/loan/draft", {"document": {"name": "loan", "steps": [], "edges": ["x"]}}, etag="*"
    )
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"]


def test_a_draft_with_errors_is_not_published(api: Api) -> None:
    make_flow(versions=0, released=False, edges=["fee.done -> nowhere"])
    answer = api.post("/flows/loan/versions", {"note": "Go"}, etag="*")
    assert answer.status_code == 422
    assert "nowhere" in answer.json()["errors"][0]["message"]


def test_publishing_the_same_twice_is_a_conflict(api: Api) -> None:
    make_flow(versions=0, released=False)
    api.post("/flows/loan/versions", {"note": "Go"}, etag="*")
    assert api.post("/flows/loan/versions", {"note": "Go"}, etag="*").status_code == 409


def test_a_start_with_the_same_key_gives_the_same_run(api: Api) -> None:
    make_flow()
    first = api.post("/flows/loan/runs", {"input": INPUT}, key="order-1")
    assert first.status_code == 201
    again = api.post("/flows/loan/runs", {"input": INPUT}, key="order-1")
    assert again.json() == first.json()
    other = Api(Role.OPERATOR).post("/flows/loan/runs", {"input": INPUT}, key="order-1")
    assert (other.status_code, other.json()["id"]) == (200, first.json()["id"])
    assert Run.objects.count() == 1


def test_a_key_with_another_input_is_refused(api: Api) -> None:
    make_flow()
    api.post("/flows/loan/runs", {"input": INPUT}, key="order-1")
    changed = {"input": {**INPUT, "amount": 5}}
    assert api.post("/flows/loan/runs", changed, key="order-1").status_code == 422
    assert Api(Role.OPERATOR).post("/flows/loan/runs", changed, key="order-1").status_code == 422
    assert Run.objects.count() == 1


def test_an_input_that_breaks_the_contract_is_refused_with_its_path(api: Api) -> None:
    make_flow()
    answer = api.post("/flows/loan/runs", {"input": {"amount": "many", "purpose": "car"}})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["at"] == "amount"
    assert not Run.objects.exists()


def test_an_input_of_ten_megabytes_is_refused(api: Api) -> None:
    make_flow()
    answer = api.post("/flows/loan/runs", {"input": {**INPUT, "purpose": "x" * 10_000_000}})
    assert answer.status_code == 413
    assert answer.json()["remedy"]


def test_a_flow_without_a_release_cannot_start(api: Api) -> None:
    make_flow(released=False)
    assert api.post("/flows/loan/runs", {"input": INPUT}).status_code == 409


def test_unknown_fields_and_neighbouring_types_are_refused(api: Api) -> None:
    make_flow()
    assert api.post("/flows/loan/runs", {"input": INPUT, "prio": 1}).status_code == 422
    assert api.post("/flows/loan/runs", {"input": INPUT, "priority": False}).status_code == 422


def test_a_run_has_the_lane_of_its_flow_unless_its_start_says_otherwise(api: Api) -> None:
    make_flow(lane="bulk")
    said: tuple[dict[str, Any], ...] = ({}, {"lane": "interactive"}, {"priority": 7})
    for more in said:
        assert api.post("/flows/loan/runs", {"input": INPUT, **more}).status_code == 201
    assert list(Run.objects.order_by("pk").values_list("priority", flat=True)) == [200, 20, 7]


def test_runs_are_listed_newest_first_and_paged(api: Api) -> None:
    flow = make_flow()
    runs = [make_run(flow).pk for _ in range(5)]
    first = api.get("/runs", limit=3).json()
    assert [run["id"] for run in first["items"]] == runs[:1:-1]
    rest = api.get("/flows/loan/runs", limit=3, cursor=first["next"]).json()
    assert [run["id"] for run in rest["items"]] == runs[1::-1]
    assert rest["next"] is None


def test_runs_are_filtered(api: Api) -> None:
    flow = make_flow()
    make_completed_run(flow)
    failed, waiting = make_failed_run(flow), make_waiting_run(flow)
    assert [run["id"] for run in api.get("/runs", state="failed").json()["items"]] == [failed.pk]
    assert [run["id"] for run in api.get("/runs", state="waiting").json()["items"]] == [waiting.pk]
    assert api.get("/runs", state="odd").status_code == 422


@pytest.mark.parametrize(
    "query", [{"cursor": "x"}, {"cursor": "InQi"}, {"limit": 0}, {"limit": 9999}]
)
def test_a_wrong_cursor_or_limit_is_told(api: Api, query: dict[str, Any]) -> None:
    assert api.get("/runs", **query).status_code == 422


def test_a_run_tells_its_waits_and_steps(api: Api) -> None:
    run = make_waiting_run(make_flow())
    shown = api.get(f"/runs/{run.pk}").json()
    assert shown["waits"][0]["detail"]["queue"] == "underwriting"
    assert shown["steps"]["review"]["state"] == "waiting_for_person"


def test_the_journal_goes_on_after_a_seq(api: Api) -> None:
    run = make_run(make_flow())
    for number in range(5):
        add_journal(run, "step.finished", "fee", after=number, token_id=1, activation=number)
    first = api.get(f"/runs/{run.pk}/journal", after=2, limit=2).json()
    assert [row["seq"] for row in first["items"]] == [3, 4]
    rest = api.get(f"/runs/{run.pk}/journal", cursor=first["next"]).json()
    assert [row["seq"] for row in rest["items"]] == [5, 6]


def test_runs_are_cancelled_retried_and_run_again(api: Api) -> None:
    flow = make_flow()
    run, failed = make_run(flow), make_failed_run(flow)
    assert api.post(f"/runs/{run.pk}/cancel", {"reason": "Twice"}).json()["status"] == "cancelled"
    assert api.post(f"/runs/{run.pk}/cancel").status_code == 409
    assert api.post(f"/runs/{failed.pk}/retry").json()["status"] == "running"
    assert api.post(f"/runs/{failed.pk}/retry").status_code == 409
    assert api.post(f"/runs/{run.pk}/rerun", {"version": "same"}).json()["trigger"] == "rerun"


def test_a_scope_that_is_missing_is_named(db: None) -> None:
    make_flow()
    api = Api(Role.OPERATOR, scopes=["runs.view"])
    answer = api.post("/flows/loan/runs", {"input": INPUT})
    assert answer.status_code == 403
    assert "runs.start" in answer.json()["detail"]


def test_what_is_out_of_reach_is_not_there(db: None) -> None:
    run = make_run(make_flow("secret"))
    api = Api(Role.OPERATOR, flow="loan")
    assert api.get(f"/runs/{run.pk}").status_code == 404
    assert api.post(f"/runs/{run.pk}/cancel").status_code == 404
    assert api.get("/runs").json()["items"] == []
    assert api.get("/flows").json()["items"] == []


@pytest.mark.parametrize(
    "path", ["/flows/nowhere", "/flows/nowhere/versions", "/runs/999999", "/runs/999999/journal"]
)
def test_what_is_not_there_is_a_problem(api: Api, path: str) -> None:
    answer = api.get(path)
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("run_id", ["0", "-1", "x", "9" * 40])
def test_an_id_that_cannot_be_one_is_told(api: Api, run_id: str) -> None:
    assert api.get(f"/runs/{run_id}").status_code in {404, 422}


def test_an_artifact_is_stored_once_and_read_through_a_run(api: Api) -> None:
    make_flow()

    def store() -> Any:
        return api.client.post(f"{V1}/artifacts?name=a.txt", b"hello", content_type="text/plain")

    found = store().json()
    assert store().json() == found
    run = make_run(Flow.objects.get(), input={"document": found})
    response = api.get(f"/artifacts/{found['artifact']}", run=run.pk)
    assert b"".join(response.streaming_content) == b"hello"
    assert (
        api.get(f"/artifacts/{found['artifact']}", run=make_run(Flow.objects.get()).pk).status_code
        == 404
    )
    wrong = api.client.post(f"{V1}/artifacts", b"<svg/>", content_type="image/svg+xml")
    assert wrong.status_code == 415


def test_an_artifact_of_another_program_cannot_be_passed_to_a_run(api: Api) -> None:
    publish_flow("a -> b", name="loan")
    mine = Api(Role.DESIGNER, flow="loan")
    sent = api.client.post(f"{V1}/artifacts", b"theirs", content_type="text/plain").json()
    make_run(make_flow("other"), input={"document": sent})
    refused = mine.post("/flows/loan/runs", {"input": {"document": sent}})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["at"].endswith("document/artifact")
    again = mine.client.post(f"{V1}/artifacts", b"theirs", content_type="text/plain").json()
    assert again == sent
    started = mine.post("/flows/loan/runs", {"input": {"document": sent}})
    assert started.status_code == 201
    run = started.json()["id"]
    response = mine.get(f"/artifacts/{sent['artifact']}", run=run)
    assert b"".join(response.streaming_content) == b"theirs"


def test_the_list_of_runs_makes_a_bounded_number_of_queries(
    api: Api, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    flow = make_flow()
    for _ in range(30):
        make_waiting_run(flow)
    with django_assert_max_num_queries(6):
        api.get("/runs")
