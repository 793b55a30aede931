"""Operations on runs over HTTP: plans before acts, and who may."""

import pytest
from django.utils import timezone

from flows.models import BulkAct, Flow, Run
from flows.services.bulk import work_off_chunk
from tests.factories.flows import LOAN, make_flow, make_version, release
from tests.factories.runs import make_completed_run, make_failed_run, make_run, make_waiting_run
from tests.web.api import Api
from tests.web.pages import problem_of
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Api:
    return Api(Role.OPERATOR)


def test_a_run_is_paused_and_resumed(api: Api) -> None:
    run = make_run(make_flow())
    assert api.post(f"/runs/{run.pk}/pause").json()["status"] == "paused"
    assert api.post(f"/runs/{run.pk}/pause").status_code == 409
    assert api.post(f"/runs/{run.pk}/resume").json()["status"] == "running"


def test_the_plan_of_a_rerun_says_what_is_kept_what_repeats_and_what_acts_outside(
    api: Api,
) -> None:
    steps = {
        **LOAN["steps"],
        "tell": {"type": "http.request", "with": {"url": "https://x.test/", "method": "POST"}},
    }
    edges = ["fee.done -> tell", "tell.done -> settle"]
    run = make_completed_run(make_flow(steps=steps, edges=edges))
    plan = api.get(f"/runs/{run.pk}/rerun", step="tell", version="same").json()
    assert plan["reused"] == ["fee"]
    assert plan["repeated"] == ["settle", "tell"] or plan["repeated"] == ["tell", "settle"]
    assert (plan["effects"], plan["asks"], plan["missing"]) == (["tell"], [], {})
    whole = api.get(f"/runs/{run.pk}/rerun", version="same").json()
    assert (whole["reused"], len(whole["repeated"])) == ([], 3)


def test_a_plan_names_outputs_that_are_not_there(api: Api) -> None:
    flow = make_flow()
    run = make_completed_run(flow)
    steps = {
        **LOAN["steps"],
        "check": {"type": "transform", "with": {"output": {}}},
        "settle": {"type": "end", "with": {"output": "${ steps.check.output }"}},
    }
    make_version(flow, 2, {**LOAN, "steps": steps, "edges": ["fee.done -> check", *LOAN["edges"]]})
    plan = api.get(f"/runs/{run.pk}/rerun", step="settle", version="2").json()
    assert plan["missing"] == {"settle": ["check"]}


def test_a_rerun_takes_a_step_a_version_and_another_input(api: Api) -> None:
    flow = make_flow()
    run = make_completed_run(flow)
    body = {"step": "settle", "version": 1, "input": {"amount": 5, "purpose": "car"}}
    made = api.post(f"/runs/{run.pk}/rerun", body)
    assert made.status_code == 201
    assert made.json()["rerun_of"] == run.pk
    new = Run.objects.get(pk=made.json()["id"])
    assert (new.input["amount"], new.tokens.get().step) == (5, "settle")
    wrong = api.post(f"/runs/{run.pk}/rerun", {"step": "nowhere"})
    assert (wrong.status_code, problem_of(wrong)) == (422, "step-unknown")
    unfit = api.post(f"/runs/{run.pk}/rerun", {"input": {"amount": "much"}})
    assert problem_of(unfit) == "input-invalid"


def test_a_waiting_run_is_migrated_where_its_step_still_exists(api: Api) -> None:
    steps = {**LOAN["steps"], "review": {"type": "wait", "with": {"seconds": 60}}}
    flow = make_flow(steps=steps)
    run = make_waiting_run(flow)
    release(make_version(flow, 2))
    assert api.post(f"/runs/{run.pk}/migrate", {"version": 2}).json()["version"] == 2
    release(make_version(flow, 3, LOAN))
    gone = api.post(f"/runs/{run.pk}/migrate", {"version": 3})
    assert (gone.status_code, problem_of(gone)) == (409, "version-unfit")


def test_a_run_moves_to_another_lane(api: Api) -> None:
    run = make_run(make_flow())
    assert api.post(f"/runs/{run.pk}/lane", {"lane": "bulk"}).json()["lane"] == "bulk"
    assert api.post(f"/runs/{run.pk}/lane", {"lane": "fast"}).status_code == 422


def test_a_start_names_its_lane(api: Api) -> None:
    make_flow()
    body = {"input": {"amount": 1, "purpose": "car"}, "lane": "interactive"}
    made = api.post("/flows/loan/runs", body)
    assert made.json()["lane"] == "interactive"
    assert Run.objects.get().priority == 20


def test_a_flow_is_paused_with_its_runs(api: Api) -> None:
    run = make_run(make_flow())
    assert api.post("/flows/loan/pause").json()["paused_at"]
    work_off()
    run.refresh_from_db()
    assert run.status == "paused"
    assert api.post("/flows/loan/resume").json()["paused_at"] is None
    work_off()
    run.refresh_from_db()
    assert run.status == "running"


def work_off() -> None:
    for bulk in BulkAct.objects.filter(status="running"):
        work_off_chunk({"bulk": bulk.pk, "after": bulk.after}, timezone.now())


@pytest.fixture
def loan() -> Flow:
    return make_flow()


def test_a_bulk_retry_begins_after_a_plan_told_how_many(api: Api, loan: Flow) -> None:
    for _ in range(3):
        make_failed_run(loan)
    make_completed_run(loan)
    plan = api.post("/bulk-acts/plan", {"act": "retry", "filter": {"flow": "loan"}}).json()
    assert (plan["matched"], plan["is_exact"]) == (3, True)
    later = make_failed_run(loan)
    body = {"act": "retry", "filter": {"flow": "loan"}, "up_to": plan["up_to"]}
    begun = api.post("/bulk-acts", body)
    assert (begun.status_code, begun.json()["status"]) == (202, "running")
    work_off()
    ended = api.get(f"/bulk-acts/{begun.json()['id']}").json()
    assert (ended["status"], ended["done"], ended["refused"]) == ("completed", 3, 0)
    later.refresh_from_db()
    assert later.status == "failed"
    assert [each["id"] for each in api.get("/bulk-acts").json()["items"]] == [ended["id"]]


def test_an_act_that_lacks_something_is_refused_with_what(api: Api, loan: Flow) -> None:
    missing = api.post("/bulk-acts", {"act": "lane"})
    assert (missing.status_code, problem_of(missing)) == (422, "option-missing")
    unknown = api.post("/bulk-acts", {"act": "retry", "filter": {"flwo": "loan"}})
    assert unknown.status_code == 422


def test_an_operator_of_one_flow_acts_on_its_runs_alone(loan: Flow) -> None:
    other = make_failed_run(make_flow("other"))
    mine = make_failed_run(loan)
    api = Api(Role.OPERATOR, flow="loan")
    plan = api.post("/bulk-acts/plan", {"act": "retry"}).json()
    assert plan["matched"] == 1
    begun = api.post("/bulk-acts", {"act": "retry", "filter": {"flow": "loan"}}).json()
    work_off()
    assert {run.pk: run.status for run in Run.objects.all()} == {
        other.pk: "failed",
        mine.pk: "running",
    }
    stopped = api.post(f"/bulk-acts/{begun['id']}/stop")
    assert (stopped.status_code, problem_of(stopped)) == (409, "bulk-act-ended")
    assert Api(Role.OPERATOR, flow="other").get(f"/bulk-acts/{begun['id']}").status_code == 404


def test_a_designer_may_run_again_and_not_pause(loan: Flow) -> None:
    run = make_completed_run(loan)
    api = Api(Role.DESIGNER, scopes=["runs.view", "runs.start"])
    assert api.post(f"/runs/{run.pk}/rerun", {}).status_code == 201
    assert api.post(f"/runs/{run.pk}/pause").status_code == 403


def test_a_run_that_waits_for_a_person_says_so_as_the_filter_does(api: Api) -> None:
    flow = make_flow()
    waiting, other = make_waiting_run(flow), make_completed_run(flow)
    shown = api.get(f"/runs/{waiting.pk}").json()
    assert (shown["status"], shown["state"]) == ("running", "waiting")
    assert api.get(f"/runs/{other.pk}").json()["state"] == "completed"
    rows = api.get("/runs", state="waiting").json()["items"]
    assert [(row["id"], row["state"]) for row in rows] == [(waiting.pk, "waiting")]
