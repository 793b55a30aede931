"""The gate that a step passes before it is executed: its breaker and its limits."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flows.expressions import ExpressionError, compile_template
from flows.resilience import breakers, limits
from flows.resilience.guarding import (
    admit,
    describe,
    is_of_destination,
    limit_of_destination,
    release_slots,
    take_slots,
    tells_of_success,
    view,
    write,
)
from flows.steps.asking import list_stale
from flows.steps.base import RunningStep, StepFailure, StepType
from flows.store.rows import Claim
from workbench.dispatch import agreed_time
from workbench.dispatch.patience import retry_while_away

Json = Any
Submit = Callable[..., Awaitable[Any]]

__all__ = [
    "Ticket", "enter", "refresh_kept", "release", "report_failure", "report_success", "view",
]  # fmt: skip


@dataclass(slots=True)
class Ticket:
    """What an activation got at the gate: the limits whose slots it holds, and its call."""

    claim: Claim
    wanted: tuple[limits.Limit, ...] = ()
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
    """Let an activation pass; return None where nothing guards it. ``submit`` runs in a thread.

    A healthy destination without a limit costs no query and no thread.

    Raises: Deferred, StepFailure (the limit's key cannot be evaluated).
    """
    if isinstance(type_, RunningStep) and type_.asks_model:
        await refresh_kept(submit)
    destination = type_.destination(config)
    wanted = _list_limits(claim, flow, type_, limit, bindings)
    by_destination = type_.destination_limit(config) if destination is not None else None
    if by_destination is not None:
        wanted = (*wanted, limit_of_destination(destination or "", by_destination))
    if destination is None and not wanted:
        return None
    now = agreed_time.now()
    if destination is not None:
        if view.is_stale:
            await submit(view.refresh)
        view.check(destination, now)
    if wanted:
        await submit(take_slots, wanted, claim, now)
    call = None
    if destination is not None:
        call = breakers.Call(destination)
        if view.is_troubled(destination):
            call = await submit(admit, destination, now)
    return Ticket(claim, wanted, call)


async def refresh_kept(submit: Submit) -> None:
    """Have the rows read again by which models are found.

    A process that has not read them yet waits for the database: it would know no model, and a step
    that asks one would fail for good.
    """
    for rows in list_stale():
        await submit(retry_while_away, rows.refresh)


def _list_limits(
    claim: Claim, flow: str, type_: StepType, limit: Any, bindings: Mapping[str, Json]
) -> tuple[limits.Limit, ...]:
    by_type = limits.type_limit(type_.name)
    found = [by_type] if by_type is not None else []
    if limit is not None:
        scope = f"step:{flow}/{claim.step}"
        if limit.key:
            scope = f"key:{_render_key(limit.key, bindings)}"
        found.append(limits.Limit(scope[:200], limit.concurrency, limit.per_second))
    return tuple(found)


def _render_key(template: str, bindings: Mapping[str, Json]) -> str:
    try:
        key = compile_template(template).render(bindings)
    except ExpressionError as error:
        raise StepFailure(f"limit.key: {error}", kind="expression", retryable=False) from error
    return str(key)


async def report_success(ticket: Ticket, submit: Submit) -> None:
    """Report a success to the breaker, if it is open or counts failures."""
    call = ticket.call
    if call is not None and tells_of_success(call):
        await submit(write, breakers.record_success, call)


async def report_failure(ticket: Ticket, error: Exception, submit: Submit) -> None:
    """Count a failure of the destination. Other failures show that it answers."""
    call = ticket.call
    if call is None:
        return
    if is_of_destination(error):
        await submit(write, breakers.record_failure, call, describe(error), agreed_time.now())
    else:
        await report_success(ticket, submit)


def release(ticket: Ticket) -> None:
    """Give the slots back once the end of the activation is committed."""
    release_slots(ticket.wanted, ticket.claim)
