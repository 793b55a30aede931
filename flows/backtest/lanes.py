"""How a run comes out: as recorded, under the released version, or under the draft."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flows.backtest.models import RunKind
from flows.backtest.recording import Recording
from flows.graph.model import Document
from flows.runtime.program import load_program
from flows.runtime.rehearsal import Rehearsal
from flows.steps.base import WaitingStep
from flows.steps.registry import UnknownStepType, get_step_type

Json = Any
# A path is cut off here, so that an endless loop does not fill the table.
LONGEST_PATH = 200


@dataclass(frozen=True, slots=True)
class Exit:
    """A step that was left: by which port, and a digest of its output."""

    step: str
    port: str
    digest: str


@dataclass(frozen=True, slots=True)
class Lane:
    """How a run comes out.

    ``verdict`` is the outcome, or where the run waits or fails. ``people`` counts how often people
    are asked. ``seconds`` is its duration without waits, ``cost`` that of its models. ``assumed``
    names the steps whose answer was not recorded. ``lacks`` is the step at which the lane ended
    since a model's answer is missing.
    """

    verdict: str
    people: int = 0
    seconds: float = 0.0
    cost: float = 0.0
    path: tuple[Exit, ...] = ()
    assumed: tuple[str, ...] = ()
    problem: str = ""
    lacks: str = ""

    def as_json(self) -> dict[str, Json]:
        return {
            "verdict": self.verdict,
            "people": self.people,
            "seconds": round(self.seconds, 4),
            "cost": round(self.cost, 6),
            "path": [f"{each.step}.{each.port}" for each in self.path[:LONGEST_PATH]],
            "assumed": list(self.assumed),
            "problem": self.problem[:300],
        }


def list_people_steps(document: Document) -> frozenset[str]:
    """Return the checkpoints of a document: the steps that ask people."""
    return frozenset(step.id for step in document.steps.values() if _asks_people(step.type))


def list_waiting_steps(document: Document) -> frozenset[str]:
    """Return the steps of a document that wait for something."""
    return frozenset(
        step.id for step in document.steps.values() if isinstance(_type_of(step.type), WaitingStep)
    )


def read_recorded_lane(recording: Recording, document: Document) -> Lane:
    """Return how the run came out when it was recorded; ``document`` is that of its version."""
    people, waits = list_people_steps(document), list_waiting_steps(document)
    visits = recording.visits
    asked = [each for each in visits if each.step in people]
    still = [step for step in recording.waits_at if step in people]
    inside = [each for found in recording.parts.values() for each in found]
    return Lane(
        verdict=_recorded_verdict(recording),
        people=len(asked) + len(still) + sum(_count_asked(each) for each in inside),
        seconds=sum(each.seconds for each in visits if each.step not in waits),
        cost=sum(
            float((visit.provenance or {}).get("cost") or 0)
            for each in recording.with_parts
            for visit in each.visits
        ),
        path=tuple(Exit(v.step, v.port, "" if v.failed else get_digest(v.data)) for v in visits),
        problem=str((recording.error or {}).get("message", "")),
    )


def _count_asked(recording: Recording) -> int:
    """Return how often people were asked in the run of a part."""
    people = list_people_steps(load_program(recording.version_id).document)
    return sum(
        step in people for step in (*(v.step for v in recording.visits), *recording.waits_at)
    )


def _recorded_verdict(recording: Recording) -> str:
    if recording.status == "completed":
        return recording.outcome or "completed"
    if recording.waits_at:
        return f"waits at {recording.waits_at[0]}"
    step = str((recording.error or {}).get("step", ""))
    return f"fails at {step}" if step else recording.status


def read_played_lane(made: Rehearsal, document: Document, recording: Recording) -> Lane:
    """Return how a replay came out; its steps count with their recorded durations."""
    people, waits = list_people_steps(document), list_waiting_steps(document)
    durations = _average_seconds(recording)
    asked = sum(trace.step in people for trace in made.path)
    still = sum(step in people for step in made.waits_at)
    return Lane(
        verdict=_verdict(made),
        people=asked + still + made.asked_inside,
        seconds=sum(
            durations.get(trace.step, trace.ms / 1_000)
            for trace in made.path
            if trace.step not in waits
        ),
        cost=sum(float((trace.provenance or {}).get("cost") or 0) for trace in made.path),
        path=tuple(Exit(t.step, t.port, get_digest(t.output)) for t in made.path),
        assumed=tuple(dict.fromkeys(trace.step for trace in made.path if trace.assumed)),
        problem=str((made.error or {}).get("message", "")),
        lacks=next(iter(made.missing_at), ""),
    )


def _verdict(made: Rehearsal) -> str:
    if made.missing_at:
        return f"answer missing at {made.missing_at[0]}"
    if made.status == "completed":
        return made.outcome or "completed"
    if made.status == "waiting":
        return f"waits at {made.waits_at[0]}" if made.waits_at else "waits"
    step = str((made.error or {}).get("step", ""))
    return f"fails at {step}" if step else "fails"


def _average_seconds(recording: Recording) -> dict[str, float]:
    took: dict[str, list[float]] = {}
    for visit in recording.visits:
        took.setdefault(visit.step, []).append(visit.seconds)
    return {step: sum(each) / len(each) for step, each in took.items()}


def get_digest(value: Json) -> str:
    text = json.dumps(value, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _type_of(name: str) -> object:
    try:
        return get_step_type(name)
    except UnknownStepType:
        return None


def _asks_people(name: str) -> bool:
    type_ = _type_of(name)
    return isinstance(type_, WaitingStep) and type_.asks_people


# --- Comparing two lanes ------------------------------------------------------------------


def classify(draft: Lane, baseline: Lane) -> RunKind:
    """Return how the draft's lane differs from the baseline's."""
    if draft.lacks or baseline.lacks:
        return RunKind.UNANSWERED
    if draft.verdict != baseline.verdict:
        return RunKind.FLIPPED
    if bool(draft.people) != bool(baseline.people):
        return RunKind.REROUTED
    return RunKind.CHANGED if find_first_difference(draft, baseline) else RunKind.SAME


def find_first_difference(draft: Lane, baseline: Lane) -> str:
    """Return the first step that the draft leaves by another port or with another output, or "".

    Steps are compared visit by visit, so that the order of parallel branches does not matter.
    """
    before, after = _group_by_step(baseline.path), _group_by_step(draft.path)
    for exit_ in draft.path:
        if before.get(exit_.step) != after[exit_.step]:
            return exit_.step
    return next((exit_.step for exit_ in baseline.path if exit_.step not in after), "")


def _group_by_step(path: Sequence[Exit]) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for exit_ in path:
        found.setdefault(exit_.step, []).append((exit_.port, exit_.digest))
    return found
