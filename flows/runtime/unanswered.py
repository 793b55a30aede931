"""Calls whose cost nobody knows: they were given up by a time limit, or died with their worker.

Calls under way are known to the process alone, which costs them nothing. One that is given up is
written down at once, so that it is not lost with the worker; an answer that comes later takes it
back. A rehearsal writes down at its end what nobody has answered. Whether a worker that died had
asked, and how often, is not known: each of its steps that ask a connection counts as one call.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from threading import Lock
from typing import NamedTuple

from flows.models import Run
from flows.runtime.held import RehearsalHolder, get_claim, get_holder
from flows.runtime.program import BoundStep, cached_program, load_program
from flows.spending.models import Unanswered
from flows.steps.asking import is_served_by
from flows.steps.base import RunningStep, StepFailure
from flows.steps.registry import UnknownStepType
from flows.store.rows import Claim, TokenRow
from workbench.dispatch import agreed_time
from workbench.dispatch.patience import retry_while_away

_Key = tuple[int, int, int, int]
# What is paid to others is not counted.
PROVIDER = "connection"


class _Call(NamedTuple):
    """A call of a connection; several attempts may share it, of which one stands for it."""

    connection: str
    is_shared: bool = False


_under_way: dict[_Key, list[_Call]] = {}
_lock = Lock()


@contextmanager
def under_way(connection: str, *, flow: str = "", is_shared: bool = False) -> Iterator[None]:
    """Know of a call of the step that is being called here, or of a call without a run."""
    holder, claim = get_holder(), get_claim()
    if claim is not None:
        with _of_attempt(claim, _Call(connection, is_shared)):
            yield
    elif isinstance(holder, RehearsalHolder):
        with _of_rehearsal(holder, connection):
            yield
    else:
        try:
            yield
        except StepFailure as failure:
            if _may_be_paid(failure):
                keep = partial(keep_without_run, flow=flow, now=agreed_time.now())
                retry_while_away(keep, [connection])
            raise


def _may_be_paid(failure: StepFailure) -> bool:
    # Of other kinds the server was not reached, or has answered.
    return failure.kind == "timeout"


@contextmanager
def _of_attempt(claim: Claim, call: _Call) -> Iterator[None]:
    key = _key(claim)
    with _lock:
        _under_way.setdefault(key, []).append(call)
    try:
        yield
    except StepFailure as failure:
        if _may_be_paid(failure):
            _keep(claim, [call])
        raise
    finally:
        with _lock:
            _under_way[key].remove(call)
            if not _under_way[key]:
                del _under_way[key]


@contextmanager
def _of_rehearsal(holder: RehearsalHolder, connection: str) -> Iterator[None]:
    if holder.is_over:
        raise StepFailure("The rehearsal is over.", kind="cancelled", retryable=False)
    holder.unanswered.append(connection)
    is_given_up = False
    try:
        yield
    except StepFailure as failure:
        is_given_up = _may_be_paid(failure)
        raise
    finally:
        if not is_given_up:
            # What has been given up stays so: nobody counts what is paid for it later.
            with suppress(ValueError):
                holder.unanswered.remove(connection)


def give_up(claim: Claim) -> None:
    """Write down the calls of a step that is past its time limit and does not wait for them."""
    with _lock:
        calls = list(_under_way.get(_key(claim), ()))
    if calls:
        _keep(claim, calls)


def give_up_rehearsed(holder: RehearsalHolder, *, flow: str, now: datetime) -> None:
    """Write down what a rehearsal that ends has asked and nobody has answered."""
    holder.is_over = True
    holder.give_up()
    if holder.given_up:
        keep_without_run(holder.given_up, flow=flow, now=now)


def take_back(claim: Claim, connections: Sequence[str]) -> None:
    """Forget calls that were answered after all. Call in the transaction that counts them."""
    token_id, activation, attempt, fence = _key(claim)
    Unanswered.objects.filter(
        token_id=token_id,
        activation=activation,
        attempt=attempt,
        fence=fence,
        connection__in=connections,
    ).delete()


def _key(claim: Claim) -> _Key:
    return claim.token_id, claim.activation, claim.attempt, claim.fence


def _keep(claim: Claim, calls: Sequence[_Call]) -> None:
    retry_while_away(_write, claim, calls)


def _write(claim: Claim, calls: Sequence[_Call]) -> None:
    flow = Run.objects.filter(pk=claim.run_id).values_list("flow__name", flat=True).first()
    now = agreed_time.now()
    rows = [_make_row(claim, each, flow or "", now) for each in calls]
    Unanswered.objects.bulk_create(rows, ignore_conflicts=True)


def _make_row(claim: Claim, call: _Call, flow: str, now: datetime) -> Unanswered:
    return Unanswered(
        token_id=claim.token_id,
        activation=claim.activation,
        attempt=claim.attempt,
        fence=claim.fence,
        connection=call.connection[:80],
        is_shared=call.is_shared,
        run_id=claim.run_id,
        flow=flow,
        step=claim.step,
        at=now,
    )


def keep_without_run(connections: Sequence[str], *, flow: str, now: datetime) -> None:
    """Write down calls that no attempt of a run has made."""
    rows = [
        Unanswered(
            token_id=0, activation=0, attempt=0, fence=0, run_id=0, step="", flow=flow, at=now,
            connection=connection[:80],
        )
        for connection in connections
    ]  # fmt: skip
    Unanswered.objects.bulk_create(rows)


# --- Of workers that died -------------------------------------------------------------------


def keep_lost(tokens: Sequence[TokenRow], versions: Mapping[int, int], now: datetime) -> None:
    """Write down what the steps of a dead worker may have asked.

    Call in the transaction that takes the tokens over, with them as the worker held them, and the
    version of each run. Should the worker live, it takes back what it counts.
    """
    rows = [row for token in tokens if (row := _find_lost(token, versions[token.run_id], now))]
    if rows:
        Unanswered.objects.bulk_create(rows, ignore_conflicts=True)


def _find_lost(token: TokenRow, version_id: int, now: datetime) -> Unanswered | None:
    try:
        program = cached_program(version_id) or load_program(version_id)
    except UnknownStepType:
        return None
    bound = program.steps.get(token.step)
    connection = _find_connection(bound) if bound else None
    if connection is None:
        return None
    return Unanswered(
        token_id=token.id,
        activation=token.activation,
        attempt=token.attempt,
        fence=token.fence,
        connection=connection[:80],
        run_id=token.run_id,
        flow=program.flow,
        step=token.step,
        at=now,
    )


def _find_connection(bound: BoundStep) -> str | None:
    """Return the first connection that a step names, "" if only its run does, None for no step."""
    type_, config = bound.type, bound.step.config
    if not isinstance(type_, RunningStep) or not type_.may_ask(config):
        return None
    named = [use.model for use in type_.list_models(config)]
    return next((each for each in named if is_served_by(PROVIDER, each)), None if named else "")
