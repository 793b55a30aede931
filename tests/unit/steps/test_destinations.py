"""Each type of step that asks a model is guarded by the breaker and the limits of its model."""

from collections.abc import Mapping
from typing import Any

import pytest

from flows.steps import language
from flows.steps.base import DestinationLimit, RunningStep, StepType
from flows.steps.language import ChatAnswer, ChatRequest
from flows.steps.models import Provenance
from flows.steps.registry import all_step_types, get_step_type

LIMIT = DestinationLimit(concurrency=2, per_second=None)
TURN: dict[str, Any] = {"messages": [], "began_at": "2026-01-01T00:00:00+00:00"}


class Guarding:
    """A provider of one model with a limit."""

    name = "guarding"

    def language_models(self) -> Mapping[str, str]:
        return {"support": "1"}

    def chat(self, request: ChatRequest) -> ChatAnswer:
        return ChatAnswer("Ok.", (), "stop", Provenance("guarding", "support", "1"))

    def destination_of(self, model: str) -> str:
        return f"connection/{model}"

    def limit_of(self, model: str) -> DestinationLimit | None:
        return LIMIT

    def check_use(self, model: str, flow: str) -> None:
        pass

    def explain_absence(self, model: str) -> None:
        return None


@pytest.fixture(autouse=True)
def provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "_PROVIDERS", {"guarding": Guarding()})
    monkeypatch.setattr(language, "_LAST", {})


@pytest.mark.parametrize(("name", "rest"), [("llm.chat", {"user": "?"}), ("agent.turn", TURN)])
def test_a_step_waits_for_its_model(name: str, rest: dict[str, Any]) -> None:
    type_ = get_step_type(name)
    config = type_.Config.model_validate({"model": "support", **rest})
    assert type_.destination(config) == "connection/support"
    assert type_.destination_limit(config) == LIMIT
    unknown = type_.Config.model_validate({"model": "other", **rest})
    assert type_.destination(unknown) is None
    assert type_.destination_limit(unknown) is None


def test_no_type_that_asks_a_model_forgets_whom_it_depends_on() -> None:
    asking = [
        type_
        for type_ in all_step_types()
        if isinstance(type_, RunningStep)
        and type_.asks_model
        and not type_.name.startswith("test.")
    ]
    assert {"agent.turn", "llm.chat", "model.infer"} <= {each.name for each in asking}
    for type_ in asking:
        assert type(type_).destination is not StepType.destination, type_.name
        assert type(type_).destination_limit is not StepType.destination_limit, type_.name
