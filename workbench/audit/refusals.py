"""Record acts that were refused, so that they outlive the transaction that was rolled back.

While a request is answered, refusals are kept aside and written after its answer was made; outside
of requests, in commands, jobs and clock tasks, until the transaction around them has ended. Each
is counted by who tried what: the first few within a span have an entry each, and of the others
there is one with their number when the span ends. So nobody fills the ledger by trying.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db import Error, connection, transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from workbench.accounts.actors import Actor
from workbench.audit.actions import ensure_registered
from workbench.audit.models import Tally
from workbench.audit.services import record
from workbench.audit.transaction_end import get_waiting, is_in_transaction
from workbench.dispatch.sweeps import Sweep

logger = logging.getLogger(__name__)
MOST_AT_ONCE = 100
TASK = "audit.count_refusals"
# In the entry that tells of the further refusals: at what they aimed, such as `case:7`.
AIMS, MOST_AIMS = "further_at", 50


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was refused to whom. Within ``span``, the first ``most`` have an entry each."""

    action: str
    subject: tuple[str, str]
    actor: Actor
    payload: Mapping[str, Any]
    most: int = 10
    span: timedelta = timedelta(minutes=1)
    at: datetime = field(default_factory=timezone.now)

    @property
    def key(self) -> str:
        """Return what it is counted by. Of who is unknown, by what was tried."""
        parts = (self.action, str(self.actor), *(self.subject if self.most == 1 else ()))
        return sha256("\0".join(parts).encode()).hexdigest()


_ASIDE: ContextVar[list[Refusal] | None] = ContextVar("refusals", default=None)


def note_refusal(refusal: Refusal) -> None:
    """Record the refusal: after the request that it belongs to, or the transaction; else at once.

    Raises: UnknownAction.
    """
    ensure_registered(refusal.action)
    aside = _ASIDE.get()
    if aside is None and is_in_transaction():
        aside = get_waiting(_write_all)
    if aside is None:
        _write_all([refusal])
    elif len(aside) < MOST_AT_ONCE:
        aside.append(refusal)


@contextmanager
def refusals_aside() -> Iterator[None]:
    """Keep refusals aside, and write them at the end, in transactions of their own."""
    aside: list[Refusal] = []
    token = _ASIDE.set(aside)
    try:
        yield
    finally:
        _ASIDE.reset(token)
        _write_all(aside)


class RecordRefusals:
    """Middleware. It stands outside of all that opens a transaction for the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with refusals_aside():
            return self.get_response(request)


def _write_all(refusals: list[Refusal]) -> None:
    for refusal in refusals:
        if connection.needs_rollback:
            # Nothing can be written any more in the transaction around this.
            logger.warning("Refused, and not recorded: %s by %s", refusal.action, refusal.actor)
            continue
        try:
            with transaction.atomic():
                _write(refusal)
        except Error:
            # The refusal stands, and its answer must not turn into another one.
            logger.exception("A refusal could not be recorded: %s", refusal.action)


def _write(refusal: Refusal) -> None:
    tally, _ = Tally.objects.select_for_update().get_or_create(
        key=refusal.key, defaults=_tally_of(refusal)
    )
    if tally.until <= refusal.at:
        _close(tally, refusal.at)
        tally = Tally.objects.create(key=refusal.key, **_tally_of(refusal))
    if tally.recorded >= refusal.most:
        _count(tally, refusal)
        return
    Tally.objects.filter(pk=tally.pk).update(recorded=F("recorded") + 1)
    _record(tally, refusal.payload, refusal.at, refusal.subject)


def _count(tally: Tally, refusal: Refusal) -> None:
    """Count one of the further refusals, and keep at what it aimed, if few were aimed at yet.

    Else whoever is refused often enough elsewhere would hide what they try for.
    """
    tally.further += 1
    aim, aims = ":".join(refusal.subject), tally.payload.get(AIMS, [])
    if aim not in aims and len(aims) < MOST_AIMS:
        tally.payload = {**tally.payload, AIMS: [*aims, aim]}
    tally.save(update_fields=["further", "payload"])


def _tally_of(refusal: Refusal) -> dict[str, Any]:
    actor = refusal.actor
    return {
        "action": refusal.action,
        "subject_kind": refusal.subject[0],
        "subject_id": refusal.subject[1],
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "actor_name": actor.name[:200],
        "channel": actor.channel,
        "payload": dict(refusal.payload),
        "until": refusal.at + refusal.span,
    }


def record_counted(now: datetime) -> bool:
    """Write the entries of the spans that have ended, each with the number of further refusals.

    Return whether more may have ended.
    """
    sweep = Sweep(TASK, now)
    ended = Tally.objects.filter(until__lte=now).exclude(pk__in=sweep.ids_passed_over())
    due = list(ended.order_by("until", "pk").values_list("pk", flat=True)[:MOST_AT_ONCE])
    sweep.each(due, lambda pk: _close_by_key(pk, now), key=str)
    if len(due) < MOST_AT_ONCE:
        sweep.forget_gone()
    return len(due) == MOST_AT_ONCE


def _close_by_key(pk: int, now: datetime) -> None:
    tally = Tally.objects.select_for_update(skip_locked=True).filter(pk=pk).first()
    if tally is not None:
        _close(tally, now)


def _close(tally: Tally, now: datetime) -> None:
    if tally.further:
        _record(tally, {**tally.payload, "further": tally.further}, now)
    tally.delete()


def _record(
    tally: Tally,
    payload: Mapping[str, Any],
    now: datetime,
    subject: tuple[str, str] | None = None,
) -> None:
    actor = Actor(tally.actor_kind, tally.actor_id, tally.actor_name, tally.channel)  # type: ignore[arg-type]
    record(
        action=tally.action,
        subject=subject or (tally.subject_kind, tally.subject_id),
        actor=actor,
        payload=payload,
        now=now,
    )
