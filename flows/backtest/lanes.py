"""One way a run came out, or would: as recorded, under the released version, under the draft."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flows.backtest.models import RunKind
from flows.backtest.recording import Recording
from flows.graph.model import Document
from flows.runtime.rehearsal import Rehearsal
from flows.steps.base import WaitingStep
from flows.steps.registry import UnknownStepType, get_step_type

Json = Any
# What is kept of a path: a loop that goes round for ever need not fill the table.
LONGEST_PATH = 200


@dataclass(frozen=True, slots=True)
class Passed:
    """A step that was left: by which port, and a digest of what it gave."""

    step: str
    port: str
    digest: str


@dataclass(frozen=True, slots=True)
class Lane:
    """How it came out.

    ``verdict`` is the outcome, or where it waits or fails. ``people`` counts the times people are
    asked. ``seconds`` is the machine's time, the waits left out; ``cost`` what models cost.
    ``assumed`` names the steps whose answer nobody recorded.
    """

    verdict: str
    people: int = 0
    seconds: float = 0.0
    cost: float = 0.0
    path: tuple[Passed, ...] = ()
    assumed: tuple[str, ...] = ()
    problem: str = ""

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


def people_steps(document: Document) -> frozenset[str]:
    """Return the checkpoints of a document: the steps that ask people."""
    return frozenset(step.id for step in document.steps.values() if _asks_people(step.type))


def waiting_steps(document: Document) -> frozenset[str]:
    return frozenset(
        step.id for step in document.steps.values() if isinstance(_type_of(step.type), WaitingStep)
    )


def recorded_lane(recording: Recording, document: Document) -> Lane:
    """Return how the run came out when it ran; ``document`` is its version's."""
    people, waits = people_steps(document), waiting_steps(document)
    visits = recording.visits
    asked = [each for each in visits if each.step in people]
    still = [step for step in recording.waits_at if step in people]
    return Lane(
        verdict=_recorded_verdict(recording),
        people=len(asked) + len(still),
        seconds=sum(each.seconds for each in visits if each.step not in waits),
        cost=sum(float((each.provenance or {}).get("cost") or 0) for each in visits),
        path=tuple(Passed(v.step, v.port, "" if v.failed else digest_of(v.data)) for v in visits),
        problem=str((recording.error or {}).get("message", "")),
    )


def _recorded_verdict(recording: Recording) -> str:
    if recording.status == "completed":
        return recording.outcome or "completed"
    if recording.waits_at:
        return f"waits at {recording.waits_at[0]}"
    step = str((recording.error or {}).get("step", ""))
    return f"fails at {step}" if step else recording.status


def played_lane(made: Rehearsal, document: Document, recording: Recording) -> Lane:
    """Return how a replay came out. A step takes as long as it took when it was recorded."""
    people, waits = people_steps(document), waiting_steps(document)
    took = _seconds_of(recording)
    asked = sum(trace.step in people for trace in made.path)
    still = sum(step in people for step in made.waits_at)
    return Lane(
        verdict=_verdict(made),
        people=asked + still,
        seconds=sum(
            took.get(trace.step, trace.ms / 1_000) for trace in made.path if trace.step not in waits
        ),
        cost=sum(float((trace.provenance or {}).get("cost") or 0) for trace in made.path),
        path=tuple(Passed(t.step, t.port, digest_of(t.output)) for t in made.path),
        assumed=tuple(dict.fromkeys(trace.step for trace in made.path if trace.assumed)),
        problem=str((made.error or {}).get("message", "")),
    )


def _verdict(made: Rehearsal) -> str:
    if made.status == "completed":
        return made.outcome or "completed"
    if made.status == "waiting":
        return f"waits at {made.waits_at[0]}" if made.waits_at else "waits"
    step = str((made.error or {}).get("step", ""))
    return f"fails at {step}" if step else "fails"


def _seconds_of(recording: Recording) -> dict[str, float]:
    took: dict[str, list[float]] = {}
    for visit in recording.visits:
        took.setdefault(visit.step, []).append(visit.seconds)
    return {step: sum(each) / len(each) for step, each in took.items()}


def digest_of(value: Json) -> str:
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


def kind_of(draft: Lane, baseline: Lane) -> RunKind:
    """Return how the draft's lane differs from the baseline's."""
    if draft.verdict != baseline.verdict:
        return RunKind.FLIPPED
    if bool(draft.people) != bool(baseline.people):
        return RunKind.REROUTED
    return RunKind.CHANGED if first_difference(draft, baseline) else RunKind.SAME


def first_difference(draft: Lane, baseline: Lane) -> str:
    """Return the first step that the draft leaves otherwise, or with another value; else "".

    Steps are compared visit by visit, so that the order of parallel branches does not count.
    """
    before, after = _visits(baseline.path), _visits(draft.path)
    for passed in draft.path:
        if before.get(passed.step) != after[passed.step]:
            return passed.step
    return next((passed.step for passed in baseline.path if passed.step not in after), "")


def _visits(path: Sequence[Passed]) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for passed in path:
        found.setdefault(passed.step, []).append((passed.port, passed.digest))
    return found
