"""Turn a trial into a test of the flow."""

from collections.abc import Mapping
from typing import Any

from flows.runtime.rehearsal import Rehearsal, Trace
from flows.testing.trial import Trial

Json = Any


def build_flow_test(
    document: Mapping[str, Json], trial: Trial, rehearsal: Rehearsal, name: str
) -> dict[str, Json]:
    """Return a test of the flow that expects what happened: input, answers, path and output."""
    samples = document.get("samples") or {}
    same = samples.get(trial.sample) == trial.input
    test: dict[str, Json] = {"name": name, "input": trial.sample if same else trial.input}
    stubs = {
        t.step: _to_json(t) for t in rehearsal.path if t.stubbed and not _was_decided(trial, t)
    }
    if stubs:
        test["stubs"] = stubs
    if decisions := {step: given for step, given in trial.decisions.items() if given}:
        test["decisions"] = decisions
    return {**test, "expect": _build_expectation(rehearsal)}


def _was_decided(trial: Trial, trace: Trace) -> bool:
    return trace.step in trial.decisions and trace.step not in trial.pins


def _to_json(trace: Trace) -> dict[str, Json]:
    port = {} if trace.port == "done" else {"port": trace.port}
    return {"output": trace.output, **port}


def _build_expectation(rehearsal: Rehearsal) -> dict[str, Json]:
    expect: dict[str, Json] = {"path": rehearsal.steps}
    if rehearsal.status == "waiting":
        return {**expect, **({"waits_at": rehearsal.waits_at[0]} if rehearsal.waits_at else {})}
    if rehearsal.status == "failed":
        return {**expect, "status": "failed"}
    if rehearsal.outcome:
        expect["outcome"] = rehearsal.outcome
    if rehearsal.output:
        expect["output"] = rehearsal.output
    return expect
