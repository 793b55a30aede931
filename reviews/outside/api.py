"""Checkpoints over HTTP: another engine asks for a decision and is called back with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field

from flows.models import Run
from flows.services import IdempotencyKeyReused
from reviews.api.finding import Id
from reviews.api.problems import report_faults
from reviews.outside.selectors import Checkpoint, get_checkpoint
from reviews.outside.services import Callback, cancel_checkpoint, open_checkpoint
from reviews.rules.checkpoint_config import CheckpointConfig
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.permissions import can
from workbench.http.problems import ApiProblem
from workbench.http.schemas import Strict
from workbench.http.sign_in import actor_of

router = Router(tags=["checkpoints"])


class CallbackIn(Strict):
    url: str = Field(min_length=1, max_length=2000, description="Allowed by OUTGOING_ALLOWLIST.")
    secret: str = Field(
        min_length=1,
        max_length=80,
        description="Name of the secret (whsec_…) with which calls are signed, by Standard "
        "Webhooks.",
    )


class CheckpointIn(Strict):
    case: CheckpointConfig = Field(description="What `review.case` takes, without expressions.")
    reference: str = Field("", max_length=200, description="Your own id; it comes back.")
    callback: CallbackIn | None = Field(
        None, description="Where the decision goes. Without it, ask for the checkpoint."
    )


class CheckpointOut(Schema):
    id: int
    reference: str
    queue: str
    state: str = Field(description="waiting, decided, expired, failed or cancelled.")
    case: int | None = Field(description="Null until a worker has opened the case.")
    run: int
    decision: dict[str, Any] | None = Field(
        description="{outcome, kind, reasons, comment, overrides, fields, form, decided_by, …}; "
        "`kind` is person, policy, timeout or forced."
    )
    opened_at: datetime


class CheckpointCancelIn(Strict):
    reason: str = Field("", max_length=500)


@router.post(
    "/checkpoints",
    response={201: CheckpointOut, 200: CheckpointOut},
    operation_id="open_checkpoint",
)
@requires("cases.open", scope="rows")
def create(request: HttpRequest, body: CheckpointIn) -> Status[Any]:
    """Ask people for a decision. An `Idempotency-Key` that opened a checkpoint returns it.

    The call back is a POST `{type: "checkpoint.<outcome>", timestamp, data: {checkpoint, reference,
    decision}}`, signed and repeated with the same `webhook-id` until it is answered with 2xx.
    """
    _check_queue(request, body.case.queue)
    callback = Callback(body.callback.url, body.callback.secret) if body.callback else Callback()
    with report_faults(), _reused_key():
        opened = open_checkpoint(
            case=body.case,
            reference=body.reference,
            callback=callback,
            actor=actor_of(request),
            now=timezone.now(),
            idempotency_key=request.headers.get("Idempotency-Key") or None,
        )
    return Status(201 if opened.is_new else 200, _checkpoint_out(get_checkpoint(opened.run.pk)))


@contextmanager
def _reused_key() -> Iterator[None]:
    """Speak of the checkpoint that the key opened, not of its run."""
    try:
        yield
    except IdempotencyKeyReused as error:
        raise ApiProblem(
            422,
            "idempotency-key-reused",
            f"This Idempotency-Key opened checkpoint {error.run_id} with another body.",
            "Use a new key for each checkpoint.",
        ) from error


@router.get("/checkpoints/{checkpoint_id}", response=CheckpointOut, operation_id="get_checkpoint")
@requires("cases.open", scope="rows")
def get(request: HttpRequest, checkpoint_id: Id) -> dict[str, Any]:
    """Return a checkpoint with its decision, once there is one."""
    return _checkpoint_out(_find_checkpoint(request, checkpoint_id))


@router.post(
    "/checkpoints/{checkpoint_id}/cancel",
    response=CheckpointOut,
    operation_id="cancel_checkpoint",
)
@requires("cases.open", scope="rows")
def cancel(request: HttpRequest, checkpoint_id: Id, body: CheckpointCancelIn) -> dict[str, Any]:
    """Give up the decision: the case leaves its queue, and nobody is called back."""
    found = _find_checkpoint(request, checkpoint_id)
    cancel_checkpoint(
        run=found.run, reason=body.reason, actor=actor_of(request), now=timezone.now()
    )
    return _checkpoint_out(get_checkpoint(found.run.pk))


def _check_queue(request: HttpRequest, queue: str) -> None:
    """Raises: PermissionDenied for a queue in which one may not open cases."""
    if not can(principal_of(request), "cases.open", queue=queue):
        raise PermissionDenied(f"This needs the permission cases.open for the queue {queue}.")


def _find_checkpoint(request: HttpRequest, checkpoint_id: int) -> Checkpoint:
    """Raises: Http404, also for one in a queue in which one may not open cases."""
    try:
        found = get_checkpoint(checkpoint_id)
    except Run.DoesNotExist:
        found = None
    if found is None or not can(principal_of(request), "cases.open", queue=found.queue):
        raise Http404(f"There is no checkpoint {checkpoint_id} for you.")
    return found


def _checkpoint_out(found: Checkpoint) -> dict[str, Any]:
    return {
        "id": found.run.pk,
        "reference": found.reference,
        "queue": found.queue,
        "state": found.state,
        "case": found.case.pk if found.case else None,
        "run": found.run.pk,
        "decision": found.decision,
        "opened_at": found.run.started_at,
    }
