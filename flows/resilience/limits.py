"""Limits on how many activations are under way, and how many begin in a second."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from flows.models import Token, TokenState
from flows.resilience.errors import Deferred
from flows.resilience.models import LimitClock, Reservation, Slot
from flows.store import get_store
from flows.store.doorbell import ring_on_commit
from flows.store.rows import Claim

# An activation that waits for a slot is woken when one is free, and polls in case it is not.
FIRST_POLL = timedelta(seconds=1)
POLLS_APART = timedelta(seconds=0.1)
LONGEST_POLL = timedelta(seconds=300)
# With a fast rate, so many seconds' worth may begin at once, because timers fire in batches.
BURST_SECONDS = 0.25
FAST_RATE = 4
KEEP_RESERVATIONS = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that an activation comes under."""

    scope: str
    concurrency: int | None = None
    per_second: float | None = None


def type_limit(step_type: str) -> Limit | None:
    """Return the limit that the setting STEP_LIMITS puts on a step type."""
    given: Mapping[str, Any] | None = settings.STEP_LIMITS.get(step_type)
    if given is None:
        return None
    return Limit(f"type:{step_type}", given.get("concurrency"), given.get("per_second"))


def take(wanted: Sequence[Limit], claim: Claim, now: datetime, *, reserve: bool = True) -> None:
    """Take a slot of each limit, or none at all. Locks the limits' rows, in the order of scope.

    Without ``reserve``, who is refused keeps no turn under a rate: it will rather go elsewhere.
    Raises: Deferred.
    """
    in_order = sorted(wanted, key=lambda limit: limit.scope)
    refused = _take_all(in_order, claim, now, reserve=reserve)
    if refused is not None:
        raise refused


@transaction.atomic
def _take_all(
    wanted: Sequence[Limit], claim: Claim, now: datetime, *, reserve: bool
) -> Deferred | None:
    clocks = _lock_clocks([limit.scope for limit in wanted], now)
    if not _is_held(claim):
        # This worker was considered dead: its finish will be refused, so it need not begin.
        return _defer(wanted[0], "This worker no longer holds the step.", now + FIRST_POLL)
    for limit in wanted:
        refused = _refusal(limit, clocks[limit.scope], claim, now, reserve=reserve)
        if refused is not None:
            return refused
    for limit in wanted:
        _take_one(limit, clocks[limit.scope], claim, now)
    return None


def _lock_clocks(scopes: Sequence[str], now: datetime) -> dict[str, LimitClock]:
    known = LimitClock.objects.select_for_update().filter(scope__in=scopes).order_by("scope")
    clocks = {clock.scope: clock for clock in known}
    if len(clocks) < len(scopes):
        missing = [LimitClock(scope=scope, next_at=now, poll_at=now) for scope in scopes]
        LimitClock.objects.bulk_create(missing, ignore_conflicts=True)
        clocks = {clock.scope: clock for clock in known.all()}
    return clocks


def _is_held(claim: Claim) -> bool:
    return Token.objects.filter(
        pk=claim.token_id,
        fence=claim.fence,
        activation=claim.activation,
        state=TokenState.RUNNING,
    ).exists()


def _refusal(
    limit: Limit, clock: LimitClock, claim: Claim, now: datetime, *, reserve: bool
) -> Deferred | None:
    if limit.concurrency is not None and _count_taken(limit.scope) >= limit.concurrency:
        clock.poll_at = max(clock.poll_at + POLLS_APART, now + FIRST_POLL)
        clock.poll_at = min(clock.poll_at, now + LONGEST_POLL)
        clock.save(update_fields=["poll_at"])
        message = f"All {limit.concurrency} slots of {limit.scope} are taken."
        return _defer(limit, message, clock.poll_at)
    if limit.per_second is None:
        return None
    reserved = _reservation(limit, claim).first()
    if reserved is None and clock.next_at <= now + _burst(limit.per_second):
        return None
    message = f"Of {limit.scope}, {limit.per_second:g} may begin in a second."
    if reserved is None and not reserve:
        return _defer(limit, message, clock.next_at)
    if reserved is None:
        # Its turn is reserved, so that later ones do not overtake it for ever.
        reserved = Reservation.objects.create(
            scope=limit.scope, token_id=claim.token_id, activation=claim.activation,
            at=clock.next_at,
        )  # fmt: skip
        _advance(clock, limit.per_second, now)
    if reserved.at <= now:
        return None
    return _defer(limit, message, reserved.at)


def _take_one(limit: Limit, clock: LimitClock, claim: Claim, now: datetime) -> None:
    if limit.concurrency is not None:
        Slot.objects.create(
            scope=limit.scope, token_id=claim.token_id, activation=claim.activation,
            fence=claim.fence, taken_at=now,
        )  # fmt: skip
    if limit.per_second is not None and not _reservation(limit, claim).delete()[0]:
        _advance(clock, limit.per_second, now)


def _advance(clock: LimitClock, per_second: float, now: datetime) -> None:
    clock.next_at = max(clock.next_at, now) + timedelta(seconds=1 / per_second)
    clock.save(update_fields=["next_at"])


def _burst(per_second: float) -> timedelta:
    return timedelta(seconds=BURST_SECONDS if per_second >= FAST_RATE else 0)


def _reservation(limit: Limit, claim: Claim) -> Any:
    return Reservation.objects.filter(
        scope=limit.scope, token_id=claim.token_id, activation=claim.activation
    )


def _count_taken(scope: str) -> int:
    """Return the number of slots in use, after deleting those whose activation is over."""
    holder = Token.objects.filter(
        pk=OuterRef("token_id"),
        fence=OuterRef("fence"),
        activation=OuterRef("activation"),
        state=TokenState.RUNNING,
    )
    Slot.objects.filter(~Exists(holder), scope=scope).delete()
    return Slot.objects.filter(scope=scope).count()


def _defer(limit: Limit, message: str, until: datetime) -> Deferred:
    return Deferred(message, kind="limit", scope=limit.scope, until=until)


@transaction.atomic
def release(wanted: Sequence[Limit], claim: Claim) -> None:
    """Free the slots of an activation that is over, and wake a waiting one for each.

    Waking is a hint: those that are not woken poll. Locks the runs of those it wakes.
    """
    scopes = [limit.scope for limit in wanted if limit.concurrency is not None]
    Slot.objects.filter(
        scope__in=scopes, token_id=claim.token_id, activation=claim.activation, fence=claim.fence
    ).delete()
    store = get_store()
    timers = [timer for scope in scopes for timer in store.take_deferred(scope, 1)]
    if timers:
        store.wake_deferred(timers)
        store.ring()
        ring_on_commit()


def prune(now: datetime) -> int:
    """Delete reservations that were not used, and clocks that no longer limit anything."""
    LimitClock.objects.filter(
        next_at__lt=now - KEEP_RESERVATIONS, poll_at__lt=now - KEEP_RESERVATIONS
    ).exclude(scope__in=Slot.objects.values("scope")).delete()
    return Reservation.objects.filter(at__lt=now - KEEP_RESERVATIONS).delete()[0]
