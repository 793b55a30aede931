"""The step types that call other flows: `subflow` and `for_each`.

Both open a wait and start child runs in the same transaction. A child's end reaches its caller
through the outbox. The handler looks at the rows, so a message that is repeated changes nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from flows.calls.ends import cancel_children
from flows.expressions import ExpressionError, compile_template
from flows.graph.model import Step
from flows.graph.reaching import Reaching
from flows.models import Flow, FlowVersion, Run, RunStatus
from flows.runtime.held import find_passed_on
from flows.services.errors import ServiceError, StartLimit
from flows.services.run_keys import OwnKey
from flows.services.starting import NewRun, start_runs
from flows.steps.base import (
    Opened,
    Result,
    StepConfig,
    StepContext,
    StepFailure,
    WaitingStep,
)
from flows.steps.registry import register
from workbench.accounts.actors import Actor

Json = Any
MOST_ITEMS = 10_000


class CalledFlow(StepConfig):
    flow: str = Field(title="Flow", description="The name of the flow to run.")
    version: int | None = Field(
        None, title="Version", description="A fixed version; empty for the released one."
    )
    wait: bool = Field(
        True,
        title="Wait for the end",
        description="If not, this run goes on at once and never learns how the other one ended.",
    )


def _find_called_flow(config: CalledFlow) -> tuple[Flow, int | None]:
    flow = Flow.objects.filter(name=config.flow).first()
    if flow is None:
        raise StepFailure(
            f"There is no flow {config.flow!r} to call.", kind="config", retryable=False
        )
    if config.version is None:
        return flow, None
    version = FlowVersion.objects.filter(flow=flow, number=config.version).first()
    if version is None:
        raise StepFailure(
            f"Flow {config.flow!r} has no version {config.version}.",
            kind="config",
            retryable=False,
        )
    return flow, version.pk


def _start_called(
    ctx: StepContext, config: CalledFlow, inputs: Sequence[Json], at_once: int | None
) -> list[Run]:
    flow, version_id = _find_called_flow(config)
    return start_children(ctx, flow, version_id, inputs, at_once=at_once, waits=config.wait)


def start_children(
    ctx: StepContext,
    flow: Flow,
    version_id: int | None,
    inputs: Sequence[Json],
    *,
    at_once: int | None = None,
    waits: bool = True,
) -> list[Run]:
    """Start a run for each input, on behalf of the step that opens its wait.

    ``version_id`` is None for the released one. With ``waits`` their ends reach the step, and those
    past ``at_once`` begin later. Raises: StepFailure.
    """
    keys = (OwnKey.of(ctx.idempotency_key, n) for n in range(len(inputs)))
    kept = ("priority", "status", "requested_by", "root_id", "depth")
    caller = Run.objects.only(*kept).get(pk=ctx.run_id)
    if caller.status == RunStatus.PAUSED:
        # It was paused while this step was under way: the children begin when it is resumed.
        at_once = 0
    try:
        started = start_runs(
            flow=flow,
            runs=[
                NewRun(given, key, caller.priority) for given, key in zip(inputs, keys, strict=True)
            ],
            actor=Actor.system(f"run {ctx.run_id}"),
            now=ctx.now,
            trigger="flow",
            version_id=version_id,
            parent_wait_id=ctx.wait_id if waits else None,
            at_once=at_once if waits else None,
            passed_on=find_passed_on(ctx.run_id, list(inputs)),
            asked_by=caller.requested_by,
            cause=caller,
        )
    except StartLimit as error:
        raise StepFailure(error.whole, kind="subflow", retryable=False) from error
    except ServiceError as error:
        raise StepFailure(str(error), kind="subflow", retryable=False) from error
    return [each.run for each in started]


class CallingStep(WaitingStep):
    """A step that calls other flows."""

    def acts_outside(self, config: Mapping[str, Json]) -> bool:
        # It is not known here what the called flow does.
        return True

    def reaches(self, flow: str, step: Step) -> Sequence[Reaching]:
        """The other flow's steps, with its secrets, then work for this one."""
        called = step.config.get("flow")
        if not isinstance(called, str) or called == flow:
            return ()
        # Another version than the released one may lack the step at which people decide.
        fixed = step.config.get("version") is not None
        permissions = ("runs.start", "runs.view", *(("flows.publish",) if fixed else ()))
        what = f"Step {step.id} calls {'a fixed version of ' if fixed else ''}"
        if "${" in called:
            what += "a flow that an expression names"
            return (Reaching(step.id, "with.flow", permissions, "", what),)
        return (Reaching(step.id, "with.flow", permissions, called, f"{what}the flow {called}"),)

    def cancel(self, wait_id: int, now: datetime) -> None:
        cancel_children(wait_id, "The run that called it was cancelled.", now)


@register
class Subflow(CallingStep):
    name = "subflow"
    title = "Subflow"
    summary = "Runs another flow and waits for its end"
    icon = "workflow"
    category = "Logic"

    class Config(CalledFlow):
        input: Json = Field(
            default_factory=dict, title="Input", description="What the run is started with."
        )

    def describe(self, config: Mapping[str, Json]) -> str:
        return f"Runs {config['flow']}" if config.get("flow") else self.summary

    def open(self, ctx: StepContext, config: Config) -> Opened:
        [child] = _start_called(ctx, config, [config.input], None)
        if not config.wait:
            return Opened("child", resolved=Result({"run": child.pk}))
        return Opened("child", key=f"run-{child.pk}", detail={"run": child.pk})


@register
class ForEach(CallingStep):
    name = "for_each"
    title = "For each"
    summary = "Runs a flow for each item of a list"
    icon = "list-checks"
    category = "Logic"
    late_fields = frozenset({"input"})

    class Config(CalledFlow):
        items: list[Json] = Field(
            title="Items", description="The list.", examples=["${ input.invoices }"]
        )
        input: Json = Field(
            "${ item }",
            title="Input",
            description="What each run is started with; `item` and `index` are known here.",
            examples=[{"invoice": "${ item }", "number": "${ index }"}],
        )
        concurrency: int = Field(
            10,
            ge=1,
            le=1_000,
            title="At once",
            description="How many runs are under way at the same time.",
        )
        on_failure: Literal["stop", "collect"] = Field(
            "stop",
            title="If one fails",
            description="Stop: the others are cancelled. Collect: the others go on.",
        )
        most_failures: int | None = Field(
            None,
            ge=0,
            title="Failures allowed",
            description="With collect: when more than this many fail, it stops after all.",
        )
        enough: int | None = Field(
            None,
            ge=1,
            title="Enough",
            description="Go on when this many have completed; empty for all of them.",
        )
        others: Literal["cancel", "go_on"] = Field(
            "cancel",
            title="The others",
            description="With enough: what becomes of the runs that have not ended by then.",
        )

    def describe(self, config: Mapping[str, Json]) -> str:
        flow = config.get("flow")
        return f"{flow} for each item, {config.get('concurrency', 10)} at once" if flow else ""

    def open(self, ctx: StepContext, config: Config) -> Opened:
        self._check_items(config)
        if not config.items:
            return Opened("children", resolved=Result({"items": [], "failed": []}))
        inputs = [_render_item_input(ctx, config, item, n) for n, item in enumerate(config.items)]
        children = _start_called(ctx, config, inputs, config.concurrency)
        if not config.wait:
            return Opened("children", resolved=Result({"runs": [run.pk for run in children]}))
        detail = {
            "total": len(inputs),
            "concurrency": config.concurrency,
            "most_failures": config.most_failures if config.on_failure == "collect" else 0,
            "enough": config.enough,
            "others": config.others,
        }
        return Opened("children", detail=detail)

    def _check_items(self, config: Config) -> None:
        if len(config.items) > MOST_ITEMS:
            raise StepFailure(
                f"The list has {len(config.items):,} items; at most {MOST_ITEMS:,} are allowed."
                " Split it.",
                kind="config",
                retryable=False,
            )
        if config.enough is not None and config.enough > len(config.items):
            raise StepFailure(
                f"{config.enough} runs must complete, but the list has {len(config.items)} items.",
                kind="config",
                retryable=False,
            )


def _render_item_input(ctx: StepContext, config: ForEach.Config, item: Json, index: int) -> Json:
    try:
        return compile_template(config.input).render({**ctx.bindings, "item": item, "index": index})
    except ExpressionError as error:
        raise StepFailure(
            f"The input for item {index} cannot be evaluated: {error}",
            kind="expression",
            retryable=False,
        ) from error
