"""Set how much is checked: the policy of a queue, and samples of automatic decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from flows.models import Flow, Run
from reviews.models import Case, Queue
from reviews.models.quality import QueuePolicy, SamplingPolicy
from reviews.quality.errors import PolicyInvalid
from reviews.selectors.acting import Acting
from workbench.audit.services import record

MOST_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Sampling:
    """The settings of a sampling policy; see reviews.models.quality.SamplingPolicy."""

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
    """Set the shares of a queue's cases that are checked, in percent. Open cases stay as they are.

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
        # Known answers are mixed in among cases from here on, not among those that wait already.
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
    """Create or change a sampling policy. It draws among runs that start from now on.

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
            policy = _create_sampling(flow, values, acting, now)
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


def _create_sampling(
    flow: Flow, values: dict[str, Any], acting: Acting, now: datetime
) -> SamplingPolicy:
    newest = Run.objects.filter(flow=flow).order_by("-pk").values_list("pk", flat=True)
    return SamplingPolicy.objects.create(
        **values,
        looked_to=newest.first() or 0,
        created_by=acting.user.label,
        created_at=now,
    )


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
