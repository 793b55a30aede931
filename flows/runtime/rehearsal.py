"""Play a flow in memory: for its tests, for previews on the canvas, for backtests.

The planner and the step types are the real ones; nothing is stored and nothing is effected. Steps
with effects, and steps that wait, take their output from stubs.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol, assert_never

from flows.engine.events import LIMIT_REACHED, RETURNED
from flows.engine.graph import Kind
from flows.engine.machine import Machine
from flows.engine.planner import Ended, Event, Failed, Finished
from flows.engine.position import Position, TokenView
from flows.expressions import ExpressionError
from flows.graph.model import Document
from flows.runtime.actions import Action, Defer, End, Fail, Leave, Open, RetryAt
from flows.runtime.execution import Drive, Memory
from flows.runtime.held import RehearsalHolder
from flows.runtime.program import BoundStep, Program, run_bindings
from flows.runtime.recalling import Book
from flows.runtime.step_pool import StepPool
from flows.runtime.unanswered import give_up_rehearsed
from flows.spending.without_runs import count_without_run
from flows.steps.base import WaitingStep
from flows.store.rows import Claim
from workbench.dispatch import agreed_time
from workbench.values.refusals import ValueRefused

Json = Any
# A loop without a limit is refused by validation, but a draft may be rehearsed before that.
MOST_ACTIVATIONS = 2_000


@dataclass(frozen=True, slots=True)
class Stub:
    """What a step gives instead of being called; with ``error`` it fails.

    ``assumed`` marks an answer that was not recorded for what the step is given now. One that is
    ``missing`` gives nothing: the step stops there.
    """

    output: Json = None
    port: str = "done"
    error: Mapping[str, Json] | None = None
    provenance: Mapping[str, Json] | None = None
    assumed: bool = False
    missing: bool = False


MISSING = Stub(missing=True)


@dataclass(frozen=True, slots=True)
class Trace:
    """One activation: how it left, what it was given and gave, how long it took."""

    step: str
    port: str
    output: Json
    error: Mapping[str, Json] | None
    config: Json
    ms: float
    stubbed: bool
    assumed: bool = False
    provenance: Mapping[str, Json] | None = None


@dataclass(slots=True)
class Rehearsal:
    """How a rehearsal went. ``status`` is completed, failed, or waiting (at ``waits_at``).

    ``past_limit`` are the steps that were left by ``limit``, which makes no activation. ``given``
    is the rendered config of the steps in ``waits_at``. ``missing_at`` are steps that stopped as
    no model's answer was to be had. ``asked_inside`` counts how often people were asked in parts.
    """

    status: str = "running"
    outcome: str = ""
    output: Json = None
    error: Mapping[str, Json] | None = None
    path: list[Trace] = field(default_factory=list)
    waits_at: list[str] = field(default_factory=list)
    past_limit: list[str] = field(default_factory=list)
    given: dict[str, Json] = field(default_factory=dict)
    missing_at: list[str] = field(default_factory=list)
    asked_inside: int = 0

    @property
    def steps(self) -> list[str]:
        return [trace.step for trace in self.path]

    def output_of(self, step: str) -> Json:
        """Return the newest output of a step, or None."""
        return next((t.output for t in reversed(self.path) if t.step == step), None)


Stubs = Mapping[str, Stub | Sequence[Stub]]
MayRead = Callable[[str], bool]


class Answers(Protocol):
    """Stubs that depend on what a step is given. ``visit`` counts its visits from 0.

    Both are called in a thread: they may make queries.
    """

    def find(self, given: "Given", visit: int) -> Stub | None:
        """Return the answer, or None to have the step called (one that waits then waits)."""

    def keep(self, given: "Given", made: Action) -> bool:
        """Take note of how a call ended. Return False if it must count as no answer."""

    def enter(self, given: "Given", visit: int, program: Program) -> "Part | None":
        """Return the run of the part that the step expands to, if that is to be played."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a step expands to, and what its run is played with. ``answers`` are those inside."""

    program: Program
    input: Json
    now: datetime
    run_id: int
    answers: "Answers"


@dataclass(frozen=True, slots=True)
class Given:
    """What an activation is given: its rendered config, and what its expressions can see.

    ``pins`` are the versions of the assets that its step uses.
    """

    bound: BoundStep
    config: Json
    bindings: Mapping[str, Json]
    pins: Mapping[str, int]


class Stage:
    """Plays rehearsals, one after the other, on one loop and one thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._pool = StepPool(self._loop, 1, name="rehearsal")
        self._pool.start()

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.stop(5)
        self._loop.close()

    def play(
        self,
        document: Document,
        *,
        input: Json,
        now: datetime,
        stubs: Stubs | None = None,
        only: frozenset[str] | None = None,
        run_id: int = 0,
    ) -> Rehearsal:
        """Play ``document`` from its start until nothing can move.

        ``stubs`` by step; a list gives one for each visit, the last one again and again. With
        ``only``, tokens that come to any other step stop there ("run to here").
        """
        return self.play_program(
            Program(0, 0, 0, document), input=input, now=now, stubs=stubs, only=only, run_id=run_id
        )

    def play_program(
        self,
        program: Program,
        *,
        input: Json,
        now: datetime,
        stubs: Stubs | None = None,
        only: frozenset[str] | None = None,
        run_id: int = 0,
        answers: Answers | None = None,
        may_read: MayRead | None = None,
        book: Book | None = None,
    ) -> Rehearsal:
        """Play a program. ``run_id`` is the run that it repeats, ``may_read`` as for play_step.

        ``book`` stands before the language models; without one they are asked, and it is recorded.
        """
        holder = RehearsalHolder(run_id, may_read)
        player = _Player(program, input, now, stubs or {}, only, self._pool, holder, answers, book)
        return self._run(player, player.play())

    def play_step(
        self,
        program: Program,
        step: str,
        *,
        input: Json,
        outputs: Mapping[str, Json],
        now: datetime,
        answers: Answers | None = None,
        may_read: MayRead | None = None,
    ) -> Rehearsal:
        """Play one step alone. ``outputs`` is ``{step: {"output": …, "port": …}}`` of the others.

        ``may_read`` says of a digest whether its artifact may be read for whom this is played;
        without it none is read. Raises: KeyError if there is no such step.
        """
        holder = RehearsalHolder(0, may_read)
        player = _Player(program, input, now, {}, frozenset({step}), self._pool, holder, answers)
        return self._run(player, player.play_one(step, outputs))

    def _run(self, player: "_Player", playing: Coroutine[Any, Any, Rehearsal]) -> Rehearsal:
        try:
            return self._loop.run_until_complete(playing)
        finally:
            # Here and not in the pool: the caller may be within a transaction.
            player.book.save()
            paid = [*player.paid, *player.book.paid]
            player.book.paid.clear()
            flow, now = player.program.flow, agreed_time.now()
            count_without_run(paid, now=now, flow=flow)
            give_up_rehearsed(player.holder, flow=flow, now=now)


class _Player:
    def __init__(
        self,
        program: Program,
        input: Json,
        now: datetime,
        stubs: Stubs,
        only: frozenset[str] | None,
        pool: StepPool,
        holder: RehearsalHolder,
        answers: Answers | None,
        book: Book | None = None,
    ) -> None:
        self.program, self.input, self.now = program, input, now
        self.stubs, self.only, self.pool = stubs, only, pool
        self.holder, self.run_id = holder, holder.run_id
        self.answers = answers
        self.book = book or Book(program.flow)
        self.machine = Machine.start(program.graph)
        # Nothing is read from a database: an output that is not in memory does not exist.
        self.memory = Memory(known=set(program.steps))
        self.visits: dict[str, int] = {}
        self.stopped: set[int] = set()
        self.rehearsal = Rehearsal()
        # The provenance of each call that was made, but for those that the book has.
        self.paid: list[Mapping[str, Json] | None] = []

    async def play(self) -> Rehearsal:
        for _ in range(MOST_ACTIVATIONS):
            ready = [t for t in self.machine.ready() if t.id not in self.stopped]
            if not ready:
                break
            await self.activate(ready[0])
        else:
            self.rehearsal.error = {"kind": "loop", "message": "It goes round without end."}
            self.machine.status = "failed"
        return self.conclude()

    async def activate(self, token: TokenView) -> None:
        step = token.step
        if self.only is not None and step not in self.only:
            self.stopped.add(token.id)
            return
        given = self.make_given(step)
        visit = self.visits.get(step, 0)
        stub = await self.find_stub(given, visit)
        began = time.perf_counter()
        if stub is MISSING:
            self.stop_for_answer(token)
            return
        if stub is None and (part := await self.find_part(given, visit)) is not None:
            stub = await self.play_part(part, given)
            if stub is None:
                self.stopped.add(token.id)
                return
        if stub is None and self.program.graph.nodes[step].kind is Kind.WAIT:
            self.stopped.add(token.id)
            self.rehearsal.waits_at.append(step)
            self.rehearsal.given[step] = given.config
            return
        self.visits[step] = visit + 1
        action = await self.drive(token) if stub is None else _make_stub_action(stub, step)
        if stub is None and not await self.is_answered(given, action):
            self.stop_for_answer(token)
            return
        self.apply(token, action, given.config, (time.perf_counter() - began) * 1_000, stub)

    async def play_one(self, step: str, outputs: Mapping[str, Json]) -> Rehearsal:
        """Put one token on the step, with what the others gave, and drive it."""
        token = TokenView(1, step)
        self.machine = Machine(self.program.graph, Position([token]))
        self.memory.outputs.update(outputs)
        await self.activate(token)
        made = self.rehearsal
        made.status = "failed" if made.error else "waiting"
        return made

    async def is_answered(self, given: Given, action: Action) -> bool:
        if self.answers is None:
            return True
        answered: bool = await self.pool.submit(self.answers.keep, given, action)
        return answered

    async def find_part(self, given: Given, visit: int) -> Part | None:
        if self.answers is None or not isinstance(given.bound.type, WaitingStep):
            return None
        found: Part | None = await self.pool.submit(self.answers.enter, given, visit, self.program)
        return found

    async def play_part(self, part: Part, given: Given) -> Stub | None:
        """Return how the step leaves by the end of its part's run, None if that stands still."""
        holder = RehearsalHolder(part.run_id, self.holder.may_read)
        inner = _Player(
            part.program, part.input, part.now, {}, None, self.pool, holder, part.answers, self.book
        )
        made = await inner.play()
        self.paid += inner.paid
        step, asking = given.bound.step.id, _list_asking(part.program)
        asked = [each for each in (*made.steps, *made.waits_at) if each in asking]
        self.rehearsal.asked_inside += len(asked)
        if made.missing_at or made.status == "waiting":
            (self.rehearsal.missing_at if made.missing_at else self.rehearsal.waits_at).append(step)
            return None
        return _leave_part(given, made, part.run_id)

    def stop_for_answer(self, token: TokenView) -> None:
        self.stopped.add(token.id)
        self.rehearsal.missing_at.append(token.step)

    async def find_stub(self, given: Given, visit: int) -> Stub | None:
        stubs = self.stubs.get(given.bound.step.id)
        if isinstance(stubs, Stub):
            return stubs
        if stubs:
            return stubs[min(visit, len(stubs) - 1)]
        if self.answers is None:
            return None
        found: Stub | None = await self.pool.submit(self.answers.find, given, visit)
        return found

    async def drive(self, token: TokenView) -> Action:
        claim = Claim(
            token_id=token.id,
            run_id=self.run_id,
            version_id=self.program.version_id,
            step=token.step,
            fence=0,
            activation=self.visits[token.step],
            attempt=1,
            priority=0,
            visits=token.visits,
            since=self.now,
            run_started_at=self.now,
            input=self.input,
        )
        drive = Drive(
            claim, self.program, self.memory, self.pool, lambda: False, rehearsing=self.holder,
            book=self.book,
        )  # fmt: skip
        asked = self.book.asked
        action = await drive.run()
        if self.book.asked == asked:
            self.paid.append(getattr(action, "provenance", None))
        return action

    def apply(
        self, token: TokenView, action: Action, config: Json, ms: float, stub: Stub | None
    ) -> None:
        """Move the token on by how its activation ended, and add that to the path."""
        trace = Trace(
            token.step, "", None, None, config, ms, stub is not None,
            assumed=stub is not None and stub.assumed,
        )  # fmt: skip
        event: Event
        match action:
            case Leave(ports, output, provenance):
                trace = replace(trace, port=",".join(ports), output=output, provenance=provenance)
                event = Finished(token.id, ports)
                self.memory.add(token.step, output, trace.port)
            case End(outcome, output, terminate):
                trace = replace(trace, output={"outcome": outcome, "output": output})
                event = Ended(token.id, outcome, terminate)
            case Fail(error) | RetryAt(error):
                trace = replace(trace, port="error", error=error)
                event = Failed(token.id)
                self.note_error(token.step, error)
            case Open() | Defer():
                raise AssertionError("Waiting steps are stopped at; limits are not asked.")
            case _:
                assert_never(action)
        if self.machine.step(event).came_back:
            trace = replace(trace, port=RETURNED)
            self.memory.add(token.step, trace.output, RETURNED)
        self.rehearsal.path.append(trace)

    def note_error(self, step: str, error: dict[str, Json]) -> None:
        """Take the first error that no edge takes for the rehearsal's."""
        if not self.program.graph.exits(step, "error"):
            self.rehearsal.error = self.rehearsal.error or {**error, "step": step}

    def make_given(self, step: str) -> Given:
        """Return what the step is given, with its config unrendered where it cannot be rendered."""
        bound = self.program.steps[step]
        bindings, pins = self.make_bindings(bound.references), self.program.pins_of(bound)
        try:
            return Given(bound, bound.template.render(bindings), bindings, pins)
        except ExpressionError:
            return Given(bound, dict(bound.step.config), bindings, pins)

    def make_bindings(self, steps: frozenset[str]) -> dict[str, Json]:
        outputs = self.memory.outputs
        return {
            "input": self.input,
            "run": run_bindings(self.run_id, self.program, self.now),
            "steps": {step: outputs[step] for step in steps if step in outputs},
        }

    def conclude(self) -> Rehearsal:
        made = self.rehearsal
        made.outcome = self.machine.outcome
        made.past_limit = [n.step for n in self.machine.notes if n.kind == LIMIT_REACHED]
        made.status = "waiting" if self.machine.status == "running" else self.machine.status
        if made.status == "completed":
            try:
                made.output = self.program.render_output(
                    self.make_bindings(self.program.output_references)
                )
            except (ExpressionError, ValueRefused) as error:
                made.status = "failed"
                made.error = {"kind": "output", "message": str(error)}
        return made


def _list_asking(program: Program) -> frozenset[str]:
    """Return the steps that ask people."""
    return frozenset(
        step
        for step, bound in program.steps.items()
        if isinstance(bound.type, WaitingStep) and bound.type.asks_people
    )


def _leave_part(given: Given, made: Rehearsal, run_id: int) -> Stub:
    assert isinstance(given.bound.type, WaitingStep)
    left = None
    if made.status == "completed":
        left = given.bound.type.leave_part(made.outcome, made.output, run_id)
    if left is None:
        message = (made.error or {}).get("message", f"The part ended as {made.status}.")
        return Stub(error={"kind": "subflow", "message": message})
    cost = sum(float((each.provenance or {}).get("cost") or 0) for each in made.path)
    assumed = any(each.assumed for each in made.path)
    return Stub(
        left.output, left.port, provenance={"cost": cost} if cost else None, assumed=assumed
    )


def _make_stub_action(stub: Stub, step: str) -> Action:
    if stub.error is not None:
        return Fail({"kind": "stub", "message": "as stubbed", "step": step, **stub.error})
    return Leave(tuple(stub.port.split(",")), stub.output, stub.provenance)
