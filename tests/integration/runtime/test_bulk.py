"""One act on many runs: which it takes, which it leaves, and what a death in between does."""

from typing import Any

import pytest
from django.utils import timezone

from flows.engine.lanes import PRIORITY, Lane
from flows.models import BulkAct, Run, Token
from flows.selectors.run_filters import RunFilters
from flows.services import (
    Act,
    BulkActEnded,
    BulkOptionMissing,
    BulkOptions,
    NewRun,
    VersionUnfit,
    plan_bulk_act,
    start_bulk_act,
    start_runs,
    stop_bulk_act,
)
from flows.services.bulk import CHUNK, work_off_chunk
from tests.integration.runtime.kit import ACTOR, deliver_outbox, driving, ended, make_flow, start
from tests.integration.runtime.test_operations import version_of
from workbench.accounts.permissions import EVERYWHERE, Reach
from workbench.audit.models import Entry

pytestmark = pytest.mark.django_db(transaction=True)


def some(flow: Any, runs: int) -> list[Run]:
    now = timezone.now()
    new = [NewRun({"n": n}) for n in range(runs)]
    return [each.run for each in start_runs(flow=flow, runs=new, actor=ACTOR, now=now)]


def begin(act: Act, within: Reach = EVERYWHERE, **given: Any) -> BulkAct:
    filters = RunFilters(**given.pop("filters", {}))
    return start_bulk_act(
        act=act, filters=filters, within=within, actor=ACTOR, now=timezone.now(), **given
    )


def work_off() -> None:
    while deliver_outbox(timezone.now()):
        pass


def test_it_takes_the_runs_that_match_and_counts_them_before_and_after() -> None:
    flow, other = make_flow("a -> b"), make_flow("a -> b", name="other")
    some(flow, CHUNK + 5)
    untouched = start(other)
    filters = RunFilters(flow="kit")
    assert plan_bulk_act(act=Act.CANCEL, filters=filters, within=EVERYWHERE).matched == CHUNK + 5
    bulk = begin(Act.CANCEL, filters={"flow": "kit"}, options=BulkOptions(reason="a mistake"))
    work_off()
    bulk.refresh_from_db()
    assert (bulk.status, bulk.done, bulk.refused) == ("completed", CHUNK + 5, 0)
    assert set(Run.objects.filter(flow=flow).values_list("status", flat=True)) == {"cancelled"}
    untouched.refresh_from_db()
    assert untouched.status == "running"
    assert Entry.objects.filter(action="run.cancelled").count() == CHUNK + 5


def test_it_leaves_runs_that_started_after_it_was_looked_at() -> None:
    flow = make_flow("a -> b")
    [seen] = some(flow, 1)
    plan = plan_bulk_act(act=Act.PAUSE, filters=RunFilters(), within=EVERYWHERE)
    [later] = some(flow, 1)
    begin(Act.PAUSE, up_to=plan.up_to)
    work_off()
    assert [Run.objects.get(pk=run.pk).status for run in (seen, later)] == ["paused", "running"]


def test_a_chunk_that_is_delivered_twice_is_done_once() -> None:
    flow = make_flow("a -> b")
    some(flow, 3)
    bulk = begin(Act.PAUSE)
    args = {"bulk": bulk.pk, "after": 0}
    work_off_chunk(args, timezone.now())
    work_off_chunk(args, timezone.now())
    bulk.refresh_from_db()
    assert (bulk.done, bulk.refused) == (3, 0)


def test_one_that_is_stopped_leaves_the_rest_alone() -> None:
    flow = make_flow("a -> b")
    some(flow, CHUNK + 5)
    bulk = begin(Act.PAUSE)
    work_off_chunk({"bulk": bulk.pk, "after": 0}, timezone.now())
    stop_bulk_act(bulk_id=bulk.pk, actor=ACTOR, now=timezone.now())
    work_off()
    assert Run.objects.filter(status="paused").count() == CHUNK
    with pytest.raises(BulkActEnded):
        stop_bulk_act(bulk_id=bulk.pk, actor=ACTOR, now=timezone.now())


def test_it_keeps_to_the_flows_its_actor_may_operate() -> None:
    mine, other = make_flow("a -> b", name="mine"), make_flow("a -> b", name="other")
    run, foreign = start(mine), start(other)
    within = Reach(everywhere=False, scopes=frozenset({("mine", "")}))
    begin(Act.CANCEL, within)
    work_off()
    assert [Run.objects.get(pk=each.pk).status for each in (run, foreign)] == [
        "cancelled",
        "running",
    ]


def test_a_search_in_the_input_narrows_it_too() -> None:
    flow = make_flow("a -> b")
    now = timezone.now()
    inputs = [{"customer": "Ada"}, {"customer": "Grace"}]
    start_runs(flow=flow, runs=[NewRun(each) for each in inputs], actor=ACTOR, now=now)
    plan = plan_bulk_act(act=Act.CANCEL, filters=RunFilters(text="Grace"), within=EVERYWHERE)
    assert (plan.matched, plan.is_exact) == (1, True)
    begin(Act.CANCEL, filters={"text": "Grace"})
    work_off()
    assert list(Run.objects.order_by("pk").values_list("status", flat=True)) == [
        "running",
        "cancelled",
    ]


def test_failed_runs_are_retried_by_the_kind_of_their_error() -> None:
    flow = make_flow("a -> b", a={"fail_times": 1, "fatal": True})
    with driving():
        run = ended(start(flow))
        Run.objects.create(
            flow=flow,
            version=flow.released,
            status="failed",
            error={"kind": "other"},
            started_at=timezone.now(),
        )
        bulk = begin(Act.RETRY, filters={"error": "asked"})
        run.refresh_from_db()
        until_done(bulk)
    assert (bulk.matched, bulk.done) == (1, 1)


def until_done(bulk: BulkAct) -> None:
    from tests.integration.runtime.kit import until

    def is_done() -> bool:
        bulk.refresh_from_db()
        return bulk.status == "completed"

    until(is_done, "the bulk act")


def test_ended_runs_are_run_again_from_a_step_on_a_newer_version() -> None:
    flow = make_flow(
        "a -> b",
        a={"give": 1},
        b={"type": "transform", "output": "${ steps.a.output }"},
        output={"b": "${ steps.b.output }"},
    )
    version_of(flow, b={"output": "${ steps.a.output + 10 }"})
    with driving():
        olds = [ended(start(flow)) for _ in range(2)]
        bulk = begin(Act.RERUN, filters={"flow": "kit"}, options=BulkOptions(step="b", version=2))
        until_done(bulk)
        news = Run.objects.filter(rerun_of_id__in=[run.pk for run in olds])
        assert [ended(run).output for run in news] == [{"b": 11}] * 2


def test_moving_to_a_lane_takes_the_tokens_with_it() -> None:
    flow = make_flow("a -> b")
    some(flow, 2)
    begin(Act.LANE, options=BulkOptions(lane="bulk"))
    work_off()
    assert set(Run.objects.values_list("priority", flat=True)) == {PRIORITY[Lane.BULK]}
    assert set(Token.objects.values_list("priority", flat=True)) == {PRIORITY[Lane.BULK]}


def test_what_it_needs_to_know_is_asked_for_before_it_begins() -> None:
    make_flow("a -> b")
    with pytest.raises(BulkOptionMissing, match="lane"):
        begin(Act.LANE)
    with pytest.raises(BulkOptionMissing, match="one flow"):
        begin(Act.MIGRATE, options=BulkOptions(version=1))
    with pytest.raises(VersionUnfit, match="no version 7"):
        begin(Act.MIGRATE, filters={"flow": "kit"}, options=BulkOptions(version=7))
    assert not BulkAct.objects.exists()
