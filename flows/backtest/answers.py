"""The answers of a replay's steps: no step has an effect, and as little as possible is assumed.

- A step that waits is answered by what was recorded at that step. Without a record, one that asks
  people waits, and any other is assumed to be over.
- A step with effects, or one that asks a model, is answered by what was recorded for the very same
  config and the very same versions of its prompts, anywhere in the flow. Without such a record a
  model may be called, if the budget allows; otherwise the step's own recorded answer is assumed to
  hold.
- Every other step is executed, once for all lanes of a run that give it the same input.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flows.backtest.recording import Recording, Visit
from flows.expressions import ExpressionError
from flows.runtime.actions import Leave
from flows.runtime.payloads import fetch
from flows.runtime.program import BoundStep, Program, run_bindings
from flows.runtime.rehearsal import Given, Stub
from flows.steps.base import RunningStep, WaitingStep

Json = Any


@dataclass(slots=True)
class Budget:
    """How often models may be called; with ``ask_again``, also where an answer is recorded."""

    ask_again: bool = False
    allowed: int = 0
    made: int = 0
    cost: float = 0.0

    @property
    def is_left(self) -> bool:
        return self.made < self.allowed


class RecordedAnswers:
    """The answers for one recorded run; all lanes of the run share the object."""

    def __init__(self, recording: Recording, recorded: Program, budget: Budget) -> None:
        self.recording = recording
        self.budget = budget
        self.by_step: dict[str, list[Visit]] = {}
        self.by_config: dict[str, list[Visit]] = {}
        self.executed: dict[str, Leave] = {}
        for visit in recording.visits:
            self.by_step.setdefault(visit.step, []).append(visit)
        for key, visit in _key_visits(recording, recorded):
            self.by_config.setdefault(key, []).append(visit)
        self.taken: dict[str, int] = {}

    def new_lane(self) -> "RecordedAnswers":
        """Start a lane: each takes the recorded answers from the first one on."""
        self.taken.clear()
        return self

    def find(self, given: Given, visit: int) -> Stub | None:
        bound = given.bound
        if isinstance(bound.type, WaitingStep):
            return self._answer_wait(bound, visit)
        if not isinstance(bound.type, RunningStep):
            return None
        if not _uses_record(bound):
            return self._take_executed(_key_of_all(given))
        key = key_of(bound, given.config, given.pins)
        if bound.type.may_ask(bound.step.config):
            return self._answer_model(bound, key, visit)
        return self._take_recorded(key) or self._answer_effect(bound, bound.type, key, visit)

    def keep(self, given: Given, left: Leave) -> None:
        bound = given.bound
        key = key_of(bound, given.config, given.pins) if _uses_record(bound) else _key_of_all(given)
        self.executed[key] = left
        if isinstance(bound.type, RunningStep) and bound.type.may_ask(bound.step.config):
            self.budget.made += 1
            self.budget.cost += float((left.provenance or {}).get("cost") or 0)

    def _answer_wait(self, bound: BoundStep, visit: int) -> Stub | None:
        recorded = self.by_step.get(bound.step.id, [])
        if visit < len(recorded):
            return _to_stub(recorded[visit])
        if isinstance(bound.type, WaitingStep) and bound.type.asks_people:
            return None
        ports = bound.type.ports(bound.step.config)
        return Stub({}, ports[0] if ports else "done", assumed=True)

    def _answer_model(self, bound: BoundStep, key: str, visit: int) -> Stub | None:
        if self.budget.ask_again:
            if (made := self._take_executed(key)) is not None:
                return made
            if self.budget.is_left:
                return None
            return self._take_recorded(key) or self._assume_own(bound, visit)
        if (stub := self._take_recorded(key) or self._take_executed(key)) is not None:
            return stub
        return None if self.budget.is_left else self._assume_own(bound, visit)

    def _take_recorded(self, key: str) -> Stub | None:
        found = self.by_config.get(key)
        if not found:
            return None
        index = self.taken.get(key, 0)
        self.taken[key] = index + 1
        return _to_stub(found[min(index, len(found) - 1)])

    def _take_executed(self, key: str) -> Stub | None:
        made = self.executed.get(key)
        if made is None:
            return None
        return Stub(made.output, ",".join(made.ports), provenance=made.provenance)

    def _assume_own(self, bound: BoundStep, visit: int) -> Stub | None:
        recorded = self.by_step.get(bound.step.id)
        if not recorded:
            return Stub(error=_NO_ANSWER)
        return _to_stub(recorded[min(visit, len(recorded) - 1)], assumed=True)

    def _answer_effect(
        self, bound: BoundStep, type_: RunningStep, key: str, visit: int
    ) -> Stub | None:
        """Execute a stand-in; else assume the step's recorded answer, or that it succeeded."""
        if not type_.needs_stub(bound.step.config):
            return self._take_executed(key)
        if bound.step.id in self.by_step:
            return self._assume_own(bound, visit)
        return Stub({}, type_.ports(bound.step.config)[0], assumed=True)


_NO_ANSWER = {
    "kind": "budget",
    "message": "No answer of the model is recorded for this, and the budget for calls is used up.",
}


def _key_visits(recording: Recording, program: Program) -> Iterator[tuple[str, Visit]]:
    """Yield the visits of steps that must not be executed, by the config that they had."""
    outputs: dict[str, Json] = {}
    run = run_bindings(recording.run_id, program, recording.started_at)
    for visit in recording.visits:
        bound = program.steps.get(visit.step)
        if bound is not None and not visit.failed and _uses_record(bound):
            steps = {step: outputs[step] for step in bound.references if step in outputs}
            try:
                config = bound.template.render(
                    {"input": recording.input, "run": run, "steps": steps}
                )
                yield key_of(bound, config, program.pins_of(bound)), visit
            except ExpressionError:
                pass  # The journal lacks a part of its input: it cannot be found by config.
        if not visit.failed:
            outputs[visit.step] = {"output": fetch(visit.data), "port": visit.port}


def _uses_record(bound: BoundStep) -> bool:
    if not isinstance(bound.type, RunningStep):
        return False
    config = bound.step.config
    return bound.type.may_ask(config) or bound.type.has_effects(config)


def _to_stub(visit: Visit, *, assumed: bool = False) -> Stub:
    if visit.failed:
        return Stub(error=visit.data or {}, assumed=assumed)
    data = fetch(visit.data)
    return Stub(data, visit.port or "done", provenance=visit.provenance, assumed=assumed)


def _key_of_all(given: Given) -> str:
    """Return a digest of all that a step can see, since it may evaluate conditions."""
    bindings = {name: value for name, value in given.bindings.items() if name != "run"}
    return key_of(given.bound, [given.config, bindings], given.pins)


def key_of(bound: BoundStep, config: Json, pins: Mapping[str, int]) -> str:
    """Return a digest of the step's type, its config, and the versions of the assets it uses."""
    parts = [bound.type.name, config, dict(bound.late), dict(pins)]
    given = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(given.encode()).hexdigest()
