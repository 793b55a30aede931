"""Try a draft on the canvas: play it in memory with pinned outputs and typed decisions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flows.editor.fields import list_steps_before
from flows.expressions import ExpressionError
from flows.graph.codec import parse
from flows.graph.problems import DocumentError
from flows.runtime.actions import Action
from flows.runtime.program import Program
from flows.runtime.rehearsal import Given, MayRead, Part, Rehearsal, Stage, Stub
from flows.services.giving import find_givable
from flows.steps.base import RunningStep, WaitingStep
from flows.steps.registry import UnknownStepType
from flows.testing.samples import make_sample
from workbench.accounts.actors import Actor
from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused

Json = Any
ALL, TO, ONLY = "all", "to", "only"


class Unplayable(Exception):
    """The draft or what was typed cannot be played; the message says what to correct."""


@dataclass(slots=True)
class Trial:
    """What a person tries. The page holds it and sends it with each request; nothing is stored.

    ``pins`` is ``{step: {"port", "output"}}``; ``decisions`` has a list of the same by step, one
    for each visit. ``known`` is the last output of each step, for a step that is tried alone.
    """

    input_text: str = "{}"
    sample: str = ""
    scope: str = ALL
    step: str = ""
    pins: dict[str, dict[str, Json]] = field(default_factory=dict)
    decisions: dict[str, list[dict[str, Json]]] = field(default_factory=dict)
    known: dict[str, dict[str, Json]] = field(default_factory=dict)

    @property
    def input(self) -> Json:
        """The input that was typed. Raises: Unplayable."""
        try:
            return read_json(self.input_text or "{}")
        except ValueRefused as error:
            raise Unplayable(f"The input cannot be used. {error}") from None


class TrialAnswers:
    """Answers of the steps: pins and decisions, and a sample for a step that must not be called."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial

    def find(self, given: Given, visit: int) -> Stub | None:
        step, type_ = given.bound.step, given.bound.type
        if step.id in self.trial.pins:
            return _to_stub(self.trial.pins[step.id])
        decided = self.trial.decisions.get(step.id, [])
        if visit < len(decided):
            return _to_stub(decided[visit])
        must_not_wait = isinstance(type_, WaitingStep) and not type_.asks_people
        must_not_run = isinstance(type_, RunningStep) and type_.needs_stub(step.config)
        if not (must_not_wait or must_not_run):
            return None
        ports = type_.ports(step.config)
        sample = make_sample(type_.output_schema(step.config))
        return Stub(sample, ports[0] if ports else "done", assumed=True)

    def keep(self, given: Given, made: Action) -> bool:
        """Keep nothing: no step is played twice."""
        return True

    def enter(self, given: Given, visit: int, program: Program) -> Part | None:
        """Play no part: what is shown and typed here are the steps of the draft."""
        return None


def _to_stub(value: Mapping[str, Json]) -> Stub:
    return Stub(value.get("output"), str(value.get("port") or "done"))


def play_trial(
    document: Mapping[str, Json], trial: Trial, *, actor: Actor, now: datetime
) -> Rehearsal:
    """Play the draft, or the part of it that ``scope`` selects. Raises: Unplayable.

    Its steps read the artifacts that the actor might give to a run.
    """
    program = _compile(document)
    if trial.scope != ALL and trial.step not in program.steps:
        raise Unplayable("Select one step on the canvas first.")
    answers = TrialAnswers(trial)

    def may_read(digest: str) -> bool:
        return bool(find_givable([digest], actor))

    with Stage() as stage:
        if trial.scope == ONLY:
            return _play_one(stage, program, trial, answers, may_read, now)
        return stage.play_program(
            program, input=trial.input, now=now, only=_list_played(document, trial),
            answers=answers, may_read=may_read,
        )  # fmt: skip


def _compile(document: Mapping[str, Json]) -> Program:
    try:
        return Program(0, 0, 0, parse(document))
    except DocumentError as error:
        raise Unplayable(f"The draft cannot be played: {error.problems[0]}") from error
    except (UnknownStepType, ExpressionError) as error:
        raise Unplayable(f"The draft cannot be played: {error}") from error
    except KeyError as error:
        raise Unplayable(f"An edge names the step {error}, which is not there.") from error


def _list_played(document: Mapping[str, Json], trial: Trial) -> frozenset[str] | None:
    """Return the steps to play, or None for all of them."""
    if trial.scope == ALL:
        return None
    return frozenset({trial.step, *list_steps_before(document, trial.step)})


def _play_one(
    stage: Stage,
    program: Program,
    trial: Trial,
    answers: TrialAnswers,
    may_read: MayRead,
    now: datetime,
) -> Rehearsal:
    """Play one step on the pinned outputs of the others, or on their last ones."""
    pinned = trial.pins.pop(trial.step, None)
    try:
        return stage.play_step(
            program, trial.step, input=trial.input, outputs={**trial.known, **trial.pins},
            now=now, answers=answers, may_read=may_read,
        )  # fmt: skip
    finally:
        if pinned is not None:
            trial.pins[trial.step] = pinned
