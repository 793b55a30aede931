"""The answers of a replay's steps: no step has an effect, and as little as possible is assumed.

- An agent is played turn by turn, with the answers of the run that it had.
- A step that waits otherwise is answered by what was recorded at that step. Without a record, one
  that asks people waits, and any other is assumed to be over.
- A step that asks a model is answered by what was recorded for the very same config and the very
  same versions of its prompts, anywhere in the run. Else a language model's step is called, and
  what it asks is answered by the book (flows.backtest.book); another model may be called, if the
  budget allows. Where no answer is to be had, the lane ends there: an answer to another question is
  none.
- A step with effects is answered in the same way, or else by its own recorded answer, which is
  assumed to hold.
- No answer of another version of a model is taken, as far as that is known here.
- Every other step is executed, once for all lanes of a run that give it the same input.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from flows.backtest.book import ReplayBook
from flows.backtest.recording import Recording, Visit
from flows.expressions import ExpressionError
from flows.graph.codec import parse
from flows.models import RecordedAnswer
from flows.runtime.actions import Action, Fail, Leave, RetryAt
from flows.runtime.held import list_named
from flows.runtime.payloads import fetch
from flows.runtime.program import BoundStep, Program, load_program, run_bindings
from flows.runtime.recalling import make_record
from flows.runtime.rehearsal import MISSING, Given, Part, Stub
from flows.steps.base import RunningStep, StepFailure, WaitingStep
from flows.steps.language import digest_request
from flows.steps.models import LOCAL
from flows.steps.questions import LanguageStep
from workbench.dispatch import agreed_time

Json = Any
# Of failures that say nothing of the question: nobody came to answer it.
UNREACHED = frozenset({"http", "timeout", "connection", "budget", "breaker", "unanswered"})


class RecordedAnswers:
    """The answers for one recorded run; all lanes of the run share the object."""

    def __init__(self, recording: Recording, recorded: Program | None, book: ReplayBook) -> None:
        self.recording = recording
        self.book = book
        self.budget, self.shelf, self.tally = book.budget, book.shelf, book.tally
        self.parts: dict[tuple[str, int], RecordedAnswers] = {}
        self.by_step: dict[str, list[Visit]] = {}
        self.by_key: dict[str, list[Visit]] = {}
        self.executed: dict[str, Leave] = {}
        for visit in recording.visits:
            self.by_step.setdefault(visit.step, []).append(visit)
        for key, visit in _key_visits(recording, recorded) if recorded else ():
            self.by_key.setdefault(key, []).append(visit)
        self.taken: dict[str, int] = {}

    def new_lane(self) -> "RecordedAnswers":
        """Start a lane: each takes the recorded answers from the first one on."""
        self.taken.clear()
        return self

    def find(self, given: Given, visit: int) -> Stub | None:
        bound = given.bound
        if isinstance(bound.type, WaitingStep):
            return None if bound.type.has_parts else self._answer_wait(bound, visit)
        if not isinstance(bound.type, RunningStep):
            return None
        if not _uses_record(bound):
            return self._take_executed(_key_of_all(given))
        key = key_of(bound, given.config, given.pins)
        if bound.type.may_ask(bound.step.config):
            return self._answer_model(given, key)
        return self._take_recorded(key) or self._answer_effect(bound, bound.type, key, visit)

    def keep(self, given: Given, made: Action) -> bool:
        bound = given.bound
        key = key_of(bound, given.config, given.pins) if _uses_record(bound) else _key_of_all(given)
        if _asks_by_book(bound):
            return self._is_answered(bound, made)
        if isinstance(bound.type, RunningStep) and bound.type.may_ask(bound.step.config):
            return self._keep_models(given, key, made)
        if isinstance(made, Leave):
            self.executed[key] = made
        return True

    def enter(self, given: Given, visit: int, program: Program) -> Part | None:
        """Return the run of an agent, to be played with the answers of the recorded one."""
        bound = given.bound
        made = bound.type.expand(program.flow, bound.step)
        if made is None or not isinstance(bound.type, WaitingStep):
            return None
        config = bound.type.Config.model_validate({**given.config, **bound.late})
        answers = self._find_part(bound.step.id, visit).new_lane()
        return Part(
            Program(0, program.flow_id, program.number, parse(made), program.pins),
            bound.type.open_part(config), answers.recording.started_at, answers.recording.run_id,
            answers,
        )  # fmt: skip

    def _find_part(self, step: str, visit: int) -> "RecordedAnswers":
        if (step, visit) not in self.parts:
            recorded = self.recording.parts.get(step, ())
            if visit < len(recorded):
                program = load_program(recorded[visit].version_id)
                found = RecordedAnswers(recorded[visit], program, self.book)
            else:
                nothing = replace(self.recording, visits=(), waits_at=(), parts={}, run_id=0)
                found = RecordedAnswers(nothing, None, self.book)
            self.parts[step, visit] = found
        return self.parts[step, visit]

    # --- People, and whatever else is waited for --------------------------------------

    def _answer_wait(self, bound: BoundStep, visit: int) -> Stub | None:
        recorded = self.by_step.get(bound.step.id, [])
        if visit < len(recorded):
            return _to_stub(recorded[visit])
        if isinstance(bound.type, WaitingStep) and bound.type.asks_people:
            return None
        ports = bound.type.ports(bound.step.config)
        return Stub({}, ports[0] if ports else "done", assumed=True)

    # --- Models -----------------------------------------------------------------------

    def _answer_model(self, given: Given, key: str) -> Stub | None:
        """Return the recorded answer, None to call the step, or that there is no answer."""
        by_book = _asks_by_book(given.bound)
        if self.budget.ask_again and self.budget.is_left:
            return None if by_book else self._take_executed(key)
        if (stub := self._take_models(given, key)) is not None:
            return stub
        if by_book or self.budget.is_left:
            return None
        self._lack(given.bound, key)
        return MISSING

    def _take_models(self, given: Given, key: str) -> Stub | None:
        """Return the answer to this very config: of the run, of this replay, or of another one."""
        if made := self._take_executed(key):
            return made
        found = self.by_key.get(key)
        if found:
            visit = found[min(self.taken.get(key, 0), len(found) - 1)]
            if self._is_of_these_models(given, visit.provenance, visit.at):
                self.tally.add_recorded(key, is_stale=False)
                return self._take_recorded(key)
        # Who replays a run reads the artifacts that the run holds, and no others.
        record = None if list_named(given.config) else self.shelf.find(key)
        if record is None or "port" not in record.answer:
            return None
        if not self._is_of_these_models(given, record.provenance, record.at):
            return None
        self.tally.add_recorded(key, is_stale=False)
        kept = record.answer
        return Stub(kept["output"], kept["port"], provenance=record.provenance)

    def _is_of_these_models(
        self, given: Given, made: Mapping[str, Json] | None, at: datetime
    ) -> bool:
        """Return whether the models that were asked are those that would be asked now.

        None of their connections was changed since, and the one that answered, if it is of this
        process, has the version that it had.
        """
        named = [use.model for use in given.bound.type.list_models(given.config)]
        if any(self.shelf.is_stale(each, at) for each in named):
            return False
        made = made or {}
        now = LOCAL.revision_of(str(made.get("model", "")))
        return not now or now == f"{made.get('version')} {made.get('digest')}"

    def _is_answered(self, bound: BoundStep, made: Action) -> bool:
        lacks = self.book.take_lacking(failed=isinstance(made, Fail | RetryAt))
        if lacks:
            self._lack(bound, lacks)
        return not lacks

    def _keep_models(self, given: Given, key: str, made: Action) -> bool:
        """Count a call of a model, and write its answer down."""
        provenance = getattr(made, "provenance", None)
        self.budget.count(provenance)
        self.tally.asked.add(key)
        if isinstance(made, Leave):
            self.executed[key] = made
            if not list_named(given.config):
                self.shelf.write(_make_record(self.shelf.flow, key, made))
        if not _is_unreached(made):
            return True
        self._lack(given.bound, key)
        return False

    def _lack(self, bound: BoundStep, digest: str) -> None:
        """Note that a question has no answer; about what it costs, this run's own answer tells."""
        costs = [
            float(cost)
            for visit in self.by_step.get(bound.step.id, [])
            if (cost := (visit.provenance or {}).get("cost")) is not None
        ]
        self.tally.add_missing(digest, sum(costs) / len(costs) if costs else None)

    # --- What was recorded or executed ------------------------------------------------

    def _take_recorded(self, key: str) -> Stub | None:
        found = self.by_key.get(key)
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

    def _assume_own(self, bound: BoundStep, visit: int) -> Stub:
        recorded = self.by_step[bound.step.id]
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


def list_exchanges(recording: Recording, program: Program) -> Iterator[RecordedAnswer]:
    """Yield what language models were asked in a run, as far as its journal tells, with answers."""
    if not any(isinstance(bound.type, LanguageStep) for bound in program.steps.values()):
        return
    for visit, bound, config in _render_visits(recording, program):
        if visit.failed or not isinstance(bound.type, LanguageStep):
            continue
        try:
            checked = bound.type.Config.model_validate({**config, **bound.late})
            told = bound.type.tell_exchange(
                checked, program.pins, fetch(visit.data), visit.provenance or {}
            )
        except (ValueError, StepFailure):
            continue  # It asked by a prompt, or with a config, that cannot be read any more.
        if told is not None:
            digest = digest_request(told.request, told.purpose)
            yield make_record(program.flow, digest, told.answer, visit.at, recording.run_id)


def _key_visits(recording: Recording, program: Program) -> Iterator[tuple[str, Visit]]:
    """Yield the visits of steps that must not be executed, by the config that they had."""
    for visit, bound, config in _render_visits(recording, program):
        asks_model = isinstance(bound.type, RunningStep) and bound.type.asks_model
        # A model that failed has answered what it was asked, if anybody was there.
        if not visit.failed or (asks_model and not _says_unreached(visit.data)):
            yield key_of(bound, config, program.pins_of(bound)), visit


def _render_visits(
    recording: Recording, program: Program
) -> Iterator[tuple[Visit, BoundStep, dict[str, Json]]]:
    """Yield the visits of steps that must not be executed, with the config that they had."""
    outputs: dict[str, Json] = {}
    run = run_bindings(recording.run_id, program, recording.started_at)
    for visit in recording.visits:
        bound = program.steps.get(visit.step)
        if bound is not None and _uses_record(bound):
            steps = {step: outputs[step] for step in bound.references if step in outputs}
            bindings = {"input": recording.input, "run": run, "steps": steps}
            if (config := _render(bound, bindings)) is not None:
                yield visit, bound, config
        if not visit.failed:
            outputs[visit.step] = {"output": fetch(visit.data), "port": visit.port}


def _render(bound: BoundStep, bindings: Mapping[str, Json]) -> dict[str, Json] | None:
    """Return the config, or None where the journal lacks a part of its input."""
    try:
        return dict(bound.template.render(bindings))
    except ExpressionError:
        return None


def _uses_record(bound: BoundStep) -> bool:
    if not isinstance(bound.type, RunningStep):
        return False
    config = bound.step.config
    return bound.type.may_ask(config) or bound.type.has_effects(config)


def _asks_by_book(bound: BoundStep) -> bool:
    """Return whether the step asks a language model, whose answers are found by the question."""
    return isinstance(bound.type, LanguageStep) and bound.type.may_ask(bound.step.config)


def _is_unreached(made: Action) -> bool:
    return isinstance(made, Fail | RetryAt) and not made.provenance and _says_unreached(made.error)


def _says_unreached(error: Json) -> bool:
    return isinstance(error, Mapping) and error.get("kind") in UNREACHED


def _to_stub(visit: Visit, *, assumed: bool = False) -> Stub:
    if visit.failed:
        return Stub(error=visit.data or {}, assumed=assumed)
    data = fetch(visit.data)
    return Stub(data, visit.port or "done", provenance=visit.provenance, assumed=assumed)


def _make_record(flow: str, key: str, made: Leave) -> RecordedAnswer:
    return RecordedAnswer(
        flow=flow, digest=key, provenance=dict(made.provenance or {}), at=agreed_time.now(),
        answer={"output": made.output, "port": ",".join(made.ports)},
    )  # fmt: skip


def _key_of_all(given: Given) -> str:
    """Return a digest of all that a step can see, since it may evaluate conditions."""
    bindings = {name: value for name, value in given.bindings.items() if name != "run"}
    return key_of(given.bound, [given.config, bindings], given.pins)


def key_of(bound: BoundStep, config: Json, pins: Mapping[str, int]) -> str:
    """Return a digest of the step's type, its config, and the versions of the assets it uses."""
    parts = [bound.type.name, config, dict(bound.late), dict(pins)]
    given = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(given.encode()).hexdigest()
