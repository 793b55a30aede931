"""The gate before a step's call: its breaker and its limits."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError

from flows.engine.retries import error_classes
from flows.expressions import ExpressionError, compile_template
from flows.resilience import breakers, limits
from flows.resilience.errors import Deferred
from flows.steps.base import StepFailure, StepType
from flows.store.rows import Claim
from workbench.dispatch import agreed_time

Json = Any
Submit = Callable[..., Awaitable[Any]]

view = breakers.BreakerView()


@dataclass(slots=True)
class Ticket:
    """What an activation got at the gate. Its outcome goes to the breaker, its slots back."""

    claim: Claim
    wanted: tuple[limits.Wanted, ...] = ()
    call: breakers.Call | None = None

    @property
    def holds_slots(self) -> bool:
        return any(limit.concurrency is not None for limit in self.wanted)


async def enter(
    *,
    claim: Claim,
    flow: str,
    type_: StepType,
    limit: Any,
    config: Any,
    bindings: Mapping[str, Json],
    submit: Submit,
) -> Ticket | None:
    """Let an activation through, or None where nothing guards it. ``submit`` runs in a thread.

    A healthy destination without a limit costs no query and no thread.

    Raises: Deferred, StepFailure (the limit's key cannot be made).
    """
    destination = type_.destination(config)
    wanted = _wanted(claim, flow, type_, limit, bindings)
    if destination is None and not wanted:
        return None
    now = agreed_time.now()
    if destination is not None:
        if view.is_stale:
            await submit(view.refresh)
        view.check(destination, now)
    if wanted:
        await submit(_take, wanted, claim, now)
    call = None
    if destination is not None:
        call = breakers.Call(destination)
        if view.is_troubled(destination):
            call = await submit(_admit, destination, now)
    return Ticket(claim, wanted, call)


def _wanted(
    claim: Claim, flow: str, type_: StepType, limit: Any, bindings: Mapping[str, Json]
) -> tuple[limits.Wanted, ...]:
    by_type = limits.type_limit(type_.name)
    found = [by_type] if by_type is not None else []
    if limit is not None:
        scope = f"step:{flow}/{claim.step}"
        if limit.key:
            scope = f"key:{_key(limit.key, bindings)}"
        found.append(limits.Wanted(scope[:200], limit.concurrency, limit.per_second))
    return tuple(found)


def _key(template: str, bindings: Mapping[str, Json]) -> str:
    try:
        key = compile_template(template).render(bindings)
    except ExpressionError as error:
        raise StepFailure(f"limit.key: {error}", kind="expression", retryable=False) from error
    return str(key)


def _take(wanted: tuple[limits.Wanted, ...], claim: Claim, now: datetime) -> None:
    try:
        limits.take(wanted, claim, now)
    except DatabaseError as error:
        # Who cannot ask may not begin: a limit holds also while the database is away.
        raise Deferred(
            f"The limit could not be looked up: {error}",
            kind="limit",
            scope=wanted[0].scope,
            until=now + timedelta(seconds=1),
        ) from error


def _admit(destination: str, now: datetime) -> breakers.Call:
    try:
        return breakers.admit(destination, now)
    except DatabaseError:
        return breakers.Call(destination)


async def succeeded(ticket: Ticket, submit: Submit) -> None:
    """Tell the breaker, if it wants to know."""
    call = ticket.call
    if call is not None and (call.is_probe or view.is_troubled(call.destination)):
        await submit(_tell, breakers.record_success, call)


async def failed(ticket: Ticket, error: Exception, submit: Submit) -> None:
    """Count a failure of the destination; any other failure of the step is an answer."""
    call = ticket.call
    if call is None:
        return
    if _counts(error):
        await submit(_tell, breakers.record_failure, call, _said(error), agreed_time.now())
    else:
        await succeeded(ticket, submit)


def _counts(error: Exception) -> bool:
    if isinstance(error, StepFailure):
        return bool(error_classes(error.kind, error.detail) & breakers.COUNTED)
    return isinstance(error, TimeoutError)


def _said(error: Exception) -> str:
    return str(error) or "It took longer than the step's time-out."


def _tell(record: Callable[..., None], *args: Any) -> None:
    try:
        record(*args)
    except DatabaseError:
        # The step's outcome matters more; the next failure is counted.
        breakers.logger.warning("A breaker could not be written", exc_info=True)
    view.forget()


def release(ticket: Ticket) -> None:
    """Give slots back once the activation's end is committed."""
    try:
        limits.release(ticket.wanted, ticket.claim)
    except DatabaseError:
        breakers.logger.warning("Nobody could be woken for a free slot", exc_info=True)
