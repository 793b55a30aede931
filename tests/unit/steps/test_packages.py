"""What entry points may name, and how each mistake is told."""

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from flows.steps import functions, models, registry
from flows.steps.base import RunningStep
from flows.steps.packages import load_packages

HERE = "tests.unit.steps.test_packages"


class Tidy(RunningStep):
    name = "tidy"
    title = "Tidy"


class Ending(RunningStep):
    name = "end"
    title = "An end of my own"


class Model:
    name, version, digest = "guess", "1", ""

    def predict(self, values: Any) -> Any:
        return {}, 0.5, []


class Provider:
    name = "remote"

    def models(self) -> dict[str, str]:
        return {"far": "1"}

    def infer(self, request: Any) -> Any: ...


MODEL, PROVIDER = Model(), Provider()


@pytest.fixture(autouse=True)
def registries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_TYPES", dict(registry._TYPES))
    monkeypatch.setattr(models, "_PROVIDERS", dict(models._PROVIDERS))
    monkeypatch.setattr(models.LOCAL, "_models", {})
    monkeypatch.setattr(functions, "_imported", set(functions._imported))
    monkeypatch.setattr(functions, "_offered", set())


def load(group: str, name: str, value: str) -> list[str]:
    entry = EntryPoint(name, value, f"countersign.{group}")
    return [each.cause for each in load_packages([entry])]


def test_each_group_registers_what_it_names() -> None:
    assert load("steps", "tidy", f"{HERE}:Tidy") == []
    assert isinstance(registry.get_step_type("tidy"), Tidy)
    assert load("models", "guess", f"{HERE}:MODEL") == []
    assert models.find_provider("guess") is models.LOCAL
    assert load("providers", "remote", f"{HERE}:PROVIDER") == []
    assert models.find_provider("far") is PROVIDER
    assert load("functions", "any", HERE) == []
    with pytest.raises(functions.UnknownFunction, match="Decorate it with @step"):
        functions.get_function(f"{HERE}:load")


@pytest.mark.parametrize(
    ("group", "name", "value", "cause"),
    [
        ("steps", "tidy", "no.such.module:Tidy", "ModuleNotFoundError: No module named 'no'"),
        ("steps", "tidy", f"{HERE}:Nothing", "AttributeError"),
        ("steps", "guess", f"{HERE}:MODEL", "must be a class of a step type"),
        ("steps", "tidier", f"{HERE}:Tidy", f"write the entry as tidy = {HERE}:Tidy"),
        ("steps", "end", f"{HERE}:Ending", "two step types 'end', flows.steps.end:"),
        ("functions", "tidy", f"{HERE}:load", "name the module alone"),
        ("models", "remote", f"{HERE}:PROVIDER", "must be a LocalModel"),
        ("models", "other", f"{HERE}:MODEL", "its name is 'guess'"),
        ("providers", "guess", f"{HERE}:MODEL", "must be a ModelProvider"),
    ],
)
def test_a_wrong_entry_is_told_with_its_cause(
    group: str, name: str, value: str, cause: str
) -> None:
    [told] = load(group, name, value)
    assert cause in told


def test_of_two_entries_of_one_name_neither_is_taken() -> None:
    entries = [EntryPoint("tidy", f"{HERE}:Tidy", "countersign.steps") for _ in range(2)]
    assert len(load_packages(entries)) == 2
    with pytest.raises(registry.UnknownStepType):
        registry.get_step_type("tidy")
