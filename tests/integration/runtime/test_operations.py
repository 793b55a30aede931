"""Rerun, migrate, pause a flow: what they reuse, repeat and refuse."""

import pytest
from django.utils import timezone

from flows.graph.codec import parse, to_mapping
from flows.models import Flow, FlowVersion, Journal, Run
from flows.services import (
    FlowPaused,
    FlowTestsFailed,
    RunBusy,
    StepUnknown,
    VersionUnfit,
    for_each_run,
    migrate_run,
    pause_flow,
    plan_rerun,
    publish_version,
    rerun,
    resume_flow,
    retry_run,
)
from tests.driving import driving, ended, start
from tests.factories import probes
from tests.factories.people import ACTOR
from tests.factories.probes import publish_flow
from tests.integration.runtime.test_runs import open_wait, resolve
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

DOUBLED = {"type": "transform", "output": {"n": "${ steps.a.output.n * 2 }"}}


def version_of(flow: Flow, **changes: dict[str, object]) -> FlowVersion:
    """Publish a version in which the given steps are changed; None takes one out."""
    document = to_mapping(parse(flow.released.document))
    for step, config in changes.items():
        document["steps"][step]["with"] = config
    number = flow.versions.count() + 1
    now = timezone.now()
    return FlowVersion.objects.create(
        flow=flow, number=number, document=document, digest=str(number), published_at=now
    )


def test_a_rerun_reuses_what_came_before_and_repeats_what_follows() -> None:
    flow = publish_flow(
        "a -> b", "b -> c", a={"give": {"n": 2}}, b=DOUBLED, output={"n": "${ steps.b.output.n }"}
    )
    with driving():
        old = ended(start(flow))
        plan = plan_rerun(run_id=old.pk, step="b")
        assert (plan.reused, plan.repeated) == (("a", "c"), ("b", "c"))
        new = ended(rerun(run_id=old.pk, step="b", actor=ACTOR, now=timezone.now()).run)
    assert (new.status, new.output, new.rerun_of_id) == ("completed", {"n": 4}, old.pk)
    assert probes.calls == {"a": 1, "c": 2}
    copied = Journal.objects.get(run_id=new.pk, step="a")
    assert copied.provenance["reused_from"].startswith(f"{old.pk}:")


def test_a_rerun_can_take_edited_input_and_a_newer_version() -> None:
    flow = publish_flow(
        "a -> b",
        b={"type": "transform", "output": "${ input.n }"},
        output={"b": "${ steps.b.output }"},
    )
    newer = version_of(flow, b={"output": "${ input.n + 100 }"})
    with driving():
        old = ended(start(flow, {"n": 1}))
        new = rerun(
            run_id=old.pk,
            step=None,
            input={"n": 5},
            version_id=newer.pk,
            actor=ACTOR,
            now=timezone.now(),
        ).run
        assert ended(new).output == {"b": 105}
    old.refresh_from_db()
    assert old.output == {"b": 1}


def test_a_rerun_from_a_step_that_is_not_there_is_refused() -> None:
    flow = publish_flow("a -> b")
    run = start(flow)
    with pytest.raises(StepUnknown, match="no step 'x'"):
        plan_rerun(run_id=run.pk, step="x")
    other = publish_flow("a -> b", name="other")
    with pytest.raises(VersionUnfit):
        plan_rerun(run_id=run.pk, step="a", version_id=other.released_id)


def test_a_waiting_run_goes_on_with_a_newer_version() -> None:
    flow = publish_flow(
        "g -> b", g={"type": "test.gate"}, b={"give": 1}, output={"b": "${ steps.b.output }"}
    )
    newer = version_of(flow, b={"give": 2})
    with driving():
        run = start(flow)
        wait = open_wait(run)
        migrate_run(run_id=run.pk, version_id=newer.pk, actor=ACTOR, now=timezone.now())
        resolve(wait)
        assert ended(run).output == {"b": 2}


def test_a_run_whose_step_is_gone_or_in_work_is_not_migrated() -> None:
    flow = publish_flow("g -> b", g={"type": "test.gate"}, b={"sleep": 0.4})
    document = to_mapping(parse(flow.released.document))
    del document["steps"]["g"]
    document["edges"] = []
    without = FlowVersion.objects.create(
        flow=flow, number=2, document=document, digest="2", published_at=timezone.now()
    )
    with driving():
        run = start(flow)
        wait = open_wait(run)
        with pytest.raises(VersionUnfit, match="has no step 'g'"):
            migrate_run(run_id=run.pk, version_id=without.pk, actor=ACTOR, now=timezone.now())
        resolve(wait)
        until(lambda: probes.calls["b"], "step b")
        with pytest.raises(RunBusy):
            migrate_run(run_id=run.pk, version_id=without.pk, actor=ACTOR, now=timezone.now())
        ended(run)


def test_a_paused_flow_takes_no_runs_and_holds_those_it_has() -> None:
    flow = publish_flow("g -> b", g={"type": "test.gate"})
    with driving():
        run = start(flow)
        wait = open_wait(run)
        pause_flow(flow_id=flow.pk, actor=ACTOR, now=timezone.now())
        until(lambda: Run.objects.get(pk=run.pk).status == "paused", "the run to be paused")
        flow.refresh_from_db()
        with pytest.raises(FlowPaused):
            start(flow)
        resolve(wait)
        run.refresh_from_db()
        assert run.status == "paused"
        resume_flow(flow_id=flow.pk, actor=ACTOR, now=timezone.now())
        assert ended(run).status == "completed"


def test_bulk_says_what_it_did_and_why_not() -> None:
    flow = publish_flow("a -> b", a={"fail_times": 1, "fatal": True})
    good = publish_flow("x -> y", name="good")
    with driving():
        failed, fine = ended(start(flow)), ended(start(good))
    now = timezone.now()
    result = for_each_run(
        [failed.pk, fine.pk], lambda run_id: retry_run(run_id=run_id, actor=ACTOR, now=now)
    )
    assert (result.done, result.refused) == (1, [(fine.pk, f"Run {fine.pk} has not failed.")])
    assert Run.objects.get(pk=failed.pk).status == "running"


def test_a_draft_whose_own_tests_fail_is_not_published() -> None:
    flow = publish_flow(
        "a -> b", a={"type": "transform", "output": 1}, b={"type": "transform", "output": 2}
    )
    wrong = {"name": "wrong", "input": {}, "expect": {"path": ["b", "a"]}}
    Flow.objects.filter(pk=flow.pk).update(draft={**flow.draft, "tests": [wrong]})
    with pytest.raises(FlowTestsFailed, match="'wrong'"):
        publish_version(
            flow_id=flow.pk,
            revision=flow.draft_revision,
            note="x",
            author=None,
            actor=ACTOR,
            now=timezone.now(),
        )
    assert flow.versions.count() == 1
