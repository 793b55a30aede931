"""A flow's own tests: sample input, stubs and decisions, the path and output that are expected.

tests:
  - name: A clear application is approved by policy
    input: {…}                 # or the name of one of the document's samples
    stubs: {notify: {output: {}}}
    decisions: {review: [{port: rework, output: {…}}, {port: approved}]}
    expect:
      path: [prepare, score, route, settle]   # in this order; others may come between
      not_path: [review]
      outcome: approved
      output: {decision: approved}            # these fields, others may be there
      status: completed                       # or waiting, failed
      waits_at: review
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flows.graph.model import Document
from flows.graph.problems import Problem
from flows.graph.rules_tests import TestChecker
from flows.graph.view import View
from flows.runtime.rehearsal import Rehearsal, Stage, Stub
from flows.steps.catalogue import catalogue

Json = Any


@dataclass(frozen=True, slots=True)
class FlowTestResult:
    """``problems`` says in words what differs; none means that the test passed."""

    name: str
    problems: tuple[str, ...]
    rehearsal: Rehearsal

    @property
    def passed(self) -> bool:
        return not self.problems


@dataclass(frozen=True, slots=True)
class Coverage:
    """The steps and edges that the tests passed, and those that they missed."""

    steps: frozenset[str]
    edges: frozenset[str]
    missed_steps: tuple[str, ...]
    missed_edges: tuple[str, ...]


def run_flow_tests(document: Document, *, now: datetime) -> list[FlowTestResult]:
    """Play every test of the document; side effects are stubbed, nothing is stored.

    A test of the wrong form fails without being played.
    """
    checker = TestChecker(View(document, catalogue()))
    with Stage() as stage:
        return [
            _refuse(test, faults) if faults else _run(stage, document, test, now)
            for index, test in enumerate(document.tests)
            for faults in [list(checker.check(index))]
        ]


def coverage(document: Document, results: Sequence[FlowTestResult]) -> Coverage:
    """Return which steps and edges of the document the tests passed."""
    steps, edges = set[str](), set[str]()
    for result in results:
        left = [(trace.step, set(trace.port.split(","))) for trace in result.rehearsal.path]
        steps |= {step for step, _ in left}
        left += [(step, {"limit"}) for step in result.rehearsal.past_limit]
        for step, ports in left:
            edges |= {str(e) for e in document.edges if e.source == step and e.port in ports}
    # A join has no activation of its own: it was passed if what follows it was.
    for name in [s.id for s in document.steps.values() if s.type == "join"]:
        out = [e for e in document.edges if e.source == name]
        if any(e.target in steps for e in out):
            steps.add(name)
            edges |= {str(e) for e in out if e.target in steps}
    return Coverage(
        frozenset(steps),
        frozenset(edges),
        tuple(step for step in document.steps if step not in steps),
        tuple(str(edge) for edge in document.edges if str(edge) not in edges),
    )


def _refuse(test: Mapping[str, Json], faults: Sequence[Problem]) -> FlowTestResult:
    said = tuple(f"{fault.field}: {fault.message} {fault.remedy}" for fault in faults)
    return FlowTestResult(_name(test), said, Rehearsal())


def _name(test: Mapping[str, Json]) -> str:
    return str(test.get("name", "unnamed"))


def _run(
    stage: Stage, document: Document, test: Mapping[str, Json], now: datetime
) -> FlowTestResult:
    given = test.get("input", {})
    if isinstance(given, str):
        given = document.samples[given]
    stubs = {
        step: _stubs(value)
        for part in ("stubs", "decisions")
        for step, value in dict(test.get(part) or {}).items()
    }
    rehearsal = stage.play(document, input=given, now=now, stubs=stubs)
    return FlowTestResult(_name(test), tuple(_problems(test, rehearsal)), rehearsal)


def _stubs(value: Json) -> Stub | list[Stub]:
    if isinstance(value, list):
        return [_stub(each) for each in value]
    return _stub(value)


def _stub(value: Mapping[str, Json]) -> Stub:
    return Stub(value.get("output"), str(value.get("port", "done")), value.get("error"))


def _problems(test: Mapping[str, Json], made: Rehearsal) -> list[str]:
    expect = dict(test.get("expect") or {})
    problems = []
    status = expect.get("status", "waiting" if "waits_at" in expect else "completed")
    if made.status != status:
        why = f": {made.error['message']}" if made.error else ""
        where = f" at {', '.join(made.waits_at)}" if made.waits_at else ""
        on = " Say in `stubs` or `decisions` how it goes on there." if where else ""
        problems.append(f"It is {made.status}{where}, not {status}{why}.{on}")
    if "waits_at" in expect and expect["waits_at"] not in made.waits_at:
        problems.append(f"It does not wait at {expect['waits_at']}.")
    if "outcome" in expect and made.outcome != expect["outcome"]:
        problems.append(f"Its outcome is {made.outcome!r}, not {expect['outcome']!r}.")
    if missing := _first_missing(list(expect.get("path") or []), made.steps):
        problems.append(f"It does not come to {missing} there; it goes {' → '.join(made.steps)}.")
    if visited := [step for step in expect.get("not_path") or [] if step in made.steps]:
        problems.append(f"It comes to {', '.join(visited)}.")
    if "output" in expect:
        problems += _differences(expect["output"], made.output, "output")
    return problems


def _first_missing(path: list[str], steps: list[str]) -> str | None:
    rest = iter(steps)
    return next((step for step in path if step not in rest), None)


def _differences(expected: Json, actual: Json, where: str) -> list[str]:
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return [
            line
            for key, value in expected.items()
            for line in (
                _differences(value, actual[key], f"{where}.{key}")
                if key in actual
                else [f"{where}.{key} is not there; it must be {value!r}."]
            )
        ]
    return [] if expected == actual else [f"{where} is {actual!r}, not {expected!r}."]
