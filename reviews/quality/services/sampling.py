"""Draw automatic decisions for people to look at, by the clock.

It goes over new ids and draws by a hash, and a unique constraint keeps a second clock from opening
what the first has opened. New ids are looked at for a minute, because an id may be given before an
older one is committed.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from flows.engine import events
from flows.models import WHOLE_RUNS, Journal, Run, RunStatus
from flows.runtime.payloads import fetch, outputs_of
from flows.runtime.program import load_program, run_bindings
from flows.steps.base import StepContext, StepFailure
from reviews.models import Case
from reviews.models.quality import (
    CheckKind,
    QualityCheck,
    SampledRun,
    SampleState,
    SamplingPolicy,
)
from reviews.rules.choosing import is_drawn
from reviews.services.checks import save_check
from reviews.services.opening import open_case
from workbench.dispatch.sweeps import Sweep

Json = Any
BATCH = 2_000
OPEN_BATCH = 50
SETTLED_AFTER = timedelta(minutes=1)
ENDED = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)


def draw_samples(now: datetime) -> bool:
    """Draw runs for each policy and open the cases of ended ones; return whether more may wait."""
    sweep = Sweep("reviews.samples", now)
    more = False

    def draw(policy: SamplingPolicy) -> None:
        nonlocal more
        more |= draw_runs(policy, now)
        more |= open_samples(policy, sweep)

    policies = SamplingPolicy.objects.filter(enabled=True)
    sweep.each(
        policies.exclude(pk__in=sweep.ids_passed_over("policy:")),
        draw,
        key=lambda policy: f"policy:{policy.pk}",
        own_transaction=True,
    )
    if not more:
        sweep.forget_gone()
    return more


def draw_runs(policy: SamplingPolicy, now: datetime) -> bool:
    """Draw among the runs that started since the last sweep, before they end; return whether more
    may wait.
    """
    runs = list(
        Run.objects.filter(WHOLE_RUNS, flow__name=policy.flow, pk__gt=policy.looked_to)
        .order_by("pk")
        .values_list("pk", "started_at")[:BATCH]
    )
    drawn = [pk for pk, _ in runs if is_drawn(policy.percent, "sample", policy.pk, pk)]
    SampledRun.objects.bulk_create(
        [SampledRun(policy=policy, run_id=pk) for pk in drawn], ignore_conflicts=True
    )
    old = [pk for pk, started_at in runs if started_at < now - SETTLED_AFTER]
    if old:
        SamplingPolicy.objects.filter(pk=policy.pk, looked_to__lt=old[-1]).update(looked_to=old[-1])
    return len(old) == BATCH


def open_samples(policy: SamplingPolicy, sweep: Sweep) -> bool:
    """Open a case for each drawn run that ended; return whether more may wait."""
    prefix = f"policy:{policy.pk}:run:"
    waiting = SampledRun.objects.filter(policy=policy, state=SampleState.WAITING)
    ended = Run.objects.filter(status__in=ENDED, pk__in=waiting.values("run_id"))
    ended = ended.exclude(pk__in=sweep.ids_passed_over(prefix))
    due = list(ended.select_related("version", "flow").order_by("pk")[:OPEN_BATCH])
    sweep.each(
        due,
        lambda run: open_sample(policy, run, sweep.now),
        key=lambda run: f"{prefix}{run.pk}",
        own_transaction=True,
    )
    return len(due) == OPEN_BATCH


def open_sample(policy: SamplingPolicy, run: Run, now: datetime) -> None:
    """Open the case of a drawn run that ended, or record why it has none."""
    with transaction.atomic():
        mine = SampledRun.objects.filter(policy=policy, run_id=run.pk, state=SampleState.WAITING)
        # The row is locked from here on: of two clocks, one goes on.
        if not mine.update(state=SampleState.OPENED):
            return
        reason = reason_to_skip(policy, run)
        if not reason:
            try:
                with transaction.atomic():
                    _open_case(policy, run, now)
            except (StepFailure, IntegrityError) as error:
                reason = f"It could not be shown: {error}"
        if reason:
            SampledRun.objects.filter(policy=policy, run_id=run.pk).update(
                state=SampleState.SKIPPED, reason=reason[:300]
            )


def reason_to_skip(policy: SamplingPolicy, run: Run) -> str:
    """Return why an ended run is no automatic decision that the policy covers; "" if it is one."""
    if run.status != RunStatus.COMPLETED:
        return f"The run {run.status}."
    if policy.outcomes and run.outcome not in policy.outcomes:
        return f"Its outcome is {run.outcome}."
    if Case.objects.filter(run_id=run.pk, wait_id__isnull=False).exists():
        return "It came to people."
    if policy.branch and not _took_branch(run, policy.branch):
        return f"It did not go by {policy.branch}."
    return ""


def _took_branch(run: Run, branch: str) -> bool:
    step, _, port = branch.partition(".")
    ports = Journal.objects.filter(run_id=run.pk, kind=events.STEP_FINISHED, step=step)
    return any(port in left.split(",") for left in ports.values_list("port", flat=True))


def _open_case(policy: SamplingPolicy, run: Run, now: datetime) -> None:
    """Raises: StepFailure if the checkpoint's layout cannot be filled from this run."""
    program = load_program(run.version_id)
    bound = program.steps.get(policy.step)
    if bound is None:
        raise StepFailure(f"Version {program.number} has no step {policy.step}.")
    bindings: dict[str, Json] = {
        "input": fetch(run.input),
        "run": run_bindings(run.pk, program, run.started_at, run.priority),
        "steps": outputs_of(run.pk, bound.references),
    }
    ctx = _step_context(policy, run, program.number, bindings, now)
    case = open_case(ctx=ctx, config=bound.config(bindings))
    save_check(
        QualityCheck(
            case=case,
            kind=CheckKind.SAMPLE,
            source=f"policy:{policy.pk}:run:{run.pk}",
            expected=policy.equivalents.get(run.outcome, run.outcome),
            opened_at=now,
        )
    )


def _step_context(
    policy: SamplingPolicy, run: Run, version: int, bindings: dict[str, Json], now: datetime
) -> StepContext:
    return StepContext(
        run_id=run.pk,
        flow=run.flow.name,
        version=version,
        step_id=policy.step,
        token_id=0,
        activation=1,
        attempt=1,
        input=bindings["input"],
        bindings=bindings,
        now=now,
    )
