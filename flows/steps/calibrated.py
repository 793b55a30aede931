"""A confidence as people's decisions bear it out, in place of the one that a model states.

A step names the calibration of each model by its number, and so a flow's version pins it. Both
confidences stand in the provenance. Whoever fits calibrations registers where they are found.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from flows.graph.json_values import format_path
from flows.graph.model import Document, Step
from flows.graph.problems import Problem, error
from flows.steps.base import Result, StepFailure
from flows.steps.registry import all_step_types

Points = Sequence[Sequence[float]]
DIGITS = 6
REMEDY = "Fit it on the page Calibration, or name another."
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
            f"{_tell_missing(flow, model, number)} {REMEDY}", kind="config", retryable=False
        )
    return Calibrator(number, points)


def _tell_missing(flow: str, model: str, number: int) -> str:
    return f"There is no calibration {number} of the model {model} in the flow {flow}."


class CalibrationUse(NamedTuple):
    """A calibration that a step names, and the field in which it does."""

    step: str
    field: str
    model: str
    number: int


def list_calibration_uses(document: Document) -> list[CalibrationUse]:
    """Return each calibration that a step of the document names. No queries."""
    calibrating = {each.name for each in all_step_types() if has_calibrations(each.Config)}
    named = (step for step in document.steps.values() if step.type in calibrating)
    return [use for step in named for use in _list_uses(step)]


def has_calibrations(config: type[BaseModel]) -> bool:
    """Return whether steps with such a config name calibrations, as ``confidence.calibrated``."""
    field = config.model_fields.get("confidence")
    choice = field.annotation if field else None
    return isinstance(choice, type) and issubclass(choice, Calibrated)


def _list_uses(step: Step) -> Iterator[CalibrationUse]:
    choice = step.config.get("confidence")
    chosen = choice.get("calibrated") if isinstance(choice, Mapping) else None
    for model, number in chosen.items() if isinstance(chosen, Mapping) else ():
        # What is no number is an error of the config's schema.
        if isinstance(number, int) and not isinstance(number, bool):
            field = format_path(("with", "confidence", "calibrated", model))
            yield CalibrationUse(step.id, field, model, number)


def find_missing_calibrations(flow: str, uses: Collection[CalibrationUse]) -> Iterator[Problem]:
    """Yield an error for each calibration that the flow has not. One query for each of them."""
    named = {(use.model, use.number) for use in uses}
    missing = {each for each in named if _find_points(flow, *each) is None}
    for use in uses:
        if (use.model, use.number) in missing:
            told = _tell_missing(flow, use.model, use.number)
            yield error("calibration.missing", use.step, use.field, told, REMEDY)


def calibrate(points: Points, stated: float) -> float:
    """Return what a stated confidence is worth: on a straight line between the points beside it."""
    after = bisect_left(points, stated, key=lambda point: point[0])
    if after == 0:
        return float(points[0][1])
    if after == len(points):
        return float(points[-1][1])
    (left, low), (right, high) = points[after - 1], points[after]
    return round(low + (high - low) * (stated - left) / (right - left), DIGITS)
