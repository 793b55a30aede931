"""Fire a trigger: start at most one run for each key, and store what came of it."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from flows.engine.lanes import PRIORITY
from flows.events.receiving import shorten_key
from flows.expressions import ExpressionError, compile_template
from flows.models import Flow, Run
from flows.runtime.labels import Labels
from flows.services.errors import ServiceError, StartLimit
from flows.services.run_keys import OwnKey
from flows.services.starting import start_run
from flows.triggers.models import Firing, FiringOutcome, Trigger
from workbench.accounts.actors import Actor
from workbench.live import nudge_on_commit

Json = Any
# Flows that start one another in a circle are stopped after so many.
MOST_DEPTH = 20
ERROR_CHARACTERS = 1000


@dataclass(frozen=True, slots=True)
class Cause:
    """What fires a trigger: the users behind it, and the artifacts that it hands over.

    ``run`` is the run whose event or end it is. Nobody is behind a schedule or a webhook.
    """

    asked_by: Collection[int] = ()
    passed_on: Labels = field(default_factory=dict)
    run: Run | None = None


NOBODY = Cause()


@dataclass(frozen=True, slots=True)
class Fired:
    """What came of a key. Without ``is_new`` it was fired before, and ``firing`` is from then.

    ``refusal`` is why no run was started.
    """

    firing: Firing
    is_new: bool
    refusal: Exception | None = None


@transaction.atomic
def fire(
    *,
    trigger: Trigger,
    key: str,
    given: Json,
    now: datetime,
    due_at: datetime | None = None,
    depth: int = 0,
    keep_refused_key: bool = True,
    cause: Cause = NOBODY,
) -> Fired:
    """Start the run whose input the trigger makes of ``given``, once for each key.

    ``cause`` is the run whose event or end fired it. A refusal is stored and not raised. Without
    ``keep_refused_key`` the same key may be tried again later, as the sender of a webhook does.
    """
    row, is_new = Firing.objects.get_or_create(
        trigger=trigger,
        key=shorten_key(key),
        defaults={"outcome": FiringOutcome.STARTED, "due_at": due_at, "depth": depth, "at": now},
    )
    if not is_new:
        return Fired(row, is_new=False)
    refusal: Exception | None = None
    try:
        with transaction.atomic():
            row.run_id = _start_run(trigger, row, given, cause, now)
    except (ServiceError, ExpressionError) as error:
        refusal = error
        row.outcome, row.error = FiringOutcome.REFUSED, _explain(error)[:ERROR_CHARACTERS]
        row.key = row.key if keep_refused_key else None
    row.save(update_fields=["run_id", "outcome", "error", "key"])
    nudge_on_commit([f"flow.{trigger.flow.name}"], {"trigger": trigger.pk})
    return Fired(row, is_new=True, refusal=refusal)


def _explain(error: Exception) -> str:
    return error.whole if isinstance(error, StartLimit) else str(error)


def _start_run(trigger: Trigger, row: Firing, given: Json, cause: Cause, now: datetime) -> int:
    if row.depth > MOST_DEPTH:
        raise ServiceError(
            f"{MOST_DEPTH} flows have started one another in a row.",
            "Break the circle of triggers.",
        )
    run_input = compile_template(trigger.input).render({"input": given})
    started = start_run(
        # Read anew: another version may have been released since the trigger was read.
        flow=Flow.objects.get(pk=trigger.flow_id),
        input=run_input,
        actor=Actor.system(f"trigger {trigger.title}"),
        now=now,
        idempotency_key=OwnKey.of("trigger", trigger.pk, row.pk),
        trigger=trigger.kind,
        priority=PRIORITY[trigger.lane] if trigger.lane else None,
        passed_on=cause.passed_on,
        asked_by=cause.asked_by,
        cause=cause.run,
    )
    return started.run.pk
