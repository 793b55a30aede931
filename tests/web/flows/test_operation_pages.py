"""The operator's pages: the plan of a rerun, acts on many runs, lanes, pausing a flow."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from flows.models import BulkAct, Run
from flows.services.bulk import work_off_chunk
from tests.factories.flows import LOAN, make_flow, make_version, release
from tests.factories.runs import add_token, make_completed_run, make_failed_run, make_run
from tests.web.pages import text_of
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db

POST = {"type": "http.request", "title": "Tell the bank", "with": {"method": "POST"}}


def test_the_plan_is_shown_before_anything_is_started(operator: Client) -> None:
    steps = {**LOAN["steps"], "tell": POST}
    edges = ["fee.done -> tell", "tell.done -> settle"]
    run = make_completed_run(make_flow(steps=steps, edges=edges))
    page = " ".join(text_of(operator.get(f"/runs/{run.pk}/rerun/?step=tell")).split())
    assert "May act outside again:</strong> Tell the bank" in page
    assert page.index('data-fate="reused"') < page.index('data-fate="start"')
    alone = text_of(operator.get(f"/runs/{run.pk}/rerun/plan/?step=settle"))
    assert "Nothing acts outside again" in alone
    assert Run.objects.count() == 1


def test_a_rerun_from_a_step_with_another_input(operator: Client) -> None:
    run = make_completed_run(make_flow())
    form = {"step": "settle", "version": "1", "key": "k1"}
    form["input"] = '{"amount": 7, "purpose": "car"}'
    answer = operator.post(f"/runs/{run.pk}/rerun/", form)
    made = Run.objects.latest("pk")
    assert answer["Location"] == f"/runs/{made.pk}/"
    assert (made.input["amount"], made.rerun_of_id) == (7, run.pk)
    operator.post(f"/runs/{run.pk}/rerun/", form)
    assert Run.objects.count() == 2, "the form sent twice starts one run"
    assert f"run {run.pk}</a>" in text_of(operator.get(f"/runs/{made.pk}/"))


@pytest.mark.parametrize(
    ("text", "said"), [("{", "This is not JSON"), ('{"amount": 0}', "amount"), ("[]", "the input")]
)
def test_an_input_that_does_not_fit_is_kept_and_explained(
    operator: Client, text: str, said: str
) -> None:
    run = make_completed_run(make_flow())
    answer = operator.post(f"/runs/{run.pk}/rerun/", {"input": text})
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert Run.objects.count() == 1


def test_a_step_that_the_version_lacks_is_said(operator: Client) -> None:
    run = make_completed_run(make_flow())
    assert "does not have that step" in text_of(operator.get(f"/runs/{run.pk}/rerun/?step=gone"))


def test_a_waiting_run_is_moved_to_a_version_and_a_lane(operator: Client) -> None:
    flow = make_flow()
    run = make_run(flow)
    release(make_version(flow, 2))
    assert operator.post(f"/runs/{run.pk}/migrate/", {"version": "9"}).status_code == 422
    operator.post(f"/runs/{run.pk}/migrate/", {"version": "2"})
    operator.post(f"/runs/{run.pk}/lane/", {"lane": "bulk"})
    run.refresh_from_db()
    assert (run.version.number, run.priority) == (2, 200)
    ended = make_completed_run(flow)
    assert operator.post(f"/runs/{ended.pk}/migrate/", {"version": "2"}).status_code == 409
    assert operator.post(f"/runs/{ended.pk}/lane/", {"lane": "bulk"}).status_code == 409


def work_off() -> BulkAct:
    bulk = BulkAct.objects.get()
    work_off_chunk({"bulk": bulk.pk, "after": bulk.after}, timezone.now())
    bulk.refresh_from_db()
    return bulk


def test_a_bulk_act_begins_after_the_number_of_its_runs_was_confirmed(operator: Client) -> None:
    flow = make_flow()
    runs = [make_failed_run(flow) for _ in range(3)]
    make_completed_run(flow)
    assert "/runs/many/?state=failed" in text_of(operator.get("/runs/?state=failed"))
    page = text_of(operator.get("/runs/many/?state=failed"))
    assert "Retry 3 runs" in page
    form = {"act": "retry", "up_to": str(runs[1].pk)}
    begun = operator.post("/runs/many/?state=failed", form)
    bulk = work_off()
    assert begun["Location"] == f"/runs/many/{bulk.pk}/"
    assert (bulk.done, bulk.status) == (2, "completed")
    assert "2 of 3" in text_of(operator.get(f"/runs/many/{bulk.pk}/")).replace("</span>", "")
    assert operator.post(f"/runs/many/{bulk.pk}/stop/").status_code == 302


def test_what_was_refused_is_listed_with_its_reason(operator: Client) -> None:
    steps = {"other": {"type": "end"}}
    flow = make_flow()
    run = make_run(flow)
    add_token(run, "fee", "waiting")
    release(make_version(flow, 2, {**LOAN, "steps": steps, "edges": []}))
    operator.post("/runs/many/?flow=loan", {"act": "migrate", "version": "2"})
    bulk = work_off()
    assert (bulk.done, bulk.refused) == (0, 1)
    assert "has no step" in text_of(operator.get(f"/runs/many/{bulk.pk}/progress/"))


def test_an_act_that_needs_to_know_more_says_what(operator: Client) -> None:
    make_run(make_flow())
    answer = operator.post("/runs/many/", {"act": "lane"})
    assert (answer.status_code, BulkAct.objects.count()) == (422, 0)
    assert "The act needs a lane" in text_of(answer)
    assert operator.get("/runs/many/?act=explode").status_code == 404


def test_an_operator_of_one_flow_counts_its_runs_alone(client_of: Callable[..., Client]) -> None:
    make_failed_run(make_flow("loan"))
    make_failed_run(make_flow("other"))
    page = text_of(client_of(Role.OPERATOR, flow="loan").get("/runs/many/?state=failed"))
    assert "Retry 1 run<" in page


def test_a_flow_is_paused_and_resumed_on_its_page(operator: Client, auditor: Client) -> None:
    flow = make_flow()
    make_run(flow)
    assert auditor.post("/flows/loan/pause/").status_code == 403
    operator.post("/flows/loan/pause/")
    flow.refresh_from_db()
    assert flow.paused_at
    assert "accepts no new runs" in text_of(operator.get("/flows/loan/"))
    operator.post("/flows/loan/pause/", {"resume": "1"})
    flow.refresh_from_db()
    assert flow.paused_at is None


def test_failed_runs_are_listed_by_the_kind_of_their_error(operator: Client) -> None:
    flow = make_flow()
    run = make_failed_run(flow)
    other: Any = make_failed_run(flow)
    Run.objects.filter(pk=other.pk).update(error={"kind": "timeout"})
    page = text_of(operator.get("/runs/rows/?error=timeout"))
    assert f'id="run-{other.pk}"' in page
    assert f'id="run-{run.pk}"' not in page


def test_health_tells_lanes_what_is_slow_and_what_nothing_moves(operator: Client) -> None:
    flow = make_flow()
    slow = make_run(flow, priority=200)
    add_token(slow, "fee", "running", priority=200)
    lost = make_run(flow)
    make_failed_run(flow)
    page = text_of(operator.get("/health/"))
    assert "1 run is stuck" in page
    assert page.index(f"/runs/{slow.pk}/") < page.index(f"/runs/{lost.pk}/")
    assert "Its step takes long" in page
    assert "state=failed&amp;flow=loan&amp;error=http&amp;act=retry" in page


def test_the_cause_in_a_called_run_is_one_click_away(operator: Client) -> None:
    flow = make_flow()
    called = make_failed_run(flow)
    caller = make_failed_run(flow)
    detail = {"run": called.pk, "cause": called.error}
    error = {"kind": "subflow", "message": "Run failed.", "step": "fee", "detail": detail}
    Run.objects.filter(pk=caller.pk).update(error=error)
    page = text_of(operator.get(f"/runs/{caller.pk}/"))
    assert f'The cause is in <a href="/runs/{called.pk}/">run {called.pk}</a>' in page
    assert "The rate service is down." in page
