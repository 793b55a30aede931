"""Flows that start themselves, however long the way round, stop at a limit that says so."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from flows.models import Flow, Run
from flows.selectors.circles import list_circles
from flows.services import chains, start_run
from flows.services.errors import ServiceError
from flows.services.starting import NewRun, start_runs
from flows.triggers import listening
from flows.triggers.jobs import start_at_end, start_at_event
from flows.triggers.models import Trigger
from flows.triggers.services import create_trigger
from tests.driving import driving, ended, start
from tests.factories.people import ACTOR
from tests.factories.probes import publish_flow
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_counts() -> None:
    chains._counts.clear()


def test_a_for_each_that_calls_itself_stops_at_the_runs_of_one_chain(
    settings: Any,
) -> None:
    settings.MAX_CHAIN_RUNS = 20
    flow = publish_flow(
        "each -> after",
        each={"type": "for_each", "flow": "kit", "items": [1, 2], "input": {}},
    )
    with driving():
        run = ended(start(flow))
    assert run.status == "failed"
    assert Run.objects.count() <= 1 + 20
    assert Run.objects.exclude(pk=run.pk).exclude(root_id=run.pk).count() == 0
    refused = [each for each in Run.objects.all() if "has led to" in str(each.error)]
    assert refused
    assert f"Run {run.pk} has led to" in str(refused[-1].error)
    assert "MAX_CHAIN_RUNS" in str(refused[-1].error)


def test_a_called_run_knows_the_first_run_and_its_depth() -> None:
    publish_flow("a -> b", name="last")
    publish_flow("call -> b", name="middle", call={"type": "subflow", "flow": "last"})
    first = publish_flow("call -> b", name="first", call={"type": "subflow", "flow": "middle"})
    with driving():
        run = ended(start(first))
    assert run.status == "completed"
    places = list(Run.objects.order_by("pk").values_list("flow__name", "root_id", "depth"))
    assert places == [("first", None, 0), ("middle", run.pk, 1), ("last", run.pk, 2)]


def _count(flow: Flow) -> int:
    return Run.objects.filter(flow=flow).count()


def test_events_that_start_flows_in_a_circle_stop_at_the_depth(settings: Any) -> None:
    settings.MAX_CHAIN_DEPTH = 3
    flow = publish_flow("tell -> after", tell={"type": "event.emit", "event": "again"})
    trigger = _listen(flow, "event", event="again")
    with driving():
        start(flow)
        refused = until(lambda: trigger.firings.filter(outcome="refused").first(), "a refusal")
    assert "3 levels" in refused.error
    assert [run.depth for run in Run.objects.order_by("pk")] == [0, 1, 2, 3]


def test_ends_that_start_flows_in_a_circle_stop_at_the_depth(settings: Any) -> None:
    settings.MAX_CHAIN_DEPTH = 2
    flow = publish_flow("a -> b")
    trigger = _listen(flow, "flow", flow="kit")
    with driving():
        start(flow)
        refused = until(lambda: trigger.firings.filter(outcome="refused").first(), "a refusal")
    assert "2 levels" in refused.error
    assert [run.depth for run in Run.objects.order_by("pk")] == [0, 1, 2]


def test_an_event_of_an_earlier_release_names_no_run() -> None:
    start_at_event({"event": 0}, timezone.now())
    start_at_end({"run": 0, "status": "completed", "at": ""}, timezone.now())


def test_a_flow_starts_only_so_many_runs_in_a_minute(settings: Any) -> None:
    settings.MAX_STARTS_A_MINUTE = 5
    flow, other = publish_flow("a -> b"), publish_flow("a -> b", name="other")
    now = timezone.now()

    def begin(flow: Flow, count: int, at: Any = now) -> None:
        start_runs(flow=flow, runs=[NewRun({})] * count, actor=ACTOR, now=at)

    begin(flow, 3)
    with pytest.raises(ServiceError, match="5 runs in the last minute"):
        begin(flow, 3)
    begin(flow, 2)
    for _ in range(2):
        with pytest.raises(ServiceError, match="5 runs in the last minute"):
            begin(flow, 1)
    begin(other, 5)
    begin(flow, 5, now + timedelta(seconds=61))
    assert (_count(flow), _count(other)) == (10, 5)


def test_starts_that_another_process_made_count_too(settings: Any) -> None:
    settings.MAX_STARTS_A_MINUTE = 5
    flow = publish_flow("a -> b")
    for _ in range(5):
        start_run(flow=flow, input={}, actor=ACTOR, now=timezone.now())
    chains._counts.clear()
    with pytest.raises(ServiceError, match="in the last minute"):
        start_run(flow=flow, input={}, actor=ACTOR, now=timezone.now())


def test_starts_outside_a_chain_cost_no_query() -> None:
    flow = publish_flow("a -> b")
    with CaptureQueriesContext(connection) as asked:
        for _ in range(200):
            chains.check_limits(chains.place_after(None), flow, 10, timezone.now())
    assert len(asked) == 0


def test_a_circle_of_calls_is_a_warning_at_the_step_that_closes_it() -> None:
    publish_flow("call -> b", name="third", call={"type": "subflow", "flow": "first"})
    publish_flow("call -> b", name="second", call={"type": "for_each", "flow": "third"})
    first = publish_flow(
        "call -> again",
        name="first",
        call={"type": "subflow", "flow": "second"},
        again={"type": "subflow", "flow": "nowhere"},
    )
    [found] = list_circles(first.draft)
    assert (found.severity, found.step, found.field) == ("warning", "call", "with.flow")
    assert "first calls second calls third calls first" in found.message


def test_a_flow_that_calls_itself_is_warned_of_with_no_other_flow() -> None:
    flow = publish_flow("call -> b", call={"type": "subflow", "flow": "kit"})
    [found] = list_circles(flow.draft)
    assert "kit calls kit" in found.message


def _listen(flow: Flow, kind: str, /, **config: Any) -> Trigger:
    made = create_trigger(
        flow=flow, kind=kind, title="Again", config=config, input={}, actor=ACTOR,
        now=timezone.now() - timedelta(seconds=10),
    )  # fmt: skip
    listening.forget()
    return made.trigger
