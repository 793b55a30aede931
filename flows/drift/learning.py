"""Learn a contract from recorded runs, as the content of a draft."""

from datetime import date
from typing import Any

from flows.contracts.learning import Learner
from flows.contracts.model import DRIFT_KS, DRIFT_PSI, WINDOWS
from flows.costs.periods import Period
from flows.drift.reading import Source, read_outputs

Json = Any
# The first so many outputs of the window are learned from: more make no better contract.
MOST_OUTPUTS = 20_000
FEWEST_OUTPUTS = 20
GOOD_VALUES = 200


class TooFewOutputs(ValueError):
    """There are too few outputs to learn from. The message says how many."""

    def __init__(self, found: int) -> None:
        super().__init__(
            f"The step gave {found} output{'' if found == 1 else 's'} in these days; a contract is "
            f"learned from {FEWEST_OUTPUTS} or more."
        )


def learn_contract(
    flow: str, step: str, period: Period, version: int | None = None
) -> dict[str, Json]:
    """Return the content of a contract, to be edited and saved. Raises: TooFewOutputs."""
    learner, source = Learner(), Source(flow, step, period.starts_at, period.ends_at, version)
    for output in read_outputs(source):
        if not output.fault:
            learner.add(output.value, output.at)
        if learner.outputs == MOST_OUTPUTS:
            break
    if learner.outputs < FEWEST_OUTPUTS:
        raise TooFewOutputs(learner.outputs)
    return {
        "description": "",
        "flow": flow,
        "step": step,
        "fields": [rule.as_json() for rule in learner.propose()],
        "drift": {
            "psi_at_least": DRIFT_PSI,
            "ks_at_least": DRIFT_KS,
            "window_days": _choose_window(learner.outputs / len(period.days)),
        },
        "learned": {
            "first": _write(period.first),
            "last": _write(period.last),
            "outputs": learner.outputs,
            "version": version,
        },
    }


def _choose_window(a_day: float) -> int:
    """Return how many days at once have enough values, if days go on as they did."""
    return next((days for days in WINDOWS if days * a_day >= GOOD_VALUES), WINDOWS[-1])


def _write(day: date) -> str:
    return day.isoformat()
