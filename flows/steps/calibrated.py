"""A confidence as people's decisions bear it out, in place of the one that a model states.

A step names the calibration of each model by its number, and so a flow's version pins it. Both
confidences stand in the provenance. Whoever fits calibrations registers where they are found.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from flows.steps.base import Result, StepFailure

Points = Sequence[Sequence[float]]
DIGITS = 6
# The editor offers the models that the step's own field does.
PICKS_OWN: dict[str, Any] = {"picks": "own"}
# Returns the points of a calibration by flow, model and number; None where there is none.
FindPoints = Callable[[str, str, int], Points | None]


def calibrated_field() -> Any:
    return Field(
        default_factory=dict,
        title="Calibrated",
        description="Of each model the number of its calibration, which people's decisions made.",
        examples=[{"risk": 1}],
        json_schema_extra=PICKS_OWN,
    )


class Calibrated(BaseModel):
    """Which calibrations a step's confidence goes through."""

    model_config = ConfigDict(extra="forbid")

    calibrated: dict[str, int] = calibrated_field()


def _find_none(flow: str, model: str, number: int) -> Points | None:
    return None


_find_points: FindPoints = _find_none


def register_calibration_source(find_points: FindPoints) -> None:
    """Let calibrations be found by ``find_points``."""
    global _find_points  # noqa: PLW0603 - one a process
    _find_points = find_points


@dataclass(frozen=True, slots=True)
class Calibrator:
    """A calibration, ready for answers. Without points confidences stay as they are."""

    number: int = 0
    points: Points = ()

    def apply(self, result: Result) -> Result:
        """Return the result with its confidence calibrated, and both of them in its provenance."""
        stated = result.output.get("confidence")
        if not self.points or stated is None:
            return result
        given = calibrate(self.points, stated)
        made = {"number": self.number, "stated": stated, "given": given}
        return replace(
            result,
            output={**result.output, "confidence": given},
            provenance={**(result.provenance or {}), "calibration": made},
        )


def find_calibrator(flow: str, model: str, chosen: Mapping[str, int]) -> Calibrator:
    """Return the calibration that a step has chosen for a model. May make a query.

    Raises: StepFailure, where there is none of that number.
    """
    number = chosen.get(model)
    if number is None:
        return Calibrator()
    points = _find_points(flow, model, number)
    if points is None:
        raise StepFailure(
            f"There is no calibration {number} of the model {model} in the flow {flow}. "
            "Fit it on the page Calibration, or name another.",
            kind="config",
            retryable=False,
        )
    return Calibrator(number, points)


def calibrate(points: Points, stated: float) -> float:
    """Return what a stated confidence is worth: on a straight line between the points beside it."""
    after = bisect_left(points, stated, key=lambda point: point[0])
    if after == 0:
        return float(points[0][1])
    if after == len(points):
        return float(points[-1][1])
    (left, low), (right, high) = points[after - 1], points[after]
    return round(low + (high - low) * (stated - left) / (right - left), DIGITS)
