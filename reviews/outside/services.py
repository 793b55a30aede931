"""Open a checkpoint for another engine, or cancel it."""

from collections.abc import Iterator
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
from flows.services.giving import find_givable
from flows.steps.destinations import find_fault
from reviews.errors import DecisionInvalid
from reviews.models import Queue, SlaPolicy
from reviews.notices.signed import key_problem
from reviews.outside.document import ALLOWED, FLOW, TITLE, build_document
from reviews.rules.checkpoint_config import CheckpointConfig, find_form_faults
from reviews.rules.documents import get_artifact_digest
from reviews.rules.layout import FILE_KINDS
from workbench.accounts.actors import Actor
from workbench.secrets.services import SecretUnknown, read_secrets
from workbench.secrets.uses import checkpoint_use

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
    """Start the run that asks people and calls back, or return the one that the key started.

    Raises: DecisionInvalid with each fault by its place, FlowPaused, FlowNotReleased,
    InputTooLarge, IdempotencyKeyReused.
    """
    if problems := _problems(case, callback, actor):
        raise DecisionInvalid(problems)
    return start_run(
        flow=_get_or_create_flow(now),
        input=input_of(case, reference, callback),
        actor=actor,
        now=now,
        idempotency_key=idempotency_key,
        trigger="checkpoint",
    )


def input_of(case: CheckpointConfig, reference: str, callback: Callback) -> dict[str, Json]:
    """Return the run's input, with every field of the case, as each is read by an expression."""
    return {
        "case": case.model_dump(mode="json", by_alias=True),
        "reference": reference,
        "callback": {"url": callback.url, "secret": callback.secret},
    }


def cancel_checkpoint(*, run: Run, reason: str, actor: Actor, now: datetime) -> None:
    """Take the case out of its queue without a call back. Raises: RunNotActive."""
    cancel_run(run_id=run.pk, reason=reason, actor=actor, now=now)


def _get_or_create_flow(now: datetime) -> Flow:
    """Return the flow, which is made when first needed and may be edited like any other."""
    found = Flow.objects.select_related("released").filter(name=FLOW).first()
    if found is None:
        try:
            found = create_flow(
                name=FLOW, title=TITLE, document=parse(build_document()), author=None, actor=SYSTEM,
                now=now,
            )  # fmt: skip
        except FlowExists:  # another request made it at the same time
            return Flow.objects.select_related("released").get(name=FLOW)
        publish_version(
            flow_id=found.pk,
            revision=found.draft_revision,
            note="Made for the checkpoint API",
            author=None,
            actor=SYSTEM,
            now=now,
        )
        found.refresh_from_db()
    return found


def _problems(case: CheckpointConfig, callback: Callback, actor: Actor) -> dict[str, str]:
    problems = {}
    if not Queue.objects.filter(name=case.queue).exists():
        problems["case.queue"] = f"There is no queue {case.queue}."
    if not SlaPolicy.objects.filter(name=case.sla).exists():
        problems["case.sla"] = f"There is no SLA policy {case.sla}."
    if unknown := [name for name in case.allow if name not in ALLOWED]:
        problems["case.allow"] = (
            f"{', '.join(unknown)} cannot be asked for here: use {', '.join(ALLOWED)}."
        )
    problems |= _form_problems(case) | _artifact_problems(case, actor)
    return problems | (_callback_problems(callback, case.queue) if callback.url else {})


def _form_problems(case: CheckpointConfig) -> dict[str, str]:
    config = case.model_dump(mode="json", by_alias=True)
    return {
        ".".join(["case", *map(str, path)]): f"{reason}."
        for path, reason in find_form_faults(config)
    }


def _artifact_problems(case: CheckpointConfig, actor: Actor) -> dict[str, str]:
    """Return the artifacts that are not there for the actor, by their place."""
    asked = dict(_list_artifacts(case))
    known = find_givable(set(asked.values()), actor)
    return {
        place: f"There is no artifact {digest} that you may give. Upload it by POST /artifacts."
        for place, digest in asked.items()
        if digest not in known
    }


def _list_artifacts(case: CheckpointConfig) -> Iterator[tuple[str, str]]:
    for number, document in enumerate(case.documents):
        if document.artifact is not None:
            yield f"case.documents.{number}.artifact", get_artifact_digest(document.artifact)
    for at, group in enumerate(case.show):
        for kind in FILE_KINDS:
            for number, each in enumerate(getattr(group, kind) or ()):
                if each.artifact is not None:
                    place = f"case.show.{at}.{kind}.{number}.artifact"
                    yield place, get_artifact_digest(each.artifact)


def _callback_problems(callback: Callback, queue: str) -> dict[str, str]:
    if fault := find_fault(callback.url):
        return {"callback.url": str(fault)}
    try:
        key = read_secrets([callback.secret], use=checkpoint_use(queue))[callback.secret]
        problem = key_problem(key)
    except SecretUnknown as error:
        problem = str(error)
    return {"callback.secret": problem} if problem else {}
