"""Breakers and limits around a single call: whether it may be made now, and how it turned out.

The gate guards the one destination of a step. Where a step chooses among several, whoever makes the
calls guards each of them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError

from flows.engine.retries import error_classes
from flows.resilience import breakers, limits
from flows.resilience.errors import Deferred
from flows.steps.base import DestinationLimit, StepFailure
from flows.store.rows import Claim
from workbench.dispatch import agreed_time

view = breakers.BreakerView()


@contextmanager
def guarding(
    destination: str, limit: DestinationLimit | None = None, claim: Claim | None = None
) -> Iterator[None]:
    """Hold a call by its destination's breaker, and by its limit where a claimed step makes it.

    Call it in a thread. A healthy destination without a limit costs no query.

    Raises: StepFailure of kind ``connection``, which says when to try again.
    """
    now = agreed_time.now()
    wanted = _list_limits(destination, limit) if claim is not None else ()
    try:
        call = _enter(destination, now)
        if claim is not None and wanted:
            take_slots(wanted, claim, now, reserve=False)
    except Deferred as deferred:
        raise _explain(deferred, now) from deferred
    try:
        with _reporting(call):
            yield
    finally:
        if claim is not None and wanted:
            release_slots(wanted, claim)


def _list_limits(destination: str, limit: DestinationLimit | None) -> tuple[limits.Limit, ...]:
    return () if limit is None else (limit_of_destination(destination, limit),)


def limit_of_destination(destination: str, limit: DestinationLimit) -> limits.Limit:
    """Return the limit that all calls of the destination come under, whatever step makes them."""
    scope = f"destination:{destination}"[:200]
    return limits.Limit(scope, limit.concurrency, limit.per_second)


def _enter(destination: str, now: datetime) -> breakers.Call:
    """Raises: Deferred."""
    view.refresh()
    view.check(destination, now)
    troubled = view.is_troubled(destination)
    return admit(destination, now) if troubled else breakers.Call(destination)


@contextmanager
def _reporting(call: breakers.Call) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if is_of_destination(error):
            write(breakers.record_failure, call, describe(error), agreed_time.now())
        elif tells_of_success(call):
            write(breakers.record_success, call)
        raise
    if tells_of_success(call):
        write(breakers.record_success, call)


def _explain(deferred: Deferred, now: datetime) -> StepFailure:
    return StepFailure(
        deferred.message,
        kind="connection",
        retry_after_seconds=max(0.0, (deferred.until - now).total_seconds()),
        detail={"held_by": deferred.scope},
    )


# --- What the gate does too -------------------------------------------------------------


def admit(destination: str, now: datetime) -> breakers.Call:
    """Admit a call, or make it the probe. Without a database it passes. Raises: Deferred."""
    try:
        return breakers.admit(destination, now)
    except DatabaseError:
        return breakers.Call(destination)


def take_slots(
    wanted: tuple[limits.Limit, ...], claim: Claim, now: datetime, *, reserve: bool = True
) -> None:
    """Take a slot of each limit, or none at all. Raises: Deferred."""
    try:
        limits.take(wanted, claim, now, reserve=reserve)
    except DatabaseError as error:
        # A limit also holds while the database is away.
        raise Deferred(
            f"The limit could not be looked up: {error}",
            kind="limit",
            scope=wanted[0].scope,
            until=now + timedelta(seconds=1),
        ) from error


def release_slots(wanted: tuple[limits.Limit, ...], claim: Claim) -> None:
    try:
        limits.release(wanted, claim)
    except DatabaseError:
        breakers.logger.warning("No waiting step could be woken for a free slot", exc_info=True)


def tells_of_success(call: breakers.Call) -> bool:
    """Return whether the breaker waits for the call, or counts failures."""
    return call.is_probe or view.is_troubled(call.destination)


def is_of_destination(error: Exception) -> bool:
    """Return whether a failure counts. Others show that the destination answers."""
    if isinstance(error, StepFailure):
        return bool(error_classes(error.kind, error.detail) & breakers.COUNTED)
    return isinstance(error, TimeoutError)


def describe(error: Exception) -> str:
    return str(error) or "It took longer than the step's time-out."


def write(record: Callable[..., None], *args: Any) -> None:
    """Write how a call turned out, if the database is there, and read the breakers again."""
    try:
        record(*args)
    except DatabaseError:
        # The step's outcome matters more, and the next failure is counted again.
        breakers.logger.warning("A breaker could not be written", exc_info=True)
    view.forget()
