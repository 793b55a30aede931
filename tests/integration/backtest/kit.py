"""Recorded runs for backtests: a score, a threshold, people between, a mail at the end."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from flows.backtest.models import Backtest
from flows.backtest.selectors import choose_runs
from flows.backtest.services import Choice, play_part, start_backtest
from flows.models import Flow, Run, Wait
from flows.selectors.run_filters import RunFilters
from flows.services import resolve_wait
from flows.steps import models
from flows.steps.base import Opened, StepConfig, StepContext, WaitingStep
from flows.steps.registry import all_step_types, register
from tests.driving import driving, start
from tests.factories.people import ACTOR
from tests.factories.probes import publish_flow
from tests.waiting import until

FUZZY = "test-fuzzy"
answers: list[float] = []

if "test.desk" not in {type_.name for type_ in all_step_types()}:

    @register
    class Desk(WaitingStep):
        """A checkpoint without cases: a test resolves its wait."""

        name = "test.desk"
        title = "Desk"
        asks_people = True

        class Config(StepConfig):
            pass

        def ports(self, config: Mapping[str, Any]) -> tuple[str, ...]:
            return ("yes", "no")

        def open(self, ctx: StepContext, config: Config) -> Opened:
            return Opened("case", key=f"desk-{ctx.wait_id}")

    class Fuzzy:
        """A model that gives what the test lays out, whatever it is asked."""

        name = FUZZY
        version = "1"
        digest = "fuzzy"

        def predict(
            self, values: Mapping[str, Any]
        ) -> tuple[Mapping[str, Any], float, Sequence[models.Reason]]:
            return {"p": answers.pop(0) if answers else values["p"]}, 1.0, ()

    models.LOCAL.register(Fuzzy())

MAIL = {"type": "notify", "to": ["a@example.com"], "subject": "s", "body": "b"}


def loan(*, at: float = 0.8, name: str = "loan") -> Flow:
    """Publish a flow: clear from ``at`` up, told no below 0.3, people between."""
    return publish_flow(
        "score -> route",
        "route.clear -> granted",
        "route.poor -> tell",
        "route.unsure -> desk",
        "desk.yes -> granted",
        "desk.no -> tell",
        "tell -> refused",
        name=name,
        score={"type": "model.infer", "model": FUZZY, "input": "${ input }"},
        route=branch(at),
        desk={"type": "test.desk"},
        tell=dict(MAIL),
        granted={"type": "end", "outcome": "granted"},
        refused={"type": "end", "outcome": "refused"},
    )


def branch(at: float) -> dict[str, Any]:
    said = "steps.score.output.prediction.p"
    cases = [
        {"port": "clear", "when": f"double({said}) >= {at}"},
        {"port": "poor", "when": f"double({said}) < 0.3"},
    ]
    return {"type": "branch", "cases": cases, "otherwise": "unsure"}


def with_threshold(flow: Flow, at: float) -> dict[str, Any]:
    """Return the flow's draft with another threshold."""
    document = dict(flow.draft)
    route = {
        **document["steps"]["route"],
        "with": {k: v for k, v in branch(at).items() if k != "type"},
    }
    return {**document, "steps": {**document["steps"], "route": route}}


def record_runs(
    flow: Flow, scores: Sequence[float], decide: Mapping[int, str] | None = None
) -> list[Run]:
    """Run the flow on each score; ``decide`` says by index what people answered."""
    runs = [start(flow, {"p": score}) for score in scores]
    with driving(riders=4):
        until(lambda: _settled(runs), "the runs to settle")
        for index, port in (decide or {}).items():
            wait = Wait.objects.get(run=runs[index])
            with transaction.atomic():
                resolve_wait(
                    wait_id=wait.pk, port=port, output={"outcome": port}, now=timezone.now(),
                    actor=ACTOR,
                )  # fmt: skip
        until(lambda: _settled(runs), "the runs to settle")
    for run in runs:
        run.refresh_from_db()
    return runs


def _settled(runs: Sequence[Run]) -> bool:
    mine = Run.objects.filter(pk__in=[run.pk for run in runs])
    moving = mine.filter(tokens__state__in=["ready", "running"])
    return not moving.exists()


def backtest(flow: Flow, document: Any = None, **choice: Any) -> Backtest:
    """Play a document over all runs of the flow, to the end, and return the result."""
    flow.refresh_from_db()
    run_ids = choose_runs(flow, RunFilters(flow=flow.name), most=1_000)
    made = start_backtest(
        flow=flow, choice=Choice(run_ids, "all", **choice), author=None, now=timezone.now(),
        queued=False, document=document,
    )  # fmt: skip
    while play_part(backtest_id=made.pk, now=timezone.now(), queued=False):
        pass
    made.refresh_from_db()
    return made
