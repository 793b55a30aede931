"""How sure an answer is: by tokens, by agreement, by a judge, or by the model's own word."""

from collections.abc import Callable
from typing import Any

import pytest

from flows.steps.base import Result, StepFailure
from tests.integration.language.test_chat import GOOD, SCHEMA
from tests.language_server import LanguageServer, Turn

Ask = Callable[..., Result]
TOKENS = {"how": "probabilities"}


def note_of(result: Result) -> str:
    assert result.provenance is not None
    return str(result.provenance["confidence"].get("note", ""))


def test_the_least_sure_of_the_required_fields_counts(ask: Ask, server: LanguageServer) -> None:
    chances = {"cards": 0.8, "7": 0.6, "true": 0.1}
    server.script("Which team?", Turn(json=GOOD, probability=1.0, chances=chances))
    output = ask(schema=SCHEMA, confidence=TOKENS).output
    assert output["fields"] == {"team": 0.8, "amount": 0.6, "urgent": 0.1}
    assert output["confidence"] == 0.6
    assert server.bodies[0]["logprobs"] is True


def test_a_value_is_as_sure_as_all_of_its_tokens_or_as_the_least(
    ask: Ask, server: LanguageServer
) -> None:
    schema = {"type": "object", "properties": {"place": {"type": "string"}}}
    chances = {"Bad": 0.5, "Homburg": 0.8}
    answer = Turn(json={"place": "Bad Homburg"}, probability=1.0, chances=chances)
    server.script("Which team?", answer)
    product = ask(schema=schema, confidence=TOKENS).output
    assert product["confidence"] == pytest.approx(0.4)
    least = ask(schema=schema, confidence={**TOKENS, "over_tokens": "min"}).output
    assert least["confidence"] == 0.5


def test_a_fence_and_a_value_that_is_no_object_are_weighed_too(
    ask: Ask, server: LanguageServer
) -> None:
    fenced = '```json\n{"team": "cards", "amount": 7}\n```'
    server.script("Which team?", Turn(text=fenced, probability=1.0, chances={"7": 0.25}))
    output = ask(schema=SCHEMA, confidence=TOKENS).output
    assert output["fields"] == {"team": 1.0, "amount": 0.25}
    server.script("Which team?", Turn(text=" 7", probability=1.0, chances={"7": 0.25}))
    output = ask(schema={"type": "integer"}, confidence=TOKENS).output
    assert (output["confidence"], output["fields"]) == (0.25, {})


def test_a_character_in_two_tokens_does_not_shift_the_rest() -> None:
    from flows.connections.adapters.openai import _read_tokens

    listed = [
        {"token": "\\xf0", "logprob": -1.0, "bytes": [0xF0, 0x9F]},
        {"token": "\\x98", "logprob": -0.5, "bytes": [0x98, 0x80]},
        {"token": "!", "logprob": 0.0, "bytes": None},
    ]
    tokens = list(_read_tokens({"content": listed}))
    assert [token.text for token in tokens] == ["😀", "!"]
    assert tokens[0].probability == pytest.approx(0.22313016)


@pytest.mark.parametrize("logprobs", [None, [], {"content": None}, {"content": [{"token": "a"}]}])
def test_tokens_without_probabilities_are_none(logprobs: Any) -> None:
    from flows.connections.adapters.openai import _read_tokens

    assert list(_read_tokens(logprobs)) == []


def test_a_server_without_probabilities_gives_no_confidence_and_says_so(ask: Ask) -> None:
    result = ask(model="anthropic", schema=SCHEMA, confidence=TOKENS)
    assert result.output["confidence"] is None
    assert note_of(result) == "The server gave no token probabilities."


def test_agreement_is_the_share_of_samples_that_say_the_same(
    ask: Ask, server: LanguageServer
) -> None:
    server.script("Which team?", Turn(json=GOOD))
    server.script("\n11", Turn(json={**GOOD, "amount": 8}))
    server.script("\n12", Turn(json={"team": "loans", "amount": 9, "urgent": True}))
    result = ask(schema=SCHEMA, seed=10, confidence={"how": "agreement", "samples": 4})
    assert result.output["answer"] == GOOD
    assert result.output["fields"] == {"team": 0.75, "amount": 0.5, "urgent": 1.0}
    assert result.output["confidence"] == 0.5
    assert list(server.requests) == [f"run-12-5-2-{number}" for number in (1, 2, 3, 4)]
    assert [body["seed"] for body in server.bodies] == [10, 11, 12, 13]
    made: Any = result.provenance
    assert made["tokens"] == sum(call["tokens"] for call in made["calls"])


def test_a_sample_of_no_use_agrees_with_none(ask: Ask, server: LanguageServer) -> None:
    server.script("Which team?", Turn(json=GOOD))
    server.script("\n11", Turn(text="cards, I think"))
    server.script("\n12", Turn(refusal="I would rather not."))
    result = ask(schema=SCHEMA, seed=10, confidence={"how": "agreement", "samples": 4})
    assert result.output["answer"] == GOOD
    assert result.output["confidence"] == 0.5


def test_where_no_sample_is_of_use_one_is_repaired_or_the_refusal_told(
    ask: Ask, server: LanguageServer
) -> None:
    agreement = {"how": "agreement", "samples": 2}
    server.script("Which team?", Turn(text="cards, I think"), Turn(json=GOOD))
    result = ask(schema=SCHEMA, confidence=agreement)
    assert result.output["answer"] == GOOD
    assert result.output["confidence"] == 0.5
    server.script("Which team?", Turn(refusal="I would rather not."))
    with pytest.raises(StepFailure) as caught:
        ask(schema=SCHEMA, confidence=agreement)
    assert caught.value.kind == "refused_by_model"


def test_a_second_model_judges(ask: Ask, server: LanguageServer) -> None:
    server.script("Which team?", Turn(json=GOOD))
    server.script("You judge", Turn(json={"score": 0.35}))
    judge = {"how": "judge", "judge": "anthropic"}
    result = ask(schema=SCHEMA, confidence=judge)
    assert result.output["confidence"] == 0.35
    assert list(server.requests) == ["run-12-5-2-1", "run-12-5-2-judge"]
    made: Any = result.provenance
    assert [(call["call"], call["model"]) for call in made["calls"]] == [
        ("1", "openai"),
        ("judge", "anthropic"),
    ]
    assert made["model"] == "openai"
    assert made["cost"] == pytest.approx(sum(call["cost"] for call in made["calls"]))


@pytest.mark.parametrize("answer", [{"score": 2}, {"verdict": "good"}, "surely", None])
def test_a_judge_that_gives_no_score_gives_no_confidence(
    ask: Ask, server: LanguageServer, answer: Any
) -> None:
    server.script("Which team?", Turn(json=GOOD))
    said = Turn(refusal="No.") if answer is None else Turn(json=answer, prose=True)
    server.script("You judge", said)
    result = ask(schema=SCHEMA, confidence={"how": "judge", "judge": "anthropic"})
    assert result.output["answer"] == GOOD
    assert result.output["confidence"] is None
    assert note_of(result).startswith("The judge gave no score")


@pytest.mark.parametrize(
    ("given", "confidence"), [(0.7, 0.7), (1, 1.0), (0, 0.0), (70, None), ("high", None)]
)
def test_the_model_may_say_it_itself(
    ask: Ask, server: LanguageServer, given: Any, confidence: float | None
) -> None:
    server.script("Which team?", Turn(json={"how": {"sure": given}}))
    schema = {"type": "object", "required": ["how"]}
    result = ask(schema=schema, confidence={"how": "field", "path": "how.sure"})
    assert result.output["confidence"] == confidence
    assert bool(note_of(result)) == (confidence is None)
