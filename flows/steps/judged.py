"""Call a step so that policies know which one acts, and its provenance tells what they decided."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flows.policies.points import ActingStep, acting_step
from flows.steps.base import Result, StepContext, as_failure

PROVENANCE_KEY = "policies"


def call_judged(call: Callable[[StepContext, Any], Any], ctx: StepContext, config: Any) -> Any:
    """Return what the call returns, with the verdicts on what it did in its provenance.

    Raises: what the call does; a StepFailure with the verdicts in its provenance, if there are any.
    """
    acting = ActingStep(ctx.flow, ctx.step_id, ctx.run_id or None)
    token = acting_step.set(acting)
    try:
        given = call(ctx, config)
    except Exception as error:
        if not acting.verdicts:
            raise
        failure = as_failure(error)
        failure.provenance = {**(failure.provenance or {}), PROVENANCE_KEY: acting.as_json()}
        raise failure from failure.__cause__
    finally:
        acting_step.reset(token)
    if not acting.verdicts or not isinstance(given, Result):
        return given
    told = [*(given.provenance or {}).get(PROVENANCE_KEY, ()), *acting.as_json()]
    return replace(given, provenance={**(given.provenance or {}), PROVENANCE_KEY: told})
