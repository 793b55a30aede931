"""What the page and the canvas show of a trial."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flows.runtime.rehearsal import Rehearsal, Trace
from flows.steps.base import WaitingStep
from flows.steps.registry import UnknownStepType, get_step_type
from flows.testing.trial import Trial

Json = Any


@dataclass(frozen=True, slots=True)
class Row:
    """An activation, or a checkpoint that waits for a decision by one of ``ports``."""

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


def list_rows(document: Mapping[str, Json], trial: Trial, rehearsal: Rehearsal) -> Iterator[Row]:
    """Yield the activations in order, then the checkpoints that wait."""
    visits: dict[str, int] = {}
    for number, trace in enumerate(rehearsal.path):
        visits[trace.step] = visits.get(trace.step, 0) + 1
        yield _build_row(document, trial, trace, number, visits[trace.step])
    for step in rehearsal.waits_at:
        title, type_name, icon = _describe_step(document, step)
        config = document["steps"][step].get("with") or {}
        type_ = get_step_type(type_name)
        given = rehearsal.given.get(step)
        ports = type_.ports(config)
        yield Row(
            step, title, type_name, icon, "waiting_for_person", number=len(rehearsal.path),
            given=given, output=_get_example(type_, given, config, ports), ports=ports,
        )  # fmt: skip


def _get_example(type_: Any, given: Json, config: Json, ports: tuple[str, ...]) -> Json:
    if not isinstance(type_, WaitingStep):
        return {}
    return type_.example_output(given if isinstance(given, dict) else config, ports[0])


def _build_row(
    document: Mapping[str, Json], trial: Trial, trace: Trace, number: int, visit: int
) -> Row:
    title, type_name, icon = _describe_step(document, trace.step)
    pinned = trace.stubbed and trace.step in trial.pins
    decided = trace.stubbed and not pinned and visit <= len(trial.decisions.get(trace.step, []))
    return Row(
        trace.step, title, type_name, icon, "failed" if trace.error else "done", number,
        port=trace.port, ms=None if trace.stubbed else trace.ms, given=trace.config,
        output=trace.output, error=trace.error, is_pinned=pinned, is_decided=decided,
        is_assumed=trace.assumed,
    )  # fmt: skip


def _describe_step(document: Mapping[str, Json], step: str) -> tuple[str, str, str]:
    draft_step = document["steps"][step]
    try:
        icon = get_step_type(draft_step["type"]).icon
    except UnknownStepType:
        icon = "box"
    return draft_step.get("title") or step, draft_step["type"], icon


def get_statuses(document: Mapping[str, Json], rehearsal: Rehearsal) -> dict[str, Json]:
    """Return what the canvas shows: state, duration and visits of each step, edges taken."""
    steps: dict[str, Json] = {}
    exits: dict[str, int] = {}
    for trace in rehearsal.path:
        visits = steps.get(trace.step, {}).get("visits", 0) + 1
        exit_ = trace.port or "ended"
        took = "" if trace.stubbed else f" in {trace.ms:.0f} ms"
        state = "failed" if trace.error else "done"
        steps[trace.step] = {"state": state, "visits": visits, "note": f"{exit_}{took}"}
        for port in trace.port.split(","):
            exits[f"{trace.step}.{port}"] = exits.get(f"{trace.step}.{port}", 0) + 1
    for step in rehearsal.waits_at:
        steps[step] = {"state": "waiting_for_person", "note": "What do people decide?"}
    edges = {
        edge: {"state": "taken", "count": exits[edge.partition(" -> ")[0]]}
        for edge in document.get("edges", ())
        if edge.partition(" -> ")[0] in exits
    }
    return {"steps": steps, "edges": edges}


def get_known_outputs(rehearsal: Rehearsal) -> dict[str, dict[str, Json]]:
    """Return the last output of each step, on which one of them can be tried alone."""
    return {t.step: {"output": t.output, "port": t.port} for t in rehearsal.path if not t.error}
