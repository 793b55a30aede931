"""What recorded runs show about a cutoff: values, ports, and what people decided."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.backtest.lanes import list_people_steps
from flows.backtest.recording import Recording, read_recordings
from flows.expressions import Expression, ExpressionError, compile_expression
from flows.graph.codec import parse
from flows.graph.model import Document
from flows.lab.thresholds import Threshold
from flows.runtime.payloads import fetch

Json = Any
PERSON = "person"
# Larger than any value: with it the comparison always holds, or never.
FAR = 1e300
READ_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Point:
    """A recorded run at the branch.

    ``port_if`` and ``port_else`` are where the draft's branch sends it when the comparison holds
    and when not. ``decided`` is the run's outcome if a person decided it, ``outcome`` if nobody was
    asked, and ``went`` the port by which it left.
    """

    run_id: int
    value: float
    port_if: str
    port_else: str
    decided: str = ""
    outcome: str = ""
    went: str = ""

    def port_at(self, threshold: Threshold, at: float) -> str:
        return self.port_if if threshold.holds(self.value, at) else self.port_else


@dataclass(frozen=True, slots=True)
class Evidence:
    """``usual`` is the most frequent outcome, by port, of runs in which nobody was asked."""

    points: Sequence[Point]
    people_ports: frozenset[str]
    usual: Mapping[str, str]
    unread: int = 0

    @property
    def decided(self) -> int:
        return sum(bool(point.decided) for point in self.points)


class NoCutoff(ValueError):
    """The condition cannot be evaluated; the message says why."""


def read_evidence(
    document: Mapping[str, Json], threshold: Threshold, run_ids: Sequence[int]
) -> Evidence:
    """Return what the runs show: three queries for each 200 runs. Raises: NoCutoff."""
    parsed = parse(document)
    reader = _BranchReader(parsed, threshold)
    points: list[Point] = []
    for start in range(0, len(run_ids), READ_AT_ONCE):
        recordings = read_recordings(run_ids[start : start + READ_AT_ONCE])
        points += [point for each in recordings if (point := reader.read_point(each))]
    return Evidence(
        sorted(points, key=lambda point: point.value),
        list_ports_to_people(parsed, threshold.step),
        _find_usual_outcomes(points),
        len(run_ids) - len(points),
    )


class _BranchReader:
    """Evaluates the draft's branch for a run: with the comparison always true, and never."""

    def __init__(self, document: Document, threshold: Threshold) -> None:
        self.threshold = threshold
        self.people = list_people_steps(document)
        config = document.steps[threshold.step].config
        self.otherwise = str(config.get("otherwise", "otherwise"))
        near, far = (-FAR, FAR) if threshold.sign in {">=", ">"} else (FAR, -FAR)
        try:
            self.value = compile_expression(threshold.what)
            self.always = self._compile_cases(config, near)
            self.never = self._compile_cases(config, far)
        except (ExpressionError, KeyError, TypeError) as error:
            raise NoCutoff(f"The branch cannot be evaluated: {error}") from error

    def _compile_cases(self, config: Mapping[str, Json], at: float) -> list[tuple[str, Expression]]:
        start, end = self.threshold.span
        cases = []
        for index, case in enumerate(config["cases"]):
            when = case["when"]
            if index == self.threshold.case:
                when = f"{when[:start]}{at!r}{when[end:]}"
            cases.append((str(case["port"]), compile_expression(when, result=bool)))
        return cases

    def read_point(self, recording: Recording) -> Point | None:
        """Return the run as a point, or None if it did not reach the branch with a number."""
        bindings = self._read_bindings(recording)
        if bindings is None:
            return None
        try:
            value = self.value.evaluate(bindings)
            port_if = self._choose_port(self.always, bindings)
            port_else = self._choose_port(self.never, bindings)
        except ExpressionError:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return Point(
            recording.run_id, float(value), port_if, port_else,
            went=self._find_exit(recording), **self._read_outcome(recording),
        )  # fmt: skip

    def _find_exit(self, recording: Recording) -> str:
        exits = (v.port for v in reversed(recording.visits) if v.step == self.threshold.step)
        return next(exits, "")

    def _read_outcome(self, recording: Recording) -> dict[str, str]:
        """Return the outcome: ``decided`` if a person decided, ``outcome`` if nobody was asked."""
        outcome = recording.outcome if recording.status == "completed" else ""
        asked = [v for v in recording.visits if v.step in self.people and not v.failed]
        if not asked:
            return {"outcome": outcome}
        by_person = (fetch(asked[-1].data) or {}).get("kind") == PERSON
        return {"decided": outcome if by_person else ""}

    def _choose_port(
        self, cases: Iterable[tuple[str, Expression]], bindings: Mapping[str, Json]
    ) -> str:
        taken = (port for port, when in cases if when.evaluate(bindings) is True)
        return next(taken, self.otherwise)

    def _read_bindings(self, recording: Recording) -> dict[str, Json] | None:
        """Return what the branch saw when the run last reached it, or None if it did not."""
        steps: dict[str, Json] = {}
        seen = None
        for visit in recording.visits:
            if visit.step == self.threshold.step:
                seen = dict(steps)
            if not visit.failed:
                steps[visit.step] = {"output": fetch(visit.data), "port": visit.port}
        if seen is None:
            return None
        run = {"id": recording.run_id, "started_at": recording.started_at.isoformat()}
        return {"input": recording.input, "steps": seen, "run": {"flow": "", "version": 0, **run}}


def list_ports_to_people(document: Document, step: str) -> frozenset[str]:
    """Return the ports of a branch that lead to people before they lead back to it."""
    people = list_people_steps(document)
    after: dict[str, list[str]] = {}
    for edge in document.edges:
        after.setdefault(edge.source, []).append(edge.target)
    found = set()
    for edge in document.edges:
        if edge.source == step and _reaches(edge.target, people, after, step):
            found.add(edge.port)
    return frozenset(found)


def _reaches(
    start: str, wanted: frozenset[str], after: Mapping[str, list[str]], barrier: str
) -> bool:
    waiting, seen = [start], {barrier}
    while waiting:
        here = waiting.pop()
        if here in wanted:
            return True
        if here not in seen:
            seen.add(here)
            waiting += after.get(here, [])
    return False


def _find_usual_outcomes(points: Iterable[Point]) -> dict[str, str]:
    counted: dict[str, Counter[str]] = {}
    for point in points:
        if point.outcome and point.went:
            counted.setdefault(point.went, Counter())[point.outcome] += 1
    return {port: outcomes.most_common(1)[0][0] for port, outcomes in counted.items()}
