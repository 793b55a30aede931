"""Turn a token back, with the reason in the ledger, and delete what a run's tokens stand for."""

import json
from datetime import datetime
from typing import Any

from django.db import transaction

from flows.models import MaskedValue, Run
from flows.runtime.masked_values import read_original
from flows.services.errors import ServiceError
from workbench.accounts.actors import Actor
from workbench.audit.services import record
from workbench.live import nudge_on_commit
from workbench.secrets.vault import SecretUnreadable
from workbench.values.checking import check_text
from workbench.values.refusals import ValueRefused

Json = Any
LONGEST_REASON = 500


class ReasonMissing(ServiceError):
    """Turning a token back needs a reason."""


class MaskedValueGone(ServiceError):
    """The original was deleted, or cannot be read any more."""


@transaction.atomic
def unmask_value(
    *,
    masked_id: int,
    run: Run,
    reason: str,
    actor: Actor,
    now: datetime,
    case_id: int | None = None,
) -> Json:
    """Return the original of a token, and record who wanted it where and why.

    ``run`` is the run in which it was asked for, ``case_id`` the case. The caller has checked that
    the actor may. Raises: ReasonMissing, MaskedValueGone.
    """
    reason = _check_reason(reason)
    row = MaskedValue.objects.filter(pk=masked_id).first()
    if row is None:
        raise MaskedValueGone("The original was deleted.", "The token stays as it is.")
    try:
        original = json.loads(read_original(row))
    except SecretUnreadable as error:
        raise MaskedValueGone(str(error), "Restore the key that it was encrypted with.") from error
    payload = {"token": row.token, "of_run": row.run_id, "step": row.step, "reason": reason}
    if case_id is not None:
        payload["case"] = case_id
    record(
        action="value.unmasked", subject=("run", str(run.pk)), actor=actor, payload=payload, now=now
    )
    return original


def _check_reason(reason: str) -> str:
    reason = reason.strip()
    try:
        check_text(reason)
    except ValueRefused as error:
        raise ReasonMissing(str(error), "Write the reason anew.") from None
    if not reason or len(reason) > LONGEST_REASON:
        raise ReasonMissing(
            f"Say why it is needed, in at most {LONGEST_REASON} characters.",
            "The reason is kept in the ledger.",
        )
    return reason


@transaction.atomic
def delete_originals(*, run_id: int, actor: Actor, now: datetime) -> int:
    """Delete what the run's tokens stand for, and return how many there were.

    The tokens stay in the run's texts, and nobody can turn them back any more.
    """
    deleted, _ = MaskedValue.objects.filter(run_id=run_id).delete()
    if deleted:
        payload = {"count": deleted}
        subject = ("run", str(run_id))
        record(action="values.deleted", subject=subject, actor=actor, payload=payload, now=now)
        nudge_on_commit([f"run.{run_id}"], {})
    return deleted
