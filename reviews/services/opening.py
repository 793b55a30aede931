"""Open a case when a run comes to a checkpoint; cancel it if the run no longer waits for it."""

from datetime import datetime
from typing import Any

from flows.models import Run
from flows.runtime.program import load_program
from flows.steps.base import StepContext, StepFailure
from reviews.errors import QueueMissing, SlaPolicyMissing
from reviews.models import Case, Queue, SlaPolicy
from reviews.models.states import ACTIVE, CaseState
from reviews.rules.checkpoint_config import CheckpointConfig
from reviews.rules.ordering import PRIORITIES
from reviews.selectors.veil import is_independent
from reviews.services.moving import ENGINE, close_case, record_event
from reviews.services.parties import note_parties
from reviews.services.passing import reserve_for_familiar
from reviews.services.shown_check import describe_opening
from reviews.services.stopwatch import set_instants
from workbench.accounts.models import User


def open_case(*, ctx: StepContext, config: CheckpointConfig) -> Case:
    """Create the case, inside the engine's transaction.

    Raises: StepFailure if the queue or the SLA policy is missing; waiting would not help.
    """
    try:
        queue, policy = _find_queue(config.queue), _find_policy(config.sla)
    except (QueueMissing, SlaPolicyMissing) as error:
        raise StepFailure(str(error), kind=error.code, retryable=False) from error
    run = Run.objects.get(pk=ctx.run_id)
    _check_steps(run, config)
    case = Case(
        queue=queue,
        wait_id=ctx.wait_id,
        run_id=ctx.run_id,
        flow=ctx.flow,
        flow_version=ctx.version,
        step=ctx.step_id,
        title=config.title[:300],
        summary=config.summary[:500],
        subject=config.subject[:200],
        priority=PRIORITIES[config.priority],
        value=config.value,
        product=config.product[:80],
        confidence=config.confidence,
        independent=is_independent(queue, ctx.run_id),
        requested_by=config.requested_by or _name_starter(run),
        shown=_dump_shown(config),
        rules=_dump_rules(config),
        fields=_collect_fields(config),
        sla=policy.snapshot(),
        opened_at=ctx.now,
        running_since=ctx.now,
    )
    familiar = _find_familiar(ctx)
    set_instants(case)
    case.save(force_insert=True)
    note_parties(case, run, config)
    _reserve(case, familiar, ctx.now)
    record_event(
        case,
        "opened",
        ENGINE,
        ctx.now,
        data=describe_opening(case, ctx.bindings.get("steps") or {}),
    )
    return case


def build_case(config: CheckpointConfig, queue: Queue) -> Case:
    """Return an unsaved case of this config, for a preview or for the demo's history."""
    return Case(
        queue=queue,
        title=config.title[:300],
        summary=config.summary[:500],
        subject=config.subject[:200],
        priority=PRIORITIES[config.priority],
        value=config.value,
        product=config.product[:80],
        confidence=config.confidence,
        shown=_dump_shown(config),
        rules=_dump_rules(config),
        fields=_collect_fields(config),
    )


def cancel_case_of_wait(*, wait_id: int, now: datetime) -> None:
    """Cancel the active case, if any, of a wait that the engine has closed."""
    case = (
        Case.objects.select_related("queue", "claimed_by")
        .select_for_update(of=("self",))
        .filter(wait_id=wait_id, state__in=ACTIVE)
        .first()
    )
    if case is None:
        return
    case.decisions.filter(state="pending").update(state="withdrawn")
    close_case(case, CaseState.CANCELLED, outcome="", now=now)
    record_event(case, "cancelled", ENGINE, now)


def _find_queue(name: str) -> Queue:
    queue = Queue.objects.filter(name=name).first()
    if queue is None:
        raise QueueMissing(
            f"There is no queue {name!r}: correct the step's `queue`, or create it; "
            "`manage.py load_demo --queues-only` makes those of the templates."
        )
    return queue


def _find_policy(name: str) -> SlaPolicy:
    policy = SlaPolicy.objects.select_related("calendar").filter(name=name).first()
    if policy is None:
        raise SlaPolicyMissing(
            f"There is no SLA policy {name!r}: correct the step's `sla`, or create it; "
            "`manage.py load_demo --queues-only` makes the one of the templates, standard."
        )
    return policy


def _check_steps(run: Run, config: CheckpointConfig) -> None:
    """Raises: StepFailure for a misspelt step, which would keep nobody out."""
    if not config.apart_from:
        return
    known = load_program(run.version_id).steps
    if unknown := sorted(set(config.apart_from) - set(known)):
        raise StepFailure(
            f"`apart_from` names {', '.join(unknown)}, which the flow does not have: correct it.",
            kind="config",
            retryable=False,
        )


def _name_starter(run: Run) -> str:
    # A token shows as "person · token": it is the person who asked.
    return run.started_by.split(" · ")[0]


def _reserve(case: Case, familiar: User | None, now: datetime) -> None:
    """Keep a case that comes back for who worked on it; whether they may have it is in the rows."""
    if familiar is None:
        return
    reserve_for_familiar(case, familiar, now)
    case.save(update_fields=["familiar", "reserved_until"])


def _find_familiar(ctx: StepContext) -> User | None:
    """Return the person who last worked on this step of this run, for a case that comes back."""
    before = Case.objects.filter(run_id=ctx.run_id, step=ctx.step_id).order_by("-id")
    last = before.select_related("claimed_by").only("claimed_by").first()
    return last.claimed_by if last else None


def _dump_shown(config: CheckpointConfig) -> dict[str, Any]:
    parts = {"show", "documents", "reasons", "flags", "confidence", "suggestion"}
    shown: dict[str, Any] = config.model_dump(
        mode="json", by_alias=True, include=parts, exclude_none=True
    )
    return shown


def _dump_rules(config: CheckpointConfig) -> dict[str, Any]:
    parts = {
        "form", "reason_codes", "allow", "quorum", "four_eyes", "required_evidence", "exceptions",
    }  # fmt: skip
    rules: dict[str, Any] = config.model_dump(mode="json", include=parts)
    return rules


def _collect_fields(config: CheckpointConfig) -> dict[str, Any]:
    return {
        field.key: field.value for group in config.show for field in group.fields or () if field.key
    }
