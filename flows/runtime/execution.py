"""Drive one activation: render its config, call its type, and return how it ended."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings

from flows.engine.graph import Kind
from flows.engine.retries import delay_before_retry, error_classes, may_retry
from flows.expressions import ExpressionError
from flows.resilience import gate
from flows.resilience.errors import Deferred
from flows.runtime.actions import Action, Defer, End, Fail, Leave, Open, RetryAt
from flows.runtime.held import RehearsalHolder, RunHolder, call_for, calling_for, list_named
from flows.runtime.late_payments import count_late_for
from flows.runtime.payloads import (
    escape,
    fetch,
    is_large,
    is_plain,
    outputs_of,
    store_if_large,
)
from flows.runtime.program import BoundStep, Program, run_bindings
from flows.runtime.reuse import (
    find_result,
    list_dependencies,
    remember_result,
    result_key,
)
from flows.runtime.sealing import seal_stored
from flows.runtime.step_pool import StepPool
from flows.runtime.unanswered import give_up
from flows.spending.counting import Payment, read_payments
from flows.steps.base import (
    CodeMissing,
    Result,
    RunningStep,
    StepConfig,
    StepContext,
    StepFailure,
    WaitingStep,
)
from flows.steps.judged import call_judged
from flows.steps.language import AnswerBook, asking_by
from flows.store import get_store
from flows.store.rows import Claim
from workbench.dispatch import agreed_time
from workbench.dispatch.patience import retry_while_away
from workbench.files.errors import StoreAway
from workbench.secrets.masking import mask
from workbench.secrets.services import SecretUnknown, SecretUnreadable, read_secrets
from workbench.secrets.uses import flow_use
from workbench.values.checking import check_value, fits
from workbench.values.refusals import ValueRefused

Json = Any

# While a deployment is under way, workers with older code put off what they do not know; past this
# time the name is taken for wrong.
CODE_PATIENCE_SECONDS = 300.0
CODE_PAUSES_SECONDS = (0.5, 10.0)
STORE_PAUSE_SECONDS = 5.0


@dataclass(slots=True)
class Memory:
    """The input and the outputs of its run that a rider has read or made.

    ``known`` are the steps whose newest output, if they have one, is in ``outputs``. ``input`` is
    there once it was read, where the claim has it in another form.
    """

    outputs: dict[str, Json] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    input: tuple[Json] | None = None

    def add(self, step: str, output: Json, port: str) -> None:
        self.outputs[step] = {"output": output, "port": port}
        self.known.add(step)

    def add_stored(self, step: str, output: Json, port: str) -> None:
        """Add an output in the form that its row has."""
        if is_plain(output):
            self.add(step, output, port)
        else:
            # It is not the output itself: whoever needs that reads it again.
            self.known.discard(step)

    def forget(self) -> None:
        self.outputs.clear()
        self.known.clear()


@dataclass(slots=True)
class Drive:
    """One activation, with what is needed to drive it."""

    claim: Claim
    program: Program
    memory: Memory
    pool: StepPool
    is_cancelled: Callable[[], bool]
    # For whom it is rehearsed, if it is, and what stands before the language models then.
    rehearsing: RehearsalHolder | None = None
    book: AnswerBook | None = None
    ticket: gate.Ticket | None = None
    hidden: tuple[str, ...] = ()
    payments: tuple[Payment, ...] = ()
    # Whether the step's time limit is over, whose code may go on in a thread.
    is_overdue: bool = False

    @property
    def bound(self) -> BoundStep:
        return self.program.steps[self.claim.step]

    async def run(self) -> Action:
        """Return how the activation ended. Never raises but for cancellation of the task."""
        action = await self._drive()
        if self.rehearsing or not self.bound.type.seals_output or not isinstance(action, Leave):
            return action
        seal = partial(seal_stored, action.output, ",".join(action.ports))
        try:
            return replace(action, seal=await self.pool.submit(retry_while_away, seal))
        except Exception as error:
            failure = StepFailure(f"Its output cannot be sealed: {error}", kind="exception")
            return await self._retry_or_fail(failure)

    async def _drive(self) -> Action:
        began = agreed_time.now()
        try:
            return await self._act(began)
        except (Deferred, StoreAway) as hindered:
            return await self._put_off(hindered)
        except CodeMissing as missing:
            return await self._defer_to_newer_worker(missing)
        except StepFailure as failure:
            return await self._retry_or_fail(failure)
        except TimeoutError:
            await self._give_up_calls()
            seconds = self.bound.step.timeout_seconds
            return await self._retry_or_fail(
                StepFailure(f"It took longer than {seconds} s.", kind="timeout")
            )
        except Exception as error:
            return await self._retry_or_fail(
                StepFailure(f"{type(error).__name__}: {error}", kind="exception")
            )

    async def _act(self, now: datetime) -> Action:
        bound = self.bound
        bindings = await self._read_bindings(bound)
        kind = self.program.graph.nodes[self.claim.step].kind
        if kind is Kind.END:
            return _make_end(bound, bindings)
        config = bound.config(await self._add_secrets(bound, bindings))
        ctx = self._make_context(bindings, now)
        if kind is Kind.WAIT:
            return _make_open(bound, ctx, config)
        if self.rehearsing:
            return (await self._call_and_report(bound, ctx, config))[0]
        if bound.step.cache is None:
            return await self._call_through_gate(bound, ctx, config)
        plain = self._render_without_secrets(bound, config, bindings)
        parts = await self._list_dependencies(bound, plain, bindings)
        key = result_key(parts)
        find = partial(
            find_result, key, self.claim.run_id, named=list_named(parts),
            is_sealed=bound.type.seals_output,
        )  # fmt: skip
        found: Leave | None = await self.pool.submit(retry_while_away, find, now)
        if found is not None:
            return found
        leave = await self._call_through_gate(bound, ctx, config)
        remember = partial(remember_result, ttl_seconds=bound.step.cache.ttl_seconds)
        await self.pool.submit(retry_while_away, remember, key, self.claim, now)
        return leave

    async def _list_dependencies(
        self, bound: BoundStep, config: Any, bindings: Mapping[str, Json]
    ) -> Json:
        program = self.program
        pins = program.pins_of(bound)
        find = partial(list_dependencies, bound, config, bindings, program.flow, pins)
        asks_model = isinstance(bound.type, RunningStep) and bound.type.asks_model
        if not asks_model:
            return find()
        await gate.refresh_kept(self.pool.submit)
        return await self.pool.submit(find)

    async def _call_through_gate(self, bound: BoundStep, ctx: StepContext, config: Any) -> Leave:
        self.ticket = await self._enter(bound, config, ctx.bindings)
        leave, size = await self._call_and_report(bound, ctx, config)
        if is_large(size):
            return await self._put_away(leave, ctx.now)
        if is_plain(leave.output):
            return leave
        return replace(leave, output=escape(leave.output))

    def _render_without_secrets(
        self, bound: BoundStep, config: Any, bindings: Mapping[str, Json]
    ) -> Any:
        if not bound.secrets:
            return config
        return bound.config({**bindings, "secrets": _name_secrets(bound.secrets)})

    async def _enter(
        self, bound: BoundStep, config: Any, bindings: Mapping[str, Json]
    ) -> gate.Ticket | None:
        return await gate.enter(
            claim=self.claim,
            flow=self.program.flow,
            type_=bound.type,
            limit=bound.step.limit,
            config=config,
            bindings=bindings,
            submit=self.pool.submit,
        )

    async def _add_secrets(
        self, bound: BoundStep, bindings: Mapping[str, Json]
    ) -> Mapping[str, Json]:
        """Return the bindings with the secrets that the config reads, for this call alone.

        A step that waits or ends gets none: an expression of its config that reads one fails.
        """
        if not bound.secrets or not isinstance(bound.type, RunningStep):
            return bindings
        if bound.secrets_fault:
            raise StepFailure(bound.secrets_fault, kind="secret", retryable=False)
        if self.rehearsing:
            return {**bindings, "secrets": _name_secrets(bound.secrets)}
        read = partial(read_secrets, use=flow_use(self.program.flow))
        try:
            values = await self.pool.submit(retry_while_away, read, bound.secrets)
        except (SecretUnknown, SecretUnreadable) as error:
            raise StepFailure(str(error), kind="secret", retryable=False) from error
        self.hidden = tuple(values.values())
        return {**bindings, "secrets": values}

    def _mask(self, result: Result) -> Result:
        if not self.hidden:
            return result
        return replace(
            result,
            output=mask(result.output, self.hidden),
            provenance=mask(result.provenance, self.hidden),
        )

    async def _call_and_report(
        self, bound: BoundStep, ctx: StepContext, config: Any
    ) -> tuple[Leave, int]:
        """Call the step within its time limit, and tell the gate how its destination answered."""
        try:
            async with asyncio.timeout(bound.step.timeout_seconds):
                result = await self._call(bound, ctx, config)
                self.payments = read_payments(result.provenance)
                left = _check_result(self._mask(result))
        except Exception as error:
            self.is_overdue = isinstance(error, TimeoutError)
            if isinstance(error, StepFailure):
                self.payments = self.payments or read_payments(error.provenance)
                error.message = mask(error.message, self.hidden)
                error.args = (error.message,)
            if self.ticket is not None:
                await gate.report_failure(self.ticket, error, self.pool.submit)
            raise
        if self.ticket is not None:
            await gate.report_success(self.ticket, self.pool.submit)
        return left

    async def _put_away(self, leave: Leave, now: datetime) -> Leave:
        """Store a large output as an artifact before its mark is on its way to the database."""
        store = partial(store_if_large, leave.output, name=self.claim.step, now=now)
        mark = await self.pool.submit(retry_while_away, store)
        return replace(leave, output=mark)

    async def _read_input(self) -> Json:
        if self.rehearsing or is_plain(self.claim.input):
            return self.claim.input
        if self.memory.input is None:
            read = await self.pool.submit(retry_while_away, fetch, self.claim.input)
            self.memory.input = (read,)
        return self.memory.input[0]

    async def _read_bindings(self, bound: BoundStep) -> dict[str, Json]:
        given = await self._read_input()
        missing = bound.references - self.memory.known
        if missing:
            read = await self.pool.submit(retry_while_away, outputs_of, self.claim.run_id, missing)
            self.memory.outputs.update(read)
            self.memory.known.update(missing)
        return {
            "input": given,
            "run": run_bindings(
                self.claim.run_id,
                self.program,
                self.claim.run_started_at,
                None if self.rehearsing else self.claim.priority,
            ),
            "steps": {
                step: self.memory.outputs[step]
                for step in bound.references
                if step in self.memory.outputs
            },
        }

    def _make_context(self, bindings: Mapping[str, Json], now: datetime) -> StepContext:
        claim = self.claim
        return StepContext(
            run_id=claim.run_id,
            flow=self.program.flow,
            version=self.program.number,
            step_id=claim.step,
            token_id=claim.token_id,
            activation=claim.activation,
            attempt=claim.attempt,
            input=bindings["input"],
            bindings=bindings,
            now=now,
            pins=self.program.pins,
            is_cancelled=lambda: self.is_overdue or self.is_cancelled(),
        )

    async def _call(self, bound: BoundStep, ctx: StepContext, config: Any) -> Result:
        type_ = bound.type
        if not isinstance(type_, RunningStep):
            raise StepFailure(f"Steps of type {type_.name} cannot be called.", retryable=False)
        call = partial(self._rehearse, type_) if self.rehearsing else type_.run
        holder = self.rehearsing or RunHolder(self.claim.run_id, self.claim)
        if type_.blocking:
            # A thread of the pool does not see the context of the loop.
            called = self.pool.submit(call_for, holder, call_judged, call, ctx, config)
            given = await (self._wait_for(called) if type_.asks_model else called)
        else:
            given = call_for(holder, call, ctx, config)
        if isinstance(given, Result):
            return given
        with calling_for(holder):
            asked = self._wait_for(asyncio.ensure_future(given)) if type_.asks_model else given
            result: Result = await asked
        return result

    def _rehearse(
        self, type_: RunningStep, ctx: StepContext, config: Any
    ) -> Result | Awaitable[Result]:
        with asking_by(self.book):
            return type_.rehearse(ctx, config)

    async def _wait_for(self, called: "asyncio.Future[Any]") -> Any:
        """Return what the step's code returns. If it comes too late, what it paid is counted."""
        try:
            return await asyncio.shield(called)
        except asyncio.CancelledError:
            if not self.rehearsing:
                called.add_done_callback(self._count_late)
            raise

    def _count_late(self, called: "asyncio.Future[Any]") -> None:
        if called.cancelled():
            return
        error = called.exception()
        made = getattr(called.result() if error is None else error, "provenance", None)
        if read_payments(made):
            self.pool.submit(count_late_for, self.claim, self.program.flow, made)

    async def _give_up_calls(self) -> None:
        type_ = self.bound.type
        if self.rehearsing:
            self.rehearsing.give_up()
        elif isinstance(type_, RunningStep) and type_.asks_model:
            await self.pool.submit(give_up, self.claim)

    async def _retry_or_fail(self, failure: StepFailure) -> Action:
        """Return when to try again, or that the step has failed for good."""
        error: dict[str, Json] = {
            "kind": failure.kind,
            "message": mask(failure.message, self.hidden),
            "step": self.claim.step,
            "attempt": self.claim.attempt,
            "detail": mask(failure.detail, self.hidden),
        }
        if not fits(error):
            error |= _without_unfit(error)
        made = mask(failure.provenance, self.hidden)
        made = made if fits(made) else None
        retry = self.bound.step.retry
        classes = error_classes(failure.kind, failure.detail)
        if self._may_leave_by(failure.kind):  # such as a budget that is spent
            return Leave((failure.kind,), failure.detail, made)
        if not failure.retryable or retry is None or not may_retry(retry, classes):
            return Fail(error, made)
        now = agreed_time.now()
        anchor = await self._get_deadline_start()
        delay = delay_before_retry(
            retry,
            attempt=self.claim.attempt,
            elapsed_seconds=(now - anchor).total_seconds(),
            retry_after_seconds=failure.retry_after_seconds,
            random=random.random(),  # noqa: S311 - jitter, not a secret
        )
        if delay is None:
            return Fail(error, made)
        return RetryAt(error, now + timedelta(seconds=delay), made)

    def _may_leave_by(self, kind: str) -> bool:
        """Return whether a failure of this kind has a port of its own, which an edge takes."""
        if not self.program.graph.exits(self.claim.step, kind):
            return False
        return kind in self.bound.type.optional_ports(self.bound.step.config)

    async def _get_deadline_start(self) -> datetime:
        """Return from when the retry deadline counts: the first attempt, however others waited."""
        retry = self.bound.step.retry
        if retry is None or retry.deadline_seconds is None or self.claim.attempt == 1:
            return self.claim.since
        look = get_store().get_first_attempt_at
        first: datetime = await self.pool.submit(retry_while_away, look, self.claim)
        return first

    async def _defer_to_newer_worker(self, missing: CodeMissing) -> Action:
        """Put it off for a worker that has the code, for as long as a deployment may take."""
        now = agreed_time.now()
        waited = (now - self.claim.since).total_seconds()
        if self.rehearsing or waited > CODE_PATIENCE_SECONDS:
            return await self._retry_or_fail(missing)
        until = next_code_check(self.claim, now)
        return Defer(until, f"code:{self.program.flow}/{self.claim.step}"[:200], missing.message)

    async def _put_off(self, hindered: Deferred | StoreAway) -> Action:
        """Put it off: that the store of files is away is no fault of the step."""
        if isinstance(hindered, Deferred):
            return await self._defer_or_fail(hindered)
        if self.rehearsing:
            return await self._retry_or_fail(StepFailure(str(hindered), kind="store"))
        until = agreed_time.now() + timedelta(seconds=STORE_PAUSE_SECONDS)
        return await self._defer_or_fail(
            Deferred(str(hindered), kind="store", scope="store", until=until)
        )

    async def _defer_or_fail(self, deferred: Deferred) -> Action:
        """Put the activation off; fail it if that would be past its retry deadline."""
        retry = self.bound.step.retry
        if retry is not None and retry.deadline_seconds is not None:
            ends = await self._get_deadline_start() + timedelta(seconds=retry.deadline_seconds)
            if deferred.until > ends:
                error = {
                    "kind": deferred.kind,
                    "message": deferred.message,
                    "step": self.claim.step,
                    "attempt": self.claim.attempt,
                    "detail": {"held_by": deferred.scope},
                }
                return Fail(error)
        return Defer(deferred.until, deferred.scope, deferred.message)


def _without_unfit(error: Mapping[str, Json]) -> dict[str, Json]:
    """Return message and detail so that they can be kept: a failure is always written down."""
    message = error["message"].replace("\0", "\N{REPLACEMENT CHARACTER}")
    message = message.encode("utf-8", "replace").decode()
    if fits(error["detail"]):
        return {"message": message}
    return {"message": message, "detail": {"left_out": "It held a value that cannot be stored."}}


def next_code_check(claim: Claim, now: datetime) -> datetime:
    """Return when another worker may try whether it has the code: in pauses that grow."""
    shortest, longest = CODE_PAUSES_SECONDS
    waited = (now - claim.since).total_seconds()
    return now + timedelta(seconds=min(max(waited, shortest), longest))


def _name_secrets(secrets: Iterable[str]) -> dict[str, str]:
    """Return the names of the secrets in place of their values."""
    return {name: f"<{name}>" for name in secrets}


def _make_open(bound: BoundStep, ctx: StepContext, config: StepConfig) -> Open:
    assert isinstance(bound.type, WaitingStep)
    seconds = bound.step.timeout_seconds
    timeout_at = ctx.now + timedelta(seconds=seconds) if seconds else None
    return Open(bound.type, ctx, config, timeout_at)


def _make_end(bound: BoundStep, bindings: Mapping[str, Json]) -> End:
    try:
        config = bound.template.render(bindings)
    except ExpressionError as error:
        raise StepFailure(str(error), kind="expression", retryable=False) from error
    _check_kept("output", config.get("output"))
    return End(
        str(config.get("outcome", "")), config.get("output"), config.get("terminate") is True
    )


def _check_result(result: Result) -> tuple[Leave, int]:
    """Return how the step leaves, and about how many bytes its output has.

    Raises StepFailure for an output that cannot be kept. Here alone is an output checked.
    """
    size = _measure(result.output)
    if size > settings.MAX_PAYLOAD_BYTES:
        raise _contract_failure(
            f"Its output has {size:,} bytes; at most {settings.MAX_PAYLOAD_BYTES:,} are kept."
            " Store it as an artifact and return its reference."
        )
    _check_kept("output", result.output)
    _check_kept("provenance", result.provenance)
    ports = result.ports if result.ports is not None else (result.port,)
    return Leave(ports, result.output, result.provenance), size


def _measure(output: Json) -> int:
    """Return about how many bytes the output has as JSON. Raises StepFailure if it is not JSON."""
    try:
        return len(json.dumps(output, allow_nan=False, default=_refuse))
    except TypeError as error:
        raise _contract_failure(
            f"Its output is not JSON: {error}. Return dicts, lists, text, numbers, booleans."
        ) from error
    except RecursionError as error:
        raise _contract_failure("Its output nests too deep. Flatten it.") from error
    except ValueError as error:
        # The database would refuse them, and only when they are written.
        raise _contract_failure(
            "Its output holds NaN or infinity, which JSON cannot carry. Return a number or None."
        ) from error


def _check_kept(part: str, value: Json) -> None:
    """Raise StepFailure if a part of a step's result cannot be kept."""
    try:
        check_value(value)
    except ValueRefused as error:
        at = f" at {error.at}" if error.at else ""
        raise _contract_failure(f"Its {part}{at}: {error.message} {error.remedy}") from error


def _contract_failure(message: str) -> StepFailure:
    return StepFailure(message, kind="contract", retryable=False)


def _refuse(value: Any) -> None:
    raise TypeError(f"{type(value).__name__} is not a JSON type")
