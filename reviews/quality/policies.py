"""What a lead sets: how much is checked, which answers are known, what came of disagreements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction

from flows.models import Flow, Run
from reviews.models import Case, DecisionKind, DecisionState, Queue
from reviews.models.quality import (
    CheckState,
    KnownAnswer,
    QualityCheck,
    QueuePolicy,
    SamplingPolicy,
)
from reviews.quality.errors import AnswerNotKnown, CheckNotSettled, PolicyInvalid
from reviews.rules.answers import outcomes_of
from reviews.selectors.acting import Acting
from reviews.services.checks import drop_checks_of
from workbench.audit.services import record

MOST_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Sampling:
    """What a sampling policy says; see reviews.models.quality.SamplingPolicy."""

    flow: str
    step: str
    percent: float
    branch: str = ""
    outcomes: Sequence[str] = ()
    equivalents: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = True


def set_queue_policy(
    *,
    queue: Queue,
    second_percent: float,
    known_percent: float,
    independent_percent: float,
    acting: Acting,
    now: datetime,
) -> QueuePolicy:
    """Set the shares of a queue, in percent; cases that are open already keep what they are.

    Raises: PolicyInvalid.
    """
    shares = {
        "second_percent": second_percent,
        "known_percent": known_percent,
        "independent_percent": independent_percent,
    }
    for name, percent in shares.items():
        _check_percent(name, percent)
    with transaction.atomic():
        # Known answers are mixed in from here on, not among what waits since long ago.
        newest = Case.objects.filter(queue=queue).order_by("-pk").values_list("pk", flat=True)
        policy, _ = QueuePolicy.objects.get_or_create(
            queue=queue, defaults={"changed_at": now, "seeded_to": newest.first() or 0}
        )
        QueuePolicy.objects.filter(pk=policy.pk).update(
            **shares, changed_by=acting.user.label, changed_at=now
        )
        record(
            action="quality.queue_policy_changed",
            subject=("queue", queue.name),
            actor=acting.actor,
            payload={"queue": queue.name, **shares},
            now=now,
        )
    policy.refresh_from_db()
    return policy


def save_sampling_policy(
    *, wanted: Sampling, acting: Acting, now: datetime, policy: SamplingPolicy | None = None
) -> SamplingPolicy:
    """Create or change a sampling policy. It looks at runs that start from now on.

    Raises: PolicyInvalid naming what is wrong.
    """
    flow = _check_sampling(wanted)
    values = {
        "flow": flow.name,
        "step": wanted.step,
        "branch": wanted.branch,
        "outcomes": list(wanted.outcomes),
        "equivalents": dict(wanted.equivalents),
        "percent": wanted.percent,
        "enabled": wanted.enabled,
    }
    with transaction.atomic():
        if policy is None:
            newest = Run.objects.filter(flow=flow).order_by("-pk").values_list("pk", flat=True)
            policy = SamplingPolicy.objects.create(
                **values,
                looked_to=newest.first() or 0,
                created_by=acting.user.label,
                created_at=now,
            )
        else:
            SamplingPolicy.objects.filter(pk=policy.pk).update(**values)
            policy.refresh_from_db()
        record(
            action="quality.sampling_policy_changed",
            subject=("flow", flow.name),
            actor=acting.actor,
            payload={"policy": policy.pk, **values},
            now=now,
        )
    return policy


def _check_percent(name: str, percent: float) -> None:
    if not 0 <= percent <= MOST_PERCENT:
        raise PolicyInvalid(f"`{name}` is a share in percent: use 0 to 100, not {percent:g}.")


def _check_sampling(wanted: Sampling) -> Flow:
    _check_percent("percent", wanted.percent)
    flow = Flow.objects.select_related("released").filter(name=wanted.flow).first()
    if flow is None or flow.released is None:
        raise PolicyInvalid(f"There is no released flow {wanted.flow!r}: publish it first.")
    steps = flow.released.document.get("steps", {})
    if steps.get(wanted.step, {}).get("type") != "review.case":
        known = [name for name, step in steps.items() if step.get("type") == "review.case"]
        raise PolicyInvalid(
            f"{wanted.step!r} is no checkpoint of {flow.name}: "
            f"use {' or '.join(known) or 'a flow that has one'}. Its layout shows the case."
        )
    if wanted.branch and wanted.branch.partition(".")[0] not in steps:
        raise PolicyInvalid(f"The branch {wanted.branch!r} names no step: write `step.port`.")
    return flow


# --- Known answers ----------------------------------------------------------------


def add_known_answer(
    *, case: Case, outcome: str, note: str, acting: Acting, now: datetime
) -> KnownAnswer:
    """Make a decided case one whose right answer is known; copies of it are mixed into its queue.

    Raises: AnswerNotKnown.
    """
    decided = case.decisions.filter(
        kind=DecisionKind.PERSON, state=DecisionState.COMMITTED, final=True
    )
    if case.wait_id is None or not decided.exists():
        raise AnswerNotKnown(AnswerNotKnown.__doc__)
    outcomes = outcomes_of(case.rules)
    if outcome not in outcomes:
        raise AnswerNotKnown(f"This case can be {' or '.join(outcomes)}: choose one.")
    try:
        with transaction.atomic():
            answer = KnownAnswer.objects.create(
                queue=case.queue,
                case=case,
                outcome=outcome,
                note=note[:500],
                created_by=acting.user,
                created_at=now,
            )
            _tell(answer, "added", acting, now)
    except IntegrityError as error:
        raise AnswerNotKnown(f"Case {case.pk} is a known answer already.") from error
    return answer


def retire_known_answer(*, answer: KnownAnswer, acting: Acting, now: datetime) -> None:
    """Mix it in no more. What was scored stays; checks still open count for nothing."""
    with transaction.atomic():
        retired = KnownAnswer.objects.filter(pk=answer.pk, retired_at=None).update(retired_at=now)
        if retired:
            drop_checks_of(known=answer)
            _tell(answer, "retired", acting, now)


def _tell(answer: KnownAnswer, what: str, acting: Acting, now: datetime) -> None:
    record(
        action=f"quality.known_answer_{what}",
        subject=("queue", answer.queue.name),
        actor=acting.actor,
        payload={"case": answer.case_id, "outcome": answer.outcome, "note": answer.note},
        now=now,
    )


# --- Disagreements ----------------------------------------------------------------


def close_disagreement(*, check: QualityCheck, note: str, acting: Acting, now: datetime) -> None:
    """Mark a disagreement as looked at, with what came of it. The first to close it counts.

    Raises: CheckNotSettled.
    """
    with transaction.atomic():
        closed = QualityCheck.objects.filter(
            pk=check.pk, state=CheckState.SETTLED, agreed=False, looked_at=None
        ).update(looked_at=now, looked_by=acting.user, note=note[:500])
        if not closed:
            raise CheckNotSettled("This is no open disagreement: it is closed, or never was one.")
        record(
            action="quality.check_closed",
            subject=("case", str(check.case_id)),
            actor=acting.actor,
            payload={"case": check.case_id, "note": note[:500]},
            now=now,
        )
