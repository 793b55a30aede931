"""Whatever a language server sends, an adapter reads it or says where it is unfit."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.connections.adapters.anthropic import Anthropic
from flows.connections.adapters.contract import AnswerUnfit, ChatReply, Endpoint
from flows.connections.adapters.openai import OpenAI
from flows.steps.language import ChatRequest, Message, Part

NAMES = st.sampled_from(
    ["choices", "message", "content", "text", "type", "tool_calls", "function", "name", "arguments",
     "logprobs", "token", "logprob", "bytes", "usage", "prompt_tokens", "input_tokens", "error",
     "refusal", "finish_reason", "stop_reason", "input", "id", "model"]
)  # fmt: skip
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["text", "tool_use", "give_answer", "stop", "{}", "{", "\ud83d", ""])
    | st.text(max_size=5)
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=8,
)
MESSAGE = st.dictionaries(NAMES, ANYTHING, max_size=5)
NEARLY = st.one_of(
    st.fixed_dictionaries(
        {"choices": st.lists(st.fixed_dictionaries({"message": MESSAGE, "logprobs": ANYTHING}))},
        optional={"usage": ANYTHING, "id": ANYTHING, "model": ANYTHING},
    ),
    st.fixed_dictionaries(
        {"content": st.lists(MESSAGE)}, optional={"usage": ANYTHING, "stop_reason": ANYTHING}
    ),
)
ASKED = (
    ChatRequest("support", (Message("user", (Part("?"),)),), {"type": "object"}),
    ChatRequest("support", (Message("user", (Part("?"),)),)),
)


@pytest.mark.parametrize("adapter", [OpenAI(), Anthropic()], ids=["openai", "anthropic"])
@given(body=ANYTHING | NEARLY, asked=st.sampled_from(ASKED))
def test_any_body_is_read_or_unfit(adapter: Any, body: Any, asked: ChatRequest) -> None:
    place = Endpoint("support", "https://x", "", adapter.Options())
    try:
        reply = adapter.read_chat(place, asked, body)
    except AnswerUnfit:
        return
    assert isinstance(reply, ChatReply)
    assert isinstance(reply.text, str)
    assert isinstance(reply.finish, str)
    assert all(isinstance(call.name, str) for call in reply.calls)
    assert all(0 <= token.probability <= 1 for token in reply.tokens)
    assert all(count is None or count >= 0 for count in (reply.input_tokens, reply.output_tokens))
