"""Ask a model for several activations in one call: those that come within a moment of each other.

Only activations of one flow that ask the same model with the same parameters share a call, in one
process. Each gets its own answer; if the call as a whole fails, each is asked alone, so that an
input that breaks it fails alone.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Thread
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from django.db import connections
from pydantic import BaseModel, ConfigDict, Field

from flows.steps.base import CodeMissing, Json, StepFailure
from flows.steps.charges import list_charges
from flows.steps.models import (
    BatchingProvider,
    Inference,
    InferenceRequest,
    InputRefused,
    ModelProvider,
    Outcome,
    make_batch_key,
    share_out,
    tell_batch,
)

A = TypeVar("A")
T = TypeVar("T")
MOST_INPUTS = 1000
# After a call has failed, so many are asked alone at a time; and when so many of them get no answer
# and none has got one, the server is down and the rest are spared.
ALONE_AT_ONCE, TELLING = 4, 3
# Failures of which one input cannot be the cause.
_OF_ALL = frozenset({"budget", "config", "secret", "refused", "cancelled"})
_TOO_MANY_REQUESTS = 429


class Batch(BaseModel):
    """How many inputs one call may have, and how long the first waits for the others."""

    model_config = ConfigDict(extra="forbid")

    most: int = Field(
        32, ge=2, le=MOST_INPUTS, title="Most inputs", description="In one call of the model."
    )
    wait_ms: int = Field(
        10, ge=0, le=10_000, title="Wait (ms)", description="How long the first input waits."
    )


async def ask_together(
    provider: ModelProvider, request: InferenceRequest, batch: Batch
) -> Inference:
    """Return the answer to a request that shares a call with others of its kind.

    Raises: InputRefused, StepFailure.
    """
    loop = asyncio.get_running_loop()
    gatherings = _gatherings.setdefault(loop, {})
    group = _make_group(provider, request, batch)
    gathering = gatherings.get(group)
    if gathering is None:
        gathering = gatherings[group] = _Gathering(cast(BatchingProvider, provider))
        close = partial(_close, gatherings, group, gathering)
        gathering.timer = loop.call_later(batch.wait_ms / 1000, close)
    member = _Member(request, loop.create_future(), copy_context())
    gathering.members.append(member)
    if len(gathering.members) >= batch.most:
        _close(gatherings, group, gathering)
    found = await member.answered
    return found if isinstance(found, Inference) else await _ask_alone(provider, request, found)


def ask_together_in_thread(
    loop: asyncio.AbstractEventLoop,
    provider: ModelProvider,
    request: InferenceRequest,
    batch: Batch,
) -> Inference:
    """Wait for what ``ask_together`` returns, in a thread, while ``loop`` gathers the others.

    Raises: InputRefused, StepFailure.
    """
    # Of the threads that wait for one call, none keeps the database's connection meanwhile.
    connections.close_all()
    asked = ask_together(provider, request, batch)
    try:
        waiting = asyncio.run_coroutine_threadsafe(asked, loop)
    except RuntimeError:
        asked.close()
        raise _stopped() from None
    try:
        return waiting.result()
    except CancelledError:
        raise _stopped() from None


def _stopped() -> StepFailure:
    return StepFailure("The worker has stopped.", kind="cancelled")


def follow_in_thread(call: Callable[[], T]) -> "asyncio.Future[T]":
    """Make the call in a thread of its own, which sees for whom the step is called."""
    return _start(copy_context().run, call)


async def _ask_alone(
    provider: ModelProvider, request: InferenceRequest, failed: "_Failed"
) -> Inference:
    """Return the answer to a request whose shared call failed.

    Raises: InputRefused, StepFailure.
    """
    call = failed.call
    async with call.turns:
        if call.is_down:
            raise call.copy_failure(failed.charges)
        try:
            inference = await _start(_within(copy_context(), provider.infer), request)
        except StepFailure as failure:
            call.unanswered += failure.kind in {"timeout", "connection"}
            failure.provenance = _add_charges(failure.provenance, failed.charges)
            raise
        call.answered += 1
    own = list_charges(inference.provenance.as_json())
    charges = (*failed.charges, *own) if failed.charges else ()
    made = replace(inference.provenance, batch=call.tell(request), charges=charges)
    return replace(inference, provenance=made)


def _add_charges(
    made: Mapping[str, Json] | None, charges: Sequence[Mapping[str, Json]]
) -> Mapping[str, Json] | None:
    return {**(made or {}), "charges": [*charges, *list_charges(made)]} if charges else made


@dataclass(slots=True)
class _Member:
    request: InferenceRequest
    answered: "asyncio.Future[Inference | _Failed]"
    # Knows for whom its step is called.
    context: Context


@dataclass(slots=True)
class _Gathering:
    """Those that wait for a call to be made. Only the event loop touches it."""

    provider: BatchingProvider
    members: list[_Member] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class _FailedCall:
    """A call that failed, whose inputs are asked alone."""

    failure: StepFailure
    size: int
    key: str
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ALONE_AT_ONCE))
    answered: int = 0
    unanswered: int = 0

    @property
    def is_down(self) -> bool:
        return self.unanswered >= TELLING and not self.answered

    def copy_failure(self, charges: Sequence[Mapping[str, Json]]) -> StepFailure:
        """Return the failure for one of those that it is about, which is told of it by itself."""
        failure = self.failure
        if isinstance(failure, CodeMissing):
            return CodeMissing(failure.message)
        return StepFailure(
            failure.message,
            kind=failure.kind,
            retryable=failure.retryable,
            retry_after_seconds=failure.retry_after_seconds,
            detail=failure.detail,
            provenance=_add_charges(None, charges),
        )

    def tell(self, request: InferenceRequest) -> dict[str, Json]:
        told = tell_batch(self.size, self.key, request, None)
        return {**told, "failed": self.failure.kind}


@dataclass(frozen=True, slots=True)
class _Failed:
    """What a failed call is to one of its inputs, which bears a share of its cost."""

    call: _FailedCall
    charges: tuple[Mapping[str, Json], ...]


_Gatherings = dict[str, _Gathering]
_gatherings: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Gatherings]" = WeakKeyDictionary()


def _make_group(provider: ModelProvider, request: InferenceRequest, batch: Batch) -> str:
    """Return what those that share a call have in common: with the flow its rights and budgets."""
    parts = [
        provider.name, request.model, request.flow, dict(request.parameters),
        request.timeout_seconds, batch.most, batch.wait_ms,
    ]  # fmt: skip
    return json.dumps(parts, sort_keys=True, default=str)


def _close(gatherings: _Gatherings, key: str, gathering: _Gathering) -> None:
    """Make the call for those that have gathered. Runs on the event loop."""
    if gatherings.get(key) is gathering:
        del gatherings[key]
    if gathering.timer is not None:
        gathering.timer.cancel()
    members = [each for each in gathering.members if not each.answered.done()]
    if not members:
        return
    requests = [each.request for each in members]
    # The first stands for all of them, where a call has to be somebody's.
    sent = _start(_within(members[0].context, gathering.provider.infer_many), requests)
    sent.add_done_callback(partial(_hand_out, members))


def _within(context: Context, call: Callable[[A], T]) -> Callable[[A], T]:
    """Return the call as it is made there, where it is known for whom the step is called."""
    return lambda argument: context.run(call, argument)


def _start(call: Callable[[A], T], argument: A) -> "asyncio.Future[T]":
    """Make the call in a thread of its own, which a worker that stops does not wait for."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    thread = Thread(target=_call, args=(loop, future, call, argument), name="batch", daemon=True)
    thread.start()
    return future


def _call(
    loop: asyncio.AbstractEventLoop,
    future: "asyncio.Future[T]",
    call: Callable[[A], T],
    argument: A,
) -> None:
    try:
        hand_over: Callable[[], None] = partial(_settle, future, call(argument), None)
    except Exception as error:
        hand_over = partial(_settle, future, None, error)
    except BaseException as error:
        # Code that tries to end the process ends its own call.
        quit_ = StepFailure(f"{type(error).__name__}: {error}", kind="exception")
        hand_over = partial(_settle, future, None, quit_)
    finally:
        connections.close_all()
    # Without a loop the worker has stopped, and the steps are taken over.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(hand_over)


def _settle(future: "asyncio.Future[Any]", value: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)


def _hand_out(members: Sequence[_Member], sent: "asyncio.Future[Sequence[Outcome]]") -> None:
    """Give each its answer, or why it has none. Runs on the event loop."""
    try:
        outcomes = sent.result()
        if len(outcomes) != len(members):
            raise ValueError(f"{len(outcomes)} answers to {len(members)} inputs")
    except Exception as error:
        _hand_out_failure(members, _as_failure(error))
        return
    for member, outcome in zip(members, outcomes, strict=True):
        if member.answered.done():
            continue
        if isinstance(outcome, Inference):
            member.answered.set_result(outcome)
        else:
            member.answered.set_exception(outcome)


def _as_failure(error: Exception) -> StepFailure:
    if isinstance(error, StepFailure):
        return error
    kind = "contract" if isinstance(error, InputRefused) else "exception"
    return StepFailure(f"{type(error).__name__}: {error}", kind=kind)


def _hand_out_failure(members: Sequence[_Member], failure: StepFailure) -> None:
    key = make_batch_key([each.request for each in members])
    call = _FailedCall(failure, len(members), key)
    paid = list_charges(failure.provenance)
    for at, member in enumerate(members):
        if member.answered.done():
            continue
        charges = tuple(_take_share(each, at, len(members)) for each in paid)
        if _is_of_all(failure):
            member.answered.set_exception(call.copy_failure(charges))
        else:
            member.answered.set_result(_Failed(call, charges))


def _take_share(charge: Mapping[str, Json], at: int, size: int) -> dict[str, Json]:
    shares = {
        name: share_out(charge[name], size)[at]
        for name in ("cost", "input_tokens", "output_tokens")
        if charge.get(name) is not None
    }
    return {**charge, **shares}


def _is_of_all(failure: StepFailure) -> bool:
    """Return whether asking alone would end alike."""
    status = failure.detail.get("status")
    is_missing = isinstance(failure, CodeMissing)
    return is_missing or failure.kind in _OF_ALL or status == _TOO_MANY_REQUESTS
