import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from flows.graph.model import Step
from flows.selectors.model_uses import StepModel, find_unusable_models
from flows.steps.base import StepFailure
from flows.steps.infer import ModelInfer
from flows.steps.models import LOCAL, InputRefused, LocalProvider
from flows.steps.scorecard import Scorecard
from tests.unit.steps.contexts import context

SMALL = {
    "name": "small",
    "version": "7",
    "output": "probability",
    "intercept": 0.5,
    "factors": [
        {"feature": "age_of_car", "label": "Age of the car", "bins": [
            {"label": "up to 3", "points": 1.0, "share": 0.5, "over": None, "to": 3},
            {"label": "over 3", "points": -1.0, "share": 0.5, "over": 3, "to": None}]},
        {"feature": "garage", "label": "Garage", "bins": [
            {"label": "yes", "points": 0.4, "share": 0.25, "values": ["true"]},
            {"label": "no", "points": 0.0, "share": 0.75, "values": ["false"]}]},
    ],
}  # fmt: skip


def scorecard(tmp_path: Path, **changes: Any) -> Scorecard:
    path = tmp_path / "small.json"
    path.write_text(json.dumps({**SMALL, **changes}))
    return Scorecard.load(path)


@pytest.fixture
def small(tmp_path: Path) -> Scorecard:
    return scorecard(tmp_path)


def test_points_add_up_to_a_probability(small: Scorecard) -> None:
    output, confidence, _ = small.predict({"age_of_car": 3, "garage": True})
    assert output == {"probability": pytest.approx(0.869892), "points": 1.9}
    assert confidence == pytest.approx(0.869892)


def test_confidence_is_that_of_the_likelier_class(small: Scorecard) -> None:
    output, confidence, _ = small.predict({"age_of_car": 3.01, "garage": False})
    assert output["probability"] == pytest.approx(0.377541)
    assert confidence == pytest.approx(1 - 0.377541)


def test_reasons_say_how_a_case_differs_from_the_usual_strongest_first(small: Scorecard) -> None:
    _, _, reasons = small.predict({"age_of_car": 9, "garage": True})
    found = [(each.feature, each.contribution) for each in reasons]
    assert found == [("age_of_car", -1.0), ("garage", 0.3)]
    assert (reasons[0].label, reasons[0].text) == ("Age of the car", "over 3")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"garage": True}, "age_of_car"),
        ({"age_of_car": "old", "garage": True}, "age_of_car"),
        ({"age_of_car": True, "garage": True}, "age_of_car"),
        ({"age_of_car": float("nan"), "garage": True}, "age_of_car"),
        ({"age_of_car": 1, "garage": "maybe"}, "garage"),
        ({"age_of_car": 1, "garage": None}, "garage"),
        ({"age_of_car": 1, "garage": ["true"]}, "garage"),
    ],
)
def test_an_input_that_does_not_fit_names_the_field(
    small: Scorecard, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(InputRefused) as caught:
        small.predict(given)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "edges", [[(None, 3), (4, None)], [(1, 3), (3, None)], [(None, 3), (3, 5)]]
)
def test_ranges_with_a_gap_are_refused_when_loaded(tmp_path: Path, edges: list[Any]) -> None:
    bins = [{"label": "x", "points": 0, "share": 0.5, "over": a, "to": b} for a, b in edges]
    with pytest.raises(ValueError, match="must follow one another"):
        scorecard(tmp_path, factors=[{"feature": "age", "label": "Age", "bins": bins}])


def test_a_second_model_of_a_name_is_refused(tmp_path: Path, small: Scorecard) -> None:
    provider = LocalProvider()
    provider.register(small)
    provider.register(small)
    with pytest.raises(ValueError, match="two models named 'small'"):
        provider.register(scorecard(tmp_path, intercept=0.6))


# --- The step ---------------------------------------------------------------------


@pytest.fixture
def served(small: Scorecard, monkeypatch: pytest.MonkeyPatch) -> Scorecard:
    monkeypatch.setitem(LOCAL._models, small.name, small)
    return small


def infer(given: Any, model: str = "small") -> Any:
    config = ModelInfer.Config(model=model, input=given, parameters={"seed": 1})
    return ModelInfer().run(context(), config)


def test_the_step_gives_prediction_confidence_reasons_and_provenance(served: Scorecard) -> None:
    result = infer({"age_of_car": 9, "garage": True})
    assert result.output["prediction"]["points"] == -0.1
    assert result.output["confidence"] == pytest.approx(0.524979)
    assert result.output["contributions"] == {"age_of_car": -1.0, "garage": 0.3}
    assert set(result.output["reasons"][0]) == {"label", "value", "contribution"}
    provenance = result.provenance
    assert (provenance["provider"], provenance["model"], provenance["version"]) == (
        "local",
        "small",
        "7",
    )
    assert provenance["digest"] == served.digest
    assert provenance["parameters"] == {"seed": 1}
    assert provenance["latency_ms"] >= 0


@pytest.mark.parametrize(("given", "field"), [({"garage": True}, "age_of_car"), ("text", "")])
def test_a_refused_input_is_a_breach_of_contract(served: Scorecard, given: Any, field: str) -> None:
    with pytest.raises(StepFailure) as caught:
        infer(given)
    assert (caught.value.kind, caught.value.retryable) == ("contract", False)
    assert caught.value.detail["errors"][0]["field"] == field


@pytest.mark.django_db  # connections are among the known ones
def test_an_unknown_model_names_the_known_ones(served: Scorecard) -> None:
    with pytest.raises(StepFailure, match="small") as caught:
        infer({}, model="smal")
    assert not caught.value.retryable
    step = Step(id="score", type="model.infer", config={"model": "smal"})
    (named,) = ModelInfer().list_models(step.config)
    (problem,) = find_unusable_models("loan", [StepModel(step.id, *named)])
    assert (problem.code, problem.step, problem.field) == ("model.unknown", "score", "with.model")


def test_a_step_without_input_is_refused() -> None:
    with pytest.raises(ValidationError, match="input"):
        ModelInfer.Config.model_validate({"model": "small"})
