"""Each way in which a language server may answer badly, and what the step makes of it."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from flows.steps.base import Result, StepFailure
from tests.integration.language.test_chat import GOOD, SCHEMA
from tests.language_server import LanguageServer, Turn
from tests.language_server.provider import AdapterProvider

Ask = Callable[..., Result]
KINDS = pytest.mark.parametrize("model", ["openai", "anthropic"])


def fail(ask: Ask, **config: Any) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        ask(**config)
    return caught.value


@pytest.mark.parametrize("model", ["openai", "asked", "object", "prose"])
@pytest.mark.parametrize(
    "text",
    [
        "It is for the cards team.",
        '{"team": "cards", "amount": NaN}',
        '{"team": "cards", "amount": 1, "amount": 2}',
        '{"team": "cards", "amount": 9007199254740993}',
        '{"team": "cards", "amount": 1} and so on',
        '{"team": "cards", "amount": ',
        "[" * 5000,
    ],
)
def test_what_is_no_json_is_repaired_once(
    ask: Ask, server: LanguageServer, model: str, text: str
) -> None:
    server.script("Which team?", Turn(text=text, prose=True), Turn(json=GOOD, prose=True))
    result = ask(model=model, schema=SCHEMA)
    assert result.output["answer"] == GOOD
    assert result.provenance is not None
    assert result.provenance["repaired"] is True


def test_what_stays_no_json_is_a_breach_of_contract(ask: Ask, server: LanguageServer) -> None:
    server.script("Which team?", Turn(text="It is for the cards team."))
    failure = fail(ask, schema=SCHEMA)
    assert (failure.kind, failure.retryable) == ("contract", False)
    assert "This is not JSON" in failure.message
    assert failure.detail["text"] == "It is for the cards team."
    assert sum(server.requests.values()) == 2


def test_json_in_a_fence_is_read(ask: Ask, server: LanguageServer) -> None:
    server.script("Which team?", Turn(text='```json\n{"team": "cards", "amount": 7}\n```\n'))
    result = ask(model="asked", schema=SCHEMA)
    assert result.output["answer"] == {"team": "cards", "amount": 7}
    assert sum(server.requests.values()) == 1


@KINDS
def test_a_cut_answer_says_so_and_is_not_repaired(
    ask: Ask, server: LanguageServer, model: str
) -> None:
    server.script("Which team?", Turn(text='{"team": "ca', finish="length", prose=True))
    failure = fail(ask, model=model, schema=SCHEMA, max_tokens=5)
    assert (failure.kind, failure.retryable) == ("cut", False)
    assert "max_tokens" in failure.message
    assert sum(server.requests.values()) == 1


@KINDS
def test_a_refusal_is_no_answer(ask: Ask, server: LanguageServer, model: str) -> None:
    server.script("Which team?", Turn(refusal="I cannot help with that."))
    failure = fail(ask, model=model, schema=SCHEMA)
    assert (failure.kind, failure.retryable) == ("refused_by_model", False)
    assert "I cannot help with that." in failure.message


def test_a_content_filter_is_a_refusal(ask: Ask, server: LanguageServer) -> None:
    server.script("Which team?", Turn(text="", finish="content_filter"))
    assert fail(ask, schema=SCHEMA).kind == "refused_by_model"


@KINDS
@pytest.mark.parametrize("text", ["", " \n\t "])
def test_an_answer_without_content_may_be_tried_again(
    ask: Ask, server: LanguageServer, model: str, text: str
) -> None:
    server.script("Which team?", Turn(text=text, prose=True))
    failure = fail(ask, model=model, schema=SCHEMA)
    assert (failure.kind, failure.retryable) == ("empty", True)


@KINDS
def test_a_wish_for_a_tool_that_nobody_offered_is_a_breach(
    ask: Ask, server: LanguageServer, model: str
) -> None:
    server.script("Which team?", Turn(calls=[("transfer_money", {"amount": 1})]))
    failure = fail(ask, model=model, schema=SCHEMA)
    assert (failure.kind, failure.retryable) == ("contract", False)
    assert "transfer_money" in failure.message


@KINDS
@pytest.mark.parametrize(
    "body",
    [
        {"error": {"type": "overloaded_error", "message": "The model is overloaded."}},
        {"error": "The model is overloaded."},
    ],
)
def test_an_error_with_status_200_is_told_in_its_own_words(
    ask: Ask, server: LanguageServer, model: str, body: Any
) -> None:
    server.script("Which team?", Turn(body=body))
    failure = fail(ask, model=model, schema=SCHEMA)
    assert (failure.kind, failure.retryable) == ("contract", False)
    assert "The model is overloaded." in failure.message


@KINDS
@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        "fine",
        {"choices": [], "content": 3},
        {"choices": [None], "content": None},
        {"choices": [{"message": "fine"}], "content": {"text": "fine"}},
        {"choices": {"0": {"message": {}}}, "content": "fine"},
        {"choices": [{"message": {"content": 3}}], "content": {"0": {"type": "text"}}},
    ],
)
def test_a_body_of_another_form_is_a_breach_that_names_the_place(
    ask: Ask, server: LanguageServer, model: str, body: Any
) -> None:
    server.script("Which team?", Turn(body=body))
    failure = fail(ask, model=model, schema=SCHEMA)
    assert (failure.kind, failure.retryable) == ("contract", False)
    assert "content" in failure.message or "choices" in failure.message


@KINDS
def test_a_body_that_is_no_json_is_a_breach(ask: Ask, server: LanguageServer, model: str) -> None:
    server.script("Which team?", Turn(raw=b"<html>Bad gateway</html>"))
    failure = fail(ask, model=model, schema=SCHEMA)
    assert (failure.kind, failure.retryable) == ("contract", False)


@KINDS
@pytest.mark.parametrize("status", [429, 503, 529])
def test_a_busy_server_is_asked_again_when_it_says(
    ask: Ask, server: LanguageServer, model: str, status: int
) -> None:
    server.script("Which team?", Turn(status=status, headers={"Retry-After": "7"}, times=1), Turn())
    failure = fail(ask, model=model, schema=SCHEMA)
    assert (failure.kind, failure.retryable) == ("http", True)
    assert failure.retry_after_seconds == 7
    assert ask(model=model, schema=SCHEMA).output["finish"] == "stop"
    assert server.requests == {"run-12-5-2-1": 2}
    assert server.answered == {"run-12-5-2-1": 1}


@KINDS
def test_a_refused_request_is_final(ask: Ask, server: LanguageServer, model: str) -> None:
    server.script("Which team?", Turn(status=400, body={"error": {"message": "no such model"}}))
    failure = fail(ask, model=model, schema=SCHEMA)
    assert (failure.kind, failure.retryable) == ("http", False)
    assert "no such model" in failure.message


@KINDS
def test_an_endless_answer_is_bounded(ask: Ask, server: LanguageServer, model: str) -> None:
    server.script("Which team?", Turn(endless=True))
    began = time.monotonic()
    failure = fail(ask, model=model, schema=SCHEMA, timeout_seconds=5)
    assert failure.kind == "too_large"
    assert time.monotonic() - began < 5


def test_a_failure_keeps_what_its_calls_have_cost(ask: Ask, server: LanguageServer) -> None:
    server.script("Which team?", Turn(json={"team": "none"}))
    made: Any = fail(ask, schema=SCHEMA).provenance
    assert [call["call"] for call in made["calls"]] == ["1", "repair"]
    assert made["cost"] == pytest.approx(sum(call["cost"] for call in made["calls"]))
    server.script("Which team?", Turn(json={"team": "none"}), Turn(status=503))
    failure = fail(ask, schema=SCHEMA)
    assert (failure.kind, failure.retryable) == ("http", True)
    assert failure.provenance is not None
    assert failure.provenance["tokens"] > 0


def test_what_a_model_writes_is_never_evaluated(
    ask: Ask, server: LanguageServer, provider: AdapterProvider
) -> None:
    text = "${ input.secret } {{ settings.SECRET_KEY }} <script>alert(1)</script>"
    server.script("Which team?", Turn(text=text))
    assert ask().output["answer"] == text
