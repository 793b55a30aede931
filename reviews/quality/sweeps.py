"""What the clock does for quality: draw automatic decisions, mix in known answers.

Both go over new ids and draw by a hash, and a unique constraint keeps a second clock from opening
what the first has opened. What is new is looked at for a minute, because an id may be given before
an older one is committed.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from flows.engine import events
from flows.models import Journal, Run, RunStatus
from flows.runtime.payloads import fetch, outputs_of
from flows.runtime.program import load_program, run_bindings
from flows.steps.base import StepContext, StepFailure
from reviews.models import Case
from reviews.models.quality import (
    CheckKind,
    CheckState,
    KnownAnswer,
    QualityCheck,
    QueuePolicy,
    SampledRun,
    SampleState,
    SamplingPolicy,
)
from reviews.rules.choosing import is_drawn, place_of
from reviews.services.checks import keep_check, open_check
from reviews.services.opening import open_case

Json = Any
BATCH = 2_000
OPEN_BATCH = 50
SETTLED_AFTER = timedelta(minutes=1)
ENDED = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)


# --- Automatic decisions ----------------------------------------------------------


def draw_samples(now: datetime) -> bool:
    """Draw runs for each policy and open cases for those that ended; say whether more may wait."""
    more = False
    for policy in SamplingPolicy.objects.filter(enabled=True):
        more |= draw_runs(policy, now)
        more |= open_samples(policy, now)
    return more


def draw_runs(policy: SamplingPolicy, now: datetime) -> bool:
    """Draw among the runs that started since the last sweep, before it is known how they end."""
    runs = list(
        Run.objects.filter(flow__name=policy.flow, pk__gt=policy.looked_to)
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


def open_samples(policy: SamplingPolicy, now: datetime) -> bool:
    """Open a case for each drawn run that ended without a person."""
    waiting = SampledRun.objects.filter(policy=policy, state=SampleState.WAITING)
    ended = Run.objects.filter(status__in=ENDED, pk__in=waiting.values("run_id"))
    due = list(ended.select_related("version", "flow").order_by("pk")[:OPEN_BATCH])
    for run in due:
        open_sample(policy, run, now)
    return len(due) == OPEN_BATCH


def open_sample(policy: SamplingPolicy, run: Run, now: datetime) -> None:
    """Open the case of one drawn run, or write down why there is none."""
    with transaction.atomic():
        mine = SampledRun.objects.filter(policy=policy, run_id=run.pk, state=SampleState.WAITING)
        # The row is this transaction's from here on: of two clocks one goes on.
        if not mine.update(state=SampleState.OPENED):
            return
        reason = why_not(policy, run)
        if not reason:
            try:
                with transaction.atomic():
                    _open(policy, run, now)
            except (StepFailure, IntegrityError) as error:
                reason = f"It could not be shown: {error}"
        if reason:
            SampledRun.objects.filter(policy=policy, run_id=run.pk).update(
                state=SampleState.SKIPPED, reason=reason[:300]
            )


def why_not(policy: SamplingPolicy, run: Run) -> str:
    """Return why an ended run is no automatic decision of this policy; "" if it is one."""
    if run.status != RunStatus.COMPLETED:
        return f"The run {run.status}."
    if policy.outcomes and run.outcome not in policy.outcomes:
        return f"Its outcome is {run.outcome}."
    if Case.objects.filter(run_id=run.pk, wait_id__isnull=False).exists():
        return "It came to people."
    if policy.branch and not _left_by(run, policy.branch):
        return f"It did not go by {policy.branch}."
    return ""


def _left_by(run: Run, branch: str) -> bool:
    step, _, port = branch.partition(".")
    ports = Journal.objects.filter(run_id=run.pk, kind=events.STEP_FINISHED, step=step)
    return any(port in left.split(",") for left in ports.values_list("port", flat=True))


def _open(policy: SamplingPolicy, run: Run, now: datetime) -> None:
    """Raises: StepFailure if the checkpoint's layout cannot be filled from this run."""
    program = load_program(run.version_id)
    bound = program.steps.get(policy.step)
    if bound is None:
        raise StepFailure(f"Version {program.number} has no step {policy.step}.")
    bindings: dict[str, Json] = {
        "input": fetch(run.input),
        "run": run_bindings(run.pk, program, run.started_at),
        "steps": outputs_of(run.pk, bound.references),
    }
    ctx = StepContext(
        run_id=run.pk,
        flow=run.flow.name,
        version=program.number,
        step_id=policy.step,
        token_id=0,
        activation=1,
        attempt=1,
        input=bindings["input"],
        bindings=bindings,
        now=now,
    )
    case = open_case(ctx=ctx, config=bound.config(bindings))
    keep_check(
        QualityCheck(
            case=case,
            kind=CheckKind.SAMPLE,
            source=f"policy:{policy.pk}:run:{run.pk}",
            expected=policy.equivalents.get(run.outcome, run.outcome),
            opened_at=now,
        )
    )


# --- Known answers ----------------------------------------------------------------


def seed_known_answers(now: datetime) -> bool:
    """Mix known answers among new cases, a share of them; say whether more may wait."""
    more = False
    for policy in QueuePolicy.objects.filter(known_percent__gt=0).select_related("queue"):
        more |= seed_queue(policy, now)
    return more


def seed_queue(policy: QueuePolicy, now: datetime) -> bool:
    cases = list(
        Case.objects.filter(queue=policy.queue, pk__gt=policy.seeded_to, wait_id__isnull=False)
        .order_by("pk")
        .values_list("pk", "opened_at")[:BATCH]
    )
    for pk, _ in cases:
        if is_drawn(policy.known_percent, "known", policy.queue.name, pk):
            seed_for(policy, pk, now)
    old = [pk for pk, opened_at in cases if opened_at < now - SETTLED_AFTER]
    if old:
        QueuePolicy.objects.filter(pk=policy.pk, seeded_to__lt=old[-1]).update(seeded_to=old[-1])
    return len(old) == BATCH


def seed_for(policy: QueuePolicy, case_id: int, now: datetime) -> QualityCheck | None:
    """Open a copy of a known answer beside the case; None if it has one, or all are out."""
    source = f"case:{case_id}"
    if QualityCheck.objects.filter(kind=CheckKind.KNOWN, source=source).exists():
        return None
    in_queue = QualityCheck.objects.filter(state=CheckState.OPEN, known__isnull=False)
    free = list(
        KnownAnswer.objects.filter(queue=policy.queue, retired_at=None)
        .exclude(pk__in=in_queue.values("known"))
        .select_related("case__queue")
        .order_by("pk")
    )
    if not free:
        return None
    answer = free[place_of("known", case_id) % len(free)]
    try:
        with transaction.atomic():
            return open_check(
                CheckKind.KNOWN,
                source=source,
                original=answer.case,
                known=answer,
                expected=answer.outcome,
                now=now,
            )
    except IntegrityError:
        # Another clock has mixed one in for this case.
        return None
