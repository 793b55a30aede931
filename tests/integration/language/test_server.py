"""The language server of the tests keeps to what it says of itself."""

from typing import Any

import pytest
import requests

from tests.language_server import LanguageServer, Turn
from tests.language_server.values import make_value
from workbench.values.schemas import make_validator

SCHEMAS: list[Any] = [
    {"type": "object", "properties": {"a": {"type": "integer", "minimum": 3, "maximum": 4}}},
    {"type": "array", "items": {"enum": ["x", "y"]}, "minItems": 2, "maxItems": 4},
    {"type": "string", "minLength": 30, "maxLength": 31},
    {"type": ["number", "null"], "minimum": 0, "maximum": 1},
    {"anyOf": [{"const": 7}, {"type": "boolean"}]},
    {"$ref": "#/$defs/money", "$defs": {"money": {"type": "number"}}},
]


def ask(server: LanguageServer, words: str, *said: str, key: str = "k", **body: Any) -> Any:
    messages = [{"role": "user", "content": words}]
    messages += [{"role": "assistant", "content": text} for text in said]
    return requests.post(
        f"{server.url}/v1/chat/completions",
        json={"model": "m", "messages": messages, **body},
        headers={"Idempotency-Key": key},
        timeout=10,
    )


def text_of(answer: Any) -> str:
    return str(answer.json()["choices"][0]["message"]["content"])


@pytest.mark.parametrize("schema", SCHEMAS)
def test_values_fit_their_schema_and_are_the_same_for_the_same_seed(schema: Any) -> None:
    for seed in map(str, range(50)):
        value = make_value(schema, seed)
        assert make_validator(schema).is_valid(value)
        assert make_value(schema, seed) == value


def test_the_turn_is_told_by_the_conversation_and_the_attempt_by_the_key(
    server: LanguageServer,
) -> None:
    busy = Turn(status=503, times=1)
    server.script("hello", busy, Turn(text="one"), Turn(text="two"))
    assert ask(server, "hello").status_code == 503
    assert text_of(ask(server, "hello")) == "one"
    assert ask(server, "hello", key="another").status_code == 503
    assert text_of(ask(server, "hello", "said")) == "two"
    assert text_of(ask(server, "hello", *["said"] * 9)) == "two"
    assert (server.requests["k"], server.answered["k"]) == (4, 3)


def test_a_repeated_conversation_gets_the_same_answer(server: LanguageServer) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMAS[0]}}
    first, second = (ask(server, "hello", response_format=wanted).json() for _ in range(2))
    assert first == second


def test_it_refuses_what_the_messages_api_refuses(server: LanguageServer) -> None:
    user, assistant = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
    for body in (
        {"model": "m", "messages": [user]},
        {"model": "m", "max_tokens": 9, "messages": [assistant]},
        {"model": "m", "max_tokens": 9, "messages": [user, user]},
    ):
        answer = requests.post(f"{server.url}/v1/messages", json=body, timeout=10)
        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "invalid_request_error"
