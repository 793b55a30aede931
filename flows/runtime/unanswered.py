"""Calls whose cost nobody knows, since they were given up by a time limit.

Calls under way are known to the process alone, which costs them nothing. One that is given up is
written down at once, so that it is not lost with the worker; an answer that comes later takes it
back.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from flows.models import Run
from flows.runtime.held import get_claim
from flows.spending.models import Unanswered
from flows.steps.base import StepFailure
from flows.store.rows import Claim
from workbench.dispatch import agreed_time
from workbench.dispatch.patience import retry_while_away

_Key = tuple[int, int, int, int]
_under_way: dict[_Key, list[str]] = {}
_lock = Lock()


@contextmanager
def under_way(connection: str) -> Iterator[None]:
    """Know of a call of the step that is being called here. Outside of a run there is none."""
    claim = get_claim()
    if claim is None:
        yield
        return
    key = _key(claim)
    with _lock:
        _under_way.setdefault(key, []).append(connection)
    try:
        yield
    except StepFailure as failure:
        # Of other kinds the server was not reached, or has answered.
        if failure.kind == "timeout":
            _keep(claim, [connection])
        raise
    finally:
        with _lock:
            _under_way[key].remove(connection)
            if not _under_way[key]:
                del _under_way[key]


def give_up(claim: Claim) -> None:
    """Write down the calls of a step that is past its time limit and does not wait for them."""
    with _lock:
        connections = list(_under_way.get(_key(claim), ()))
    if connections:
        _keep(claim, connections)


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


def _keep(claim: Claim, connections: Sequence[str]) -> None:
    retry_while_away(_write, claim, connections)


def _write(claim: Claim, connections: Sequence[str]) -> None:
    token_id, activation, attempt, fence = _key(claim)
    flow = Run.objects.filter(pk=claim.run_id).values_list("flow__name", flat=True).first()
    now = agreed_time.now()
    rows = [
        Unanswered(
            token_id=token_id,
            activation=activation,
            attempt=attempt,
            fence=fence,
            connection=connection[:80],
            run_id=claim.run_id,
            flow=flow or "",
            step=claim.step,
            at=now,
        )
        for connection in connections
    ]
    Unanswered.objects.bulk_create(rows, ignore_conflicts=True)
