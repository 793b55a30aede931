"""One step run with its input, output and journal rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from flows.expressions import ExpressionError
from flows.models import Journal, Run
from flows.runtime.payloads import reveal
from flows.runtime.program import load_program, run_bindings
from flows.selectors.journal import FINISHED, get_results
from flows.selectors.timeline import StepRun, list_step_runs

Json = Any


@dataclass(frozen=True, slots=True)
class StepRunDetail:
    """A step run with its payloads. ``input`` is its config as it was rendered for it.

    ``input_problem`` says why that cannot be shown, such as an expression that fails.
    """

    step_run: StepRun
    rows: Sequence[Journal]
    input: Json = None
    input_problem: str = ""
    output: Json = None
    provenance: Json = None
    config: Json = field(default_factory=dict)


def get_step_run(run: Run, token_id: int, activation: int) -> StepRunDetail:
    """Return one step run with its input and output: seven queries at most.

    Raises: LookupError if the run has no such step run.
    """
    key = (token_id, activation)
    found = (each for each in list_step_runs(run) if (each.token_id, each.activation) == key)
    step_run = next(found, None)
    if step_run is None:
        raise LookupError(f"Run {run.pk} has no step run {token_id}/{activation}.")
    rows = _list_rows(run, step_run)
    finished = next((row for row in reversed(rows) if row.kind in FINISHED), None)
    first_seq = rows[0].seq if rows else None
    given, problem = _render_input(run, step_run.step, first_seq)
    return StepRunDetail(
        step_run,
        rows,
        input=given,
        input_problem=problem,
        output=reveal(finished.data) if finished else None,
        provenance=next((row.provenance for row in reversed(rows) if row.provenance), None),
        config=run.version.document.get("steps", {}).get(step_run.step, {}).get("with", {}),
    )


def _list_rows(run: Run, step_run: StepRun) -> list[Journal]:
    rows = Journal.objects.filter(run_id=run.pk, step=step_run.step, token_id=step_run.token_id)
    if step_run.activation < 0:
        return list(rows.filter(seq=-step_run.activation))
    named = Q(activation=step_run.activation) | Q(activation=None, seq=step_run.last_seq)
    return list(rows.filter(named).order_by("seq"))


def _render_input(run: Run, step: str, before_seq: int | None) -> tuple[Json, str]:
    """Render the step's config as the worker did: with the outputs of the steps before it."""
    program = load_program(run.version_id)
    bound = program.steps.get(step)
    if bound is None:
        return None, "This version has no such step."
    bindings = {
        "input": reveal(run.input),
        "run": run_bindings(run.pk, program, run.started_at, run.priority),
        "steps": get_results(run.pk, before_seq=before_seq, steps=bound.references),
    }
    try:
        return bound.template.render(bindings), ""
    except ExpressionError as error:
        return None, str(error)
