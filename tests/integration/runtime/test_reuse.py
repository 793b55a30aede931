"""Results of steps that are declared stable: when they are taken again, and when not."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from flows.models import Flow, Journal, KeptResult, Run
from flows.runtime.reuse import forget_expired
from tests.driving import driving, ended, start
from tests.factories import probes
from tests.factories.probes import publish_flow

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = {"ttl_seconds": 3600}


def asking(name: str = "kit", **config: Any) -> Flow:
    given = {"give": {"said": "${ input.q }"}, "cache": HOUR, **config}
    return publish_flow(
        "ask -> b", ask=given, b={}, output={"said": "${ steps.ask.output.said }"}, name=name
    )


def row(run: Run) -> Journal:
    return Journal.objects.get(run_id=run.pk, step="ask", kind="step.finished")


def test_a_second_run_with_the_same_input_takes_the_first_ones_result() -> None:
    flow = asking()
    with driving():
        first, second = ended(start(flow, {"q": 1})), ended(start(flow, {"q": 1}))
    assert probes.calls["ask"] == 1
    assert first.output == second.output == {"said": 1}
    assert row(second).provenance["reused_from"] == f"{first.pk}:{row(first).seq}"
    assert row(first).provenance is None


def test_another_input_or_another_config_is_called_again() -> None:
    flow, other = asking(), asking("other", port="yes")
    with driving():
        for each in ({"q": 1}, {"q": 2}):
            ended(start(flow, each))
        ended(start(other, {"q": 1}))
    assert probes.calls["ask"] == 3


def test_another_flow_reuses_the_cached_result_too() -> None:
    flow, other = asking(), asking("other")
    with driving():
        ended(start(flow, {"q": 1}))
        ended(start(other, {"q": 1}))
    assert probes.calls["ask"] == 1


def test_a_step_that_is_not_declared_stable_is_called_each_time() -> None:
    flow = publish_flow("ask -> b", ask={"give": 1})
    with driving():
        ended(start(flow))
        ended(start(flow))
    assert probes.calls["ask"] == 2
    assert not KeptResult.objects.exists()


def test_a_result_past_its_time_is_made_anew_and_forgotten() -> None:
    flow = asking()
    with driving():
        ended(start(flow, {"q": 1}))
        KeptResult.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        ended(start(flow, {"q": 1}))
    assert probes.calls["ask"] == 2
    assert KeptResult.objects.get().expires_at > timezone.now()
    forget_expired(timezone.now() + timedelta(hours=2))
    assert not KeptResult.objects.exists()


def test_a_failure_is_not_kept() -> None:
    flow = asking(fail_times=1, fatal=True)
    with driving():
        assert ended(start(flow, {"q": 1})).status == "failed"
        assert ended(start(flow, {"q": 1})).status == "failed"
    assert probes.calls["ask"] == 2
    assert not KeptResult.objects.exists()


def test_a_place_whose_commit_never_came_counts_as_none() -> None:
    flow = asking()
    with driving():
        first = ended(start(flow, {"q": 1}))
        KeptResult.objects.update(activation=99)
        ended(start(flow, {"q": 1}))
    assert probes.calls["ask"] == 2
    assert KeptResult.objects.get().run_id != first.pk


def test_a_result_that_was_taken_leaves_by_its_port() -> None:
    flow = publish_flow(
        "ask.yes -> b",
        "ask.no -> c",
        ask={"port": "no", "cache": HOUR},
        output={"by": "${ steps.ask.port }"},
    )
    with driving():
        ended(start(flow))
        assert ended(start(flow)).output == {"by": "no"}
    assert (probes.calls["ask"], probes.calls["c"]) == (1, 2)
