"""A question in the form of each API, as its documentation shows it, and the answer read back."""

import base64
from typing import Any

import pytest

from flows.connections.adapters.anthropic import Anthropic
from flows.connections.adapters.contract import AnswerUnfit, Endpoint
from flows.connections.adapters.openai import OpenAI
from flows.steps.language import ChatRequest, Message, Part, Tool, ToolCall
from flows.steps.models import InputRefused

SCHEMA = {"type": "object", "properties": {"paid": {"type": "boolean"}}, "required": ["paid"]}
PAY = Tool("pay", "Pays an amount.", {"type": "object", "properties": {"amount": {}}})
PNG = Part(data=b"\x89PNG", media_type="image/png", name="a.png")
PDF = Part(data=b"%PDF-1.7", media_type="application/pdf", name="slip.pdf")
CONVERSATION = (
    Message("system", (Part("Be exact."),)),
    Message("user", (Part("Pay 5."),)),
    Message("assistant", (Part("I will."),), (ToolCall("c1", "pay", {"amount": 5}),)),
    Message("tool", (Part("paid"),), answers="c1"),
)


def endpoint(adapter: Any, *, secret: str = "", address: str = "https://x", **options: Any) -> Any:
    return Endpoint("support", address, "big-model-1", adapter.Options(**options), {}, secret)


def request(*messages: Message, **more: Any) -> ChatRequest:
    return ChatRequest("support", messages or CONVERSATION, **more)


def openai(*messages: Message, **more: Any) -> Any:
    return OpenAI().make_chat_call(endpoint(OpenAI), request(*messages, **more)).body


def anthropic(*messages: Message, **more: Any) -> Any:
    return Anthropic().make_chat_call(endpoint(Anthropic), request(*messages, **more)).body


# --- OpenAI-compatible ------------------------------------------------------------------------


def test_openai_a_conversation_with_tools() -> None:
    body = openai(tools=[PAY], parameters={"temperature": 0.2, "stop": ["END"], "seed": 1})
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "pay", "arguments": '{"amount": 5}'},
    }
    assert body == {
        "model": "big-model-1",
        "stream": False,
        "temperature": 0.2,
        "stop": ["END"],
        "seed": 1,
        "messages": [
            {"role": "system", "content": "Be exact."},
            {"role": "user", "content": "Pay 5."},
            {"role": "assistant", "content": "I will.", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "paid"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "pay",
                    "description": "Pays an amount.",
                    "parameters": dict(PAY.schema),
                },
            }
        ],
    }


def test_openai_a_schema_natively_as_json_or_asked_for() -> None:
    named = {"name": "answer", "schema": SCHEMA, "strict": False}
    assert openai(schema=SCHEMA)["response_format"] == {"type": "json_schema", "json_schema": named}
    for how, wanted in (("json_object", {"type": "json_object"}), ("asked", None)):
        place = endpoint(OpenAI, response_format=how)
        body: Any = OpenAI().make_chat_call(place, request(schema=SCHEMA)).body
        assert body.get("response_format") == wanted
        assert body["messages"][0]["content"].startswith("Be exact.\n\nAnswer with one JSON value")
        assert '"required": ["paid"]' in body["messages"][0]["content"]


def test_openai_images_and_no_pdf_which_is_drawn_before() -> None:
    asked = Message("user", (PNG, Part("What is it?")))
    url = f"data:image/png;base64,{base64.b64encode(PNG.data).decode()}"
    assert openai(asked)["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "text", "text": "What is it?"},
    ]
    with pytest.raises(InputRefused, match=r"slip\.pdf is application/pdf"):
        openai(Message("user", (PDF,)))


def test_openai_parameters_cannot_change_whom_or_what_is_asked() -> None:
    body = openai(parameters={"model": "other", "stream": True, "messages": [], "max_tokens": 9})
    assert (body["model"], body["stream"], len(body["messages"])) == ("big-model-1", False, 4)
    assert body["max_tokens"] == 9
    place = endpoint(OpenAI, token_limit="max_completion_tokens")
    limited: Any = OpenAI().make_chat_call(place, request(parameters={"max_tokens": 9})).body
    assert limited["max_completion_tokens"] == 9
    assert "max_tokens" not in limited


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("https://x", "/v1/chat/completions"),
        ("https://x/v1", "/chat/completions"),
        ("https://x/v1/", "/chat/completions"),
        ("https://x/proxy", "/v1/chat/completions"),
    ],
)
def test_openai_the_path_is_not_there_twice(address: str, path: str) -> None:
    call = OpenAI().make_chat_call(endpoint(OpenAI, address=address, secret="k"), request())
    assert call.path == path
    assert call.headers == {"Authorization": "Bearer k"}


def read_openai(message: Any, **choice: Any) -> Any:
    body = {
        "id": "chatcmpl-1",
        "model": "big-model-1-0613",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", **choice}],
        "usage": {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29},
    }
    return OpenAI().read_chat(endpoint(OpenAI), request(), body)


def test_openai_an_answer_with_usage_and_version() -> None:
    reply = read_openai({"role": "assistant", "content": "Hello"})
    assert (reply.text, reply.finish, reply.version) == ("Hello", "stop", "big-model-1-0613")
    assert (reply.request_id, reply.input_tokens, reply.output_tokens) == ("chatcmpl-1", 19, 10)


@pytest.mark.parametrize("count", [-7, 1.5, "7", True, None, [7]])
def test_a_count_that_is_none_takes_nothing_off_a_price(count: Any) -> None:
    usage = {"prompt_tokens": count, "completion_tokens": 3}
    body = {"choices": [{"message": {"content": "Hi"}}], "usage": usage}
    reply = OpenAI().read_chat(endpoint(OpenAI), request(), body)
    assert (reply.input_tokens, reply.output_tokens) == (None, 3)


@pytest.mark.parametrize("adapter", [OpenAI, Anthropic])
def test_a_count_that_no_call_can_have_is_unfit(adapter: Any) -> None:
    usage = dict.fromkeys(
        ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens"), 10**15
    )
    body = {
        "usage": usage,
        "choices": [{"message": {"content": "Hi."}, "finish_reason": "stop"}],
        "content": [{"type": "text", "text": "Hi."}],
        "stop_reason": "end_turn",
    }
    with pytest.raises(AnswerUnfit, match="tokens") as unfit:
        adapter().read_chat(endpoint(adapter), request(), body)
    assert unfit.value.field.startswith("usage.")


def test_names_that_a_server_gives_are_short() -> None:
    body = {
        "id": "x" * 5000,
        "model": "y" * 5000,
        "choices": [{"message": {"content": "Hi"}, "finish_reason": "z" * 5000}],
    }
    reply = OpenAI().read_chat(endpoint(OpenAI), request(), body)
    assert {len(name) for name in (reply.request_id, reply.version, reply.finish)} == {200}


@pytest.mark.parametrize(
    ("written", "arguments"),
    [('{"amount": 5}', {"amount": 5}), ("", {}), ("{amount", "{amount"), ({"a": 1}, {"a": 1})],
)
def test_openai_calls_of_tools_are_told_as_written(written: Any, arguments: Any) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "pay", "arguments": written}}
    reply = read_openai({"content": None, "tool_calls": [call]}, finish_reason="tool_calls")
    assert reply.calls == (ToolCall("c1", "pay", arguments),)
    assert (reply.text, reply.finish) == ("", "tools")


def test_openai_a_call_without_a_name_is_unfit() -> None:
    with pytest.raises(AnswerUnfit, match=r"function\.name"):
        read_openai({"content": None, "tool_calls": [{"id": "c1"}]})


# --- Anthropic --------------------------------------------------------------------------------


def test_anthropic_a_conversation_with_tools() -> None:
    body = anthropic(tools=[PAY], parameters={"temperature": 0.2, "stop": "END"})
    assert body == {
        "model": "big-model-1",
        "max_tokens": 4096,
        "stream": False,
        "temperature": 0.2,
        "stop_sequences": ["END"],
        "system": "Be exact.",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Pay 5."}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "I will."},
                    {"type": "tool_use", "id": "c1", "name": "pay", "input": {"amount": 5}},
                ],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "paid"}],
            },
        ],
        "tools": [
            {"name": "pay", "description": "Pays an amount.", "input_schema": dict(PAY.schema)}
        ],
    }


def test_anthropic_a_schema_by_a_tool_that_must_be_called_or_asked_for() -> None:
    body = anthropic(schema=SCHEMA)
    assert body["tools"][0]["input_schema"] == SCHEMA
    assert body["tool_choice"] == {"type": "tool", "name": "give_answer"}
    assert anthropic(schema=SCHEMA, tools=[PAY])["tool_choice"] == {"type": "any"}
    for body in (
        anthropic(schema={"type": "array"}),
        Anthropic()
        .make_chat_call(endpoint(Anthropic, schema_by="asked"), request(schema=SCHEMA))
        .body,
    ):
        assert "tools" not in body
        assert "It must fit this JSON Schema" in body["system"]


def test_anthropic_turns_of_one_side_are_one_and_empty_texts_none() -> None:
    results = [
        Message("tool", (Part("1"),), answers="a"),
        Message("tool", (Part("2"),), answers="b"),
    ]
    body = anthropic(*results, Message("user", (Part(""), PNG)))
    (turn,) = body["messages"]
    assert [block["type"] for block in turn["content"]] == [
        "tool_result",
        "tool_result",
        "image",
    ]


def test_anthropic_says_what_it_does_not_take() -> None:
    with pytest.raises(InputRefused, match="takes no seed"):
        anthropic(parameters={"seed": 1})
    with pytest.raises(InputRefused, match=r"slip\.pdf is application/pdf"):
        anthropic(Message("user", (PDF,)))
    with pytest.raises(InputRefused, match="image/heic"):
        anthropic(Message("user", (Part(data=b"x", media_type="image/heic", name="a"),)))


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tools"),
        ("refusal", "refused"),
        ("pause_turn", "pause_turn"),
        (None, "stop"),
    ],
)
def test_anthropic_why_it_ended(reason: Any, finish: str) -> None:
    body = {"content": [{"type": "text", "text": "Hi"}], "stop_reason": reason}
    assert Anthropic().read_chat(endpoint(Anthropic), request(), body).finish == finish


def test_anthropic_the_forced_call_is_the_answer() -> None:
    body = {
        "id": "msg_1",
        "model": "big-model-1-2026",
        "stop_reason": "tool_use",
        "content": [
            {"type": "thinking", "thinking": "hm"},
            {"type": "text", "text": "Here you are."},
            {"type": "tool_use", "id": "t1", "name": "give_answer", "input": {"paid": True}},
        ],
        "usage": {"input_tokens": 3, "cache_read_input_tokens": 100, "output_tokens": 7},
    }
    asked = request(schema=SCHEMA)
    reply = Anthropic().read_chat(endpoint(Anthropic), asked, body)
    assert (reply.text, reply.finish, reply.calls) == ('{"paid": true}', "stop", ())
    assert (reply.input_tokens, reply.output_tokens) == (103, 7)
    free = Anthropic().read_chat(endpoint(Anthropic), request(tools=[PAY]), body)
    assert free.calls[0].name == "give_answer"


def test_anthropic_sends_its_version_and_key() -> None:
    call = Anthropic().make_chat_call(
        endpoint(Anthropic, secret="k", address="https://x/v1"), request()
    )
    assert (call.path, call.headers) == (
        "/messages",
        {"anthropic-version": "2023-06-01", "x-api-key": "k"},
    )


def test_no_secret_stands_in_what_an_endpoint_says_of_itself() -> None:
    assert "s3cret" not in repr(endpoint(OpenAI, secret="s3cret"))
