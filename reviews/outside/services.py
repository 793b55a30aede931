"""Another engine asks people to decide, or needs the decision no more."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flows.graph.codec import parse
from flows.models import Flow, Run
from flows.services import (
    FlowExists,
    Started,
    cancel_run,
    create_flow,
    publish_version,
    start_run,
)
from flows.steps.base import StepFailure
from flows.steps.destinations import check_destination
from reviews.errors import DecisionInvalid
from reviews.models import Queue, SlaPolicy
from reviews.notices.signed import key_problem
from reviews.outside.document import ALLOWED, FLOW, TITLE, document
from reviews.rules.checkpoint_config import CheckpointConfig
from workbench.accounts.actors import Actor
from workbench.secrets.services import SecretUnknown, read_secrets

Json = Any
SYSTEM = Actor.system("checkpoints")


@dataclass(frozen=True, slots=True)
class Callback:
    """``secret`` names the secret with which calls are signed."""

    url: str = ""
    secret: str = ""


def open_checkpoint(
    *,
    case: CheckpointConfig,
    reference: str,
    callback: Callback,
    actor: Actor,
    now: datetime,
    idempotency_key: str | None = None,
) -> Started:
    """Start the run that asks people and calls back; the same key gives the run of before.

    Raises: DecisionInvalid with each fault by its place, FlowPaused, FlowNotReleased,
    InputTooLarge, IdempotencyKeyReused.
    """
    if problems := _problems(case, callback):
        raise DecisionInvalid(problems)
    return start_run(
        flow=_flow(now),
        input=input_of(case, reference, callback),
        actor=actor,
        now=now,
        idempotency_key=idempotency_key,
        trigger="checkpoint",
    )


def input_of(case: CheckpointConfig, reference: str, callback: Callback) -> dict[str, Json]:
    """Return the run's input: every field of the case, so that each expression finds its own."""
    return {
        "case": case.model_dump(mode="json", by_alias=True),
        "reference": reference,
        "callback": {"url": callback.url, "secret": callback.secret},
    }


def cancel_checkpoint(*, run: Run, reason: str, actor: Actor, now: datetime) -> None:
    """Take the case out of its queue; nobody is called back. Raises: RunNotActive."""
    cancel_run(run_id=run.pk, reason=reason, actor=actor, now=now)


def _flow(now: datetime) -> Flow:
    """Return the flow, made when it is first needed. It may be edited afterwards like any other."""
    found = Flow.objects.select_related("released").filter(name=FLOW).first()
    if found is None:
        try:
            found = create_flow(
                name=FLOW, title=TITLE, document=parse(document()), author=None, actor=SYSTEM,
                now=now,
            )  # fmt: skip
        except FlowExists:  # two engines came at once
            return Flow.objects.select_related("released").get(name=FLOW)
        publish_version(
            flow_id=found.pk, note="Made for the checkpoint API", author=None, actor=SYSTEM, now=now
        )
        found.refresh_from_db()
    return found


def _problems(case: CheckpointConfig, callback: Callback) -> dict[str, str]:
    problems = {}
    if not Queue.objects.filter(name=case.queue).exists():
        problems["case.queue"] = f"There is no queue {case.queue}."
    if not SlaPolicy.objects.filter(name=case.sla).exists():
        problems["case.sla"] = f"There is no SLA policy {case.sla}."
    if unknown := [name for name in case.allow if name not in ALLOWED]:
        problems["case.allow"] = (
            f"{', '.join(unknown)} cannot be asked for here; {', '.join(ALLOWED)} can."
        )
    return problems | (_callback_problems(callback) if callback.url else {})


def _callback_problems(callback: Callback) -> dict[str, str]:
    try:
        check_destination(callback.url)
    except StepFailure as failure:
        return {"callback.url": str(failure)}
    try:
        problem = key_problem(read_secrets([callback.secret])[callback.secret])
    except SecretUnknown as error:
        problem = str(error)
    return {"callback.secret": problem} if problem else {}
