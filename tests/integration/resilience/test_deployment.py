"""Old and new code side by side: what an older worker does not know, it leaves to a newer one."""

from typing import Any, ClassVar

import pytest

from flows.models import Journal, Run
from flows.runtime import execution
from flows.runtime.program import forget_programs
from flows.steps import registry
from flows.steps.base import Result, RunningStep, StepConfig, StepContext
from tests.driving import driving, ended, start
from tests.factories.probes import publish_flow
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)
MODULE = "tests.integration.resilience.slow_steps"
NAP = {"type": "python", "function": f"{MODULE}:nap", "args": {"seconds": 0.0}}


class Newer(RunningStep):
    name = "test.newer"
    title = "Newer"
    blocking: ClassVar[bool] = False
    Config = StepConfig

    def run(self, ctx: StepContext, config: Any) -> Result:
        return Result("newer")


@pytest.fixture
def newer_type(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    types = dict(registry._TYPES)
    monkeypatch.setattr(registry, "_TYPES", types)
    return types


def wait_until_deferred(run: Run) -> None:
    deferred = Journal.objects.filter(run_id=run.pk, kind="step.deferred")
    until(deferred.exists, "the step to be put off")


def test_a_function_that_this_worker_lacks_waits_for_one_that_has_it(settings: Any) -> None:
    settings.STEP_MODULES = []
    run = start(publish_flow("a -> b", a=NAP))
    with driving():
        wait_until_deferred(run)
        settings.STEP_MODULES = [MODULE]
        assert ended(run).status == "completed"
    assert Journal.objects.filter(run_id=run.pk, kind="step.deferred").count() == 1


def test_a_function_that_nobody_has_fails_once_patience_ends(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STEP_MODULES = []
    monkeypatch.setattr(execution, "CODE_PATIENCE_SECONDS", 0.3)
    run = start(publish_flow("a -> b", a=NAP))
    with driving():
        assert ended(run).error["kind"] == "config"


def test_a_step_type_that_this_worker_lacks_waits_for_one_that_has_it(
    newer_type: dict[str, Any],
) -> None:
    newer_type["test.newer"] = Newer()
    run = start(publish_flow("a -> b", a={"type": "test.newer"}))
    del newer_type["test.newer"]
    forget_programs()
    with driving():
        wait_until_deferred(run)
        newer_type["test.newer"] = Newer()
        assert ended(run).status == "completed"
