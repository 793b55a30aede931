"""A language model is asked over HTTP, and its answer is read strictly."""

from collections.abc import Callable
from typing import Any

import pytest

from flows.steps.base import Result, StepFailure
from tests.language_server import LanguageServer, Turn

SCHEMA = {
    "type": "object",
    "properties": {
        "team": {"enum": ["cards", "loans"]},
        "amount": {"type": "integer", "minimum": 0},
        "urgent": {"type": "boolean"},
    },
    "required": ["team", "amount"],
    "additionalProperties": False,
}
GOOD = {"team": "cards", "amount": 7, "urgent": True}
BAD = {"team": "mortgages", "amount": -1}

Ask = Callable[..., Result]
KINDS = pytest.mark.parametrize("model", ["openai", "anthropic"])


@KINDS
def test_an_answer_fits_its_schema(ask: Ask, server: LanguageServer, model: str) -> None:
    result = ask(model=model, schema=SCHEMA)
    assert result.output["answer"]["team"] in {"cards", "loans"}
    assert result.output["finish"] == "stop"
    assert result.output["confidence"] is None
    assert result.provenance is not None
    assert result.provenance["model"] == model
    assert result.provenance["version"] == f"{model}-tests-1"
    assert result.provenance["tokens"] > 0
    assert result.provenance["request_id"]
    assert "repaired" not in result.provenance
    assert server.requests == {"run-12-5-2-1": 1}


@KINDS
def test_without_a_schema_the_answer_is_text(ask: Ask, model: str) -> None:
    result = ask(model=model, user="How many?", system="Be brief.")
    assert result.output["answer"] == result.output["text"]
    assert "words" in result.output["text"]


@KINDS
def test_one_repair_shows_the_model_what_is_wrong(
    ask: Ask, server: LanguageServer, model: str
) -> None:
    server.script("Which team?", Turn(json=BAD), Turn(json=GOOD))
    result = ask(model=model, schema=SCHEMA)
    assert result.output["answer"] == GOOD
    made: Any = result.provenance
    assert made["repaired"] is True
    assert [call["call"] for call in made["calls"]] == ["1", "repair"]
    assert made["tokens"] == sum(call["tokens"] for call in made["calls"])
    assert made["cost"] == pytest.approx(sum(call["cost"] for call in made["calls"]))
    assert server.requests == {"run-12-5-2-1": 1, "run-12-5-2-repair": 1}
    last = str(server.bodies[-1]["messages"][-1])
    assert "/team" in last
    assert "/amount" in last


@KINDS
def test_an_answer_that_stays_unfit_leaves_by_the_error_port(
    ask: Ask, server: LanguageServer, model: str
) -> None:
    server.script("Which team?", Turn(json=BAD))
    with pytest.raises(StepFailure) as caught:
        ask(model=model, schema=SCHEMA)
    failure = caught.value
    assert (failure.kind, failure.retryable) == ("contract", False)
    assert {each["field"] for each in failure.detail["errors"]} == {"/team", "/amount"}
    assert sum(server.requests.values()) == 2
