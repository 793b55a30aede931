"""What a person tries on the canvas, as the page holds it; the server keeps nothing of it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flows.editor.fields import list_steps_before
from flows.expressions import ExpressionError
from flows.graph.codec import parse
from flows.graph.problems import DocumentError
from flows.runtime.actions import Leave
from flows.runtime.program import Program
from flows.runtime.rehearsal import Given, Rehearsal, Stage, Stub, Trace
from flows.steps.base import RunningStep, WaitingStep
from flows.steps.registry import UnknownStepType, get_step_type
from flows.testing.samples import sample_of

Json = Any
ALL, TO, ONLY = "all", "to", "only"


class Unplayable(Exception):
    """The draft or what was typed cannot be played; the message says what to mend."""


@dataclass(slots=True)
class Bench:
    """``pins`` is ``{step: {"port", "output"}}``; ``decisions`` is a list of the like by step, one
    a visit. ``known`` is what the steps gave last time, for a step that is tried alone.
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
        """Raises: Unplayable."""
        try:
            return json.loads(self.input_text or "{}")
        except ValueError as error:
            raise Unplayable(f"The input is not JSON: {error}.") from None


class BenchAnswers:
    """Pins and decisions first; what must not be called gives an example of what it promises."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def find(self, given: Given, visit: int) -> Stub | None:
        step, type_ = given.bound.step, given.bound.type
        if step.id in self.bench.pins:
            return _stub(self.bench.pins[step.id])
        decided = self.bench.decisions.get(step.id, [])
        if visit < len(decided):
            return _stub(decided[visit])
        must_not_wait = isinstance(type_, WaitingStep) and not type_.asks_people
        must_not_run = isinstance(type_, RunningStep) and type_.needs_stub(step.config)
        if not (must_not_wait or must_not_run):
            return None
        ports = type_.ports(step.config)
        sample = sample_of(type_.output_schema(step.config))
        return Stub(sample, ports[0] if ports else "done", assumed=True)

    def keep(self, given: Given, made: Leave) -> None:
        """Nothing is played twice here."""


def _stub(value: Mapping[str, Json]) -> Stub:
    return Stub(value.get("output"), str(value.get("port") or "done"))


def play_bench(document: Mapping[str, Json], bench: Bench, *, now: datetime) -> Rehearsal:
    """Play the draft as the bench says. Raises: Unplayable."""
    try:
        parsed = parse(document)
        program = Program(0, 0, 0, parsed)
    except DocumentError as error:
        raise Unplayable(f"The draft cannot be played: {error.problems[0]}") from error
    except (UnknownStepType, ExpressionError) as error:
        raise Unplayable(f"The draft cannot be played: {error}") from error
    except KeyError as error:
        raise Unplayable(f"An edge names the step {error}, which is not there.") from error
    if bench.scope != ALL and bench.step not in parsed.steps:
        raise Unplayable("Select one step on the canvas first.")
    answers = BenchAnswers(bench)
    with Stage() as stage:
        if bench.scope == ONLY:
            return _play_one(stage, program, bench, answers, now)
        return stage.play_program(
            program, input=bench.input, now=now, only=_scope(document, bench), answers=answers
        )


def _scope(document: Mapping[str, Json], bench: Bench) -> frozenset[str] | None:
    if bench.scope == ALL:
        return None
    return frozenset({bench.step, *list_steps_before(document, bench.step)})


def _play_one(
    stage: Stage, program: Program, bench: Bench, answers: BenchAnswers, now: datetime
) -> Rehearsal:
    """Play one step on what is pinned, else on what the others gave last time."""
    pinned = bench.pins.pop(bench.step, None)
    try:
        return stage.play_step(
            program, bench.step, input=bench.input, outputs={**bench.known, **bench.pins},
            now=now, answers=answers,
        )  # fmt: skip
    finally:
        if pinned is not None:
            bench.pins[bench.step] = pinned


# --- What the page shows ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One activation, or a checkpoint that waits for an answer (then ``ports`` to choose from)."""

    step: str
    title: str
    type: str
    icon: str
    state: str
    number: int = 0
    port: str = ""
    ms: float | None = None
    given: Json = None
    output: Json = None
    error: Json = None
    is_pinned: bool = False
    is_decided: bool = False
    is_assumed: bool = False
    ports: tuple[str, ...] = ()


def rows_of(document: Mapping[str, Json], bench: Bench, made: Rehearsal) -> Iterator[Row]:
    """Yield what happened in order, then the checkpoints that wait."""
    visits: dict[str, int] = {}
    for number, trace in enumerate(made.path):
        visits[trace.step] = visits.get(trace.step, 0) + 1
        yield _row(document, bench, trace, number, visits[trace.step])
    for step in made.waits_at:
        title, type_name, icon = _face(document, step)
        config = document["steps"][step].get("with") or {}
        type_ = get_step_type(type_name)
        given = made.given.get(step)
        ports = type_.ports(config)
        yield Row(
            step, title, type_name, icon, "waiting_for_person", number=len(made.path),
            given=given, output=_example(type_, given, config, ports), ports=ports,
        )  # fmt: skip


def _example(type_: Any, given: Json, config: Json, ports: tuple[str, ...]) -> Json:
    if not isinstance(type_, WaitingStep):
        return {}
    return type_.example_output(given if isinstance(given, dict) else config, ports[0])


def _row(document: Mapping[str, Json], bench: Bench, trace: Trace, number: int, visit: int) -> Row:
    title, type_name, icon = _face(document, trace.step)
    pinned = trace.stubbed and trace.step in bench.pins
    decided = trace.stubbed and not pinned and visit <= len(bench.decisions.get(trace.step, []))
    return Row(
        trace.step, title, type_name, icon, "failed" if trace.error else "done", number,
        port=trace.port, ms=None if trace.stubbed else trace.ms, given=trace.config,
        output=trace.output, error=trace.error, is_pinned=pinned, is_decided=decided,
        is_assumed=trace.assumed,
    )  # fmt: skip


def _face(document: Mapping[str, Json], step: str) -> tuple[str, str, str]:
    told = document["steps"][step]
    try:
        icon = get_step_type(told["type"]).icon
    except UnknownStepType:
        icon = "box"
    return told.get("title") or step, told["type"], icon


def statuses_of(document: Mapping[str, Json], made: Rehearsal) -> dict[str, Json]:
    """Return what the canvas shows of a trial: state, time and visits of each step, edges taken."""
    steps: dict[str, Json] = {}
    exits: dict[str, int] = {}
    for trace in made.path:
        visits = steps.get(trace.step, {}).get("visits", 0) + 1
        words = trace.port or "ended"
        took = "" if trace.stubbed else f" in {trace.ms:.0f} ms"
        state = "failed" if trace.error else "done"
        steps[trace.step] = {"state": state, "visits": visits, "note": f"{words}{took}"}
        for port in trace.port.split(","):
            exits[f"{trace.step}.{port}"] = exits.get(f"{trace.step}.{port}", 0) + 1
    for step in made.waits_at:
        steps[step] = {"state": "waiting_for_person", "note": "What do people decide?"}
    edges = {
        edge: {"state": "taken", "count": exits[edge.partition(" -> ")[0]]}
        for edge in document.get("edges", ())
        if edge.partition(" -> ")[0] in exits
    }
    return {"steps": steps, "edges": edges}


def known_of(made: Rehearsal) -> dict[str, dict[str, Json]]:
    """Return the newest output of each step, to try one of them alone with."""
    return {t.step: {"output": t.output, "port": t.port} for t in made.path if not t.error}


# --- Keeping it as a test -----------------------------------------------------------------


def flow_test_of(
    document: Mapping[str, Json], bench: Bench, made: Rehearsal, name: str
) -> dict[str, Json]:
    """Return what happened as a test of the flow: the same input, answers, path and output."""
    samples = document.get("samples") or {}
    same = samples.get(bench.sample) == bench.input
    test: dict[str, Json] = {"name": name, "input": bench.sample if same else bench.input}
    stubs = {t.step: _written(t) for t in made.path if t.stubbed and not _decided(bench, t)}
    if stubs:
        test["stubs"] = stubs
    if decisions := {step: given for step, given in bench.decisions.items() if given}:
        test["decisions"] = decisions
    return {**test, "expect": _expected(made)}


def _decided(bench: Bench, trace: Trace) -> bool:
    return trace.step in bench.decisions and trace.step not in bench.pins


def _written(trace: Trace) -> dict[str, Json]:
    port = {} if trace.port == "done" else {"port": trace.port}
    return {"output": trace.output, **port}


def _expected(made: Rehearsal) -> dict[str, Json]:
    expect: dict[str, Json] = {"path": made.steps}
    if made.status == "waiting":
        return {**expect, **({"waits_at": made.waits_at[0]} if made.waits_at else {})}
    if made.status == "failed":
        return {**expect, "status": "failed"}
    if made.outcome:
        expect["outcome"] = made.outcome
    if made.output:
        expect["output"] = made.output
    return expect
