"""A step's confidence through a calibration: which one, when, and what is recorded of it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from flows.steps import calibrated
from flows.steps.base import StepFailure
from flows.steps.calibrated import calibrate, register_calibration_source
from flows.steps.infer import ModelInfer
from flows.steps.models import LOCAL
from tests.unit.steps.contexts import context

POINTS = [[0.2, 0.1], [0.6, 0.5], [1.0, 0.7]]
Points = Sequence[Sequence[float]]


class Sure:
    """A local model that is always as sure as it is told."""

    version = "1"
    digest = ""

    def __init__(self, confidence: float | None, name: str = "sure") -> None:
        self._confidence, self.name = confidence, name

    def predict(self, given: Any) -> tuple[dict[str, Any], float | None, list[Any]]:
        return {"risk": "low"}, self._confidence, []


@pytest.fixture(autouse=True)
def source() -> Iterator[None]:
    before = calibrated._find_points
    kept = {("loan", "sure", 2): POINTS}
    register_calibration_source(lambda *named: kept.get(named))
    yield
    register_calibration_source(before)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[[float | None], None]:
    def serve(confidence: float | None) -> None:
        monkeypatch.setitem(LOCAL._models, "sure", Sure(confidence))

    return serve


def ask(**confidence: Any) -> Any:
    given = {"model": "sure", "input": {}, **({"confidence": confidence} if confidence else {})}
    return ModelInfer().run(context(), ModelInfer.Config.model_validate(given))


@pytest.mark.parametrize(
    ("stated", "given"),
    [(0.0, 0.1), (0.2, 0.1), (0.4, 0.3), (0.6, 0.5), (0.9, 0.65), (1.0, 0.7)],
)
def test_a_confidence_lies_on_a_straight_line_between_the_points(
    stated: float, given: float
) -> None:
    assert calibrate(POINTS, stated) == pytest.approx(given)


def test_a_step_that_names_a_calibration_gives_both_confidences(
    serve: Callable[[float | None], None],
) -> None:
    serve(0.9)
    result = ask(calibrated={"sure": 2})
    assert result.output["confidence"] == 0.65
    assert result.provenance["calibration"] == {"number": 2, "stated": 0.9, "given": 0.65}


@pytest.mark.parametrize("chosen", [{}, {"calibrated": {}}, {"calibrated": {"other": 2}}])
def test_nothing_is_calibrated_that_the_step_does_not_name(
    serve: Callable[[float | None], None], chosen: dict[str, Any]
) -> None:
    serve(0.9)
    result = ask(**chosen)
    assert result.output["confidence"] == 0.9
    assert "calibration" not in result.provenance


def test_an_answer_without_a_confidence_gets_none(serve: Callable[[float | None], None]) -> None:
    serve(None)
    result = ask(calibrated={"sure": 2})
    assert result.output["confidence"] is None
    assert "calibration" not in result.provenance


def test_a_calibration_that_is_not_there_fails_the_step_and_says_where_to_fit_one(
    serve: Callable[[float | None], None],
) -> None:
    serve(0.9)
    with pytest.raises(StepFailure, match="no calibration 7 of the model sure") as failure:
        ask(calibrated={"sure": 7})
    assert (failure.value.kind, failure.value.retryable) == ("config", False)


def test_a_route_asks_on_by_the_calibrated_confidence(
    serve: Callable[[float | None], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(0.9)
    monkeypatch.setitem(LOCAL._models, "second", Sure(0.99, "second"))
    given = {
        "model": "sure",
        "input": {},
        "routing": {"then": ["second"], "unsure_below": 0.8},
        "confidence": {"calibrated": {"sure": 2}},
    }
    result: Any = ModelInfer().run(context(), ModelInfer.Config.model_validate(given))
    assert result.provenance["model"] == "second"
    assert [each["confidence"] for each in result.provenance["route"]] == [0.65, 0.99]
    assert "calibration" not in result.provenance
