"""Language models through a connection: rights, secret, tokens, cost, what is masked."""

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from django.utils import timezone

from flows.connections.adapters import contract
from flows.connections.adapters.contract import AnswerUnfit, Call, ChatReply, Endpoint, adapter
from flows.connections.provider import PROVIDER
from flows.connections.trying import try_connection
from flows.steps.asking import UseRefused
from flows.steps.base import StepFailure
from flows.steps.language import (
    ChatAnswer,
    ChatRequest,
    Message,
    Part,
    TokenChance,
    ToolCall,
    find_language_provider,
)
from flows.steps.models import UnknownModel, find_provider
from tests.factories.connections import make_connection
from tests.factories.people import ACTOR
from tests.integration.connections.model_server import ModelServer
from workbench.secrets.services import set_secret

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "sk-language-0123456789"
Json = Any


class Parrot:
    """A kind of the tests' own: the answer's body has the fields of a reply."""

    kind: ClassVar[str] = "parrot"
    title: ClassVar[str] = "Parrot"
    summary: ClassVar[str] = "Says what it is told to"
    Options: ClassVar[type[contract.Options]] = contract.Options

    def make_health_call(self, endpoint: Endpoint) -> Call | None:
        return None

    def make_chat_call(self, endpoint: Endpoint, request: ChatRequest) -> Call:
        body = {"say": request.messages[-1].text, "with": dict(request.parameters)}
        return Call("/chat", body, {"Authorization": f"Bearer {endpoint.secret}"})

    def read_chat(self, endpoint: Endpoint, request: ChatRequest, body: Json) -> ChatReply:
        if "text" not in body:
            raise AnswerUnfit("text", f"it is missing in {body}")
        return ChatReply(
            body["text"],
            "stop",
            tuple(ToolCall("1", "pay", each) for each in body.get("calls", ())),
            tuple(TokenChance(each, 0.5) for each in body.get("tokens", ())),
            version="p-1",
            input_tokens=body.get("in"),
            output_tokens=body.get("out"),
        )


@pytest.fixture(autouse=True)
def _parrot() -> Iterator[None]:
    adapter(Parrot)
    yield
    contract._ADAPTERS.pop("parrot")


def chat(flow: str = "loan", **more: Any) -> ChatAnswer:
    message = Message("user", (Part(text="Hello"),))
    return PROVIDER.chat(ChatRequest("talk", [message], flow=flow, **more))


def test_a_language_model_is_served_as_one_and_not_as_a_model(model: ModelServer) -> None:
    make_connection("talk", kind="parrot", address=model.url)
    make_connection("risk", address=model.url)
    assert find_language_provider("talk") is PROVIDER
    assert set(PROVIDER.language_models()) == {"talk"}
    assert set(PROVIDER.models()) == {"risk"}
    with pytest.raises(UnknownModel):
        find_provider("talk")
    with pytest.raises(UnknownModel):
        find_language_provider("risk")


def test_tokens_are_counted_as_the_reply_states_them(model: ModelServer) -> None:
    model.answer = {"text": "Hi", "in": 2000, "out": 500}
    make_connection(
        "talk", kind="parrot", address=model.url, price_input="0.5", price_output="2",
        parameters={"temperature": 0},
    )  # fmt: skip
    answer = chat(parameters={"seed": 3})
    made = answer.provenance
    assert (answer.text, made.finish_reason, made.version) == ("Hi", "stop", "p-1")
    assert (made.input_tokens, made.output_tokens, made.tokens, made.cost) == (2000, 500, 2500, 2.0)
    assert made.parameters == {"temperature": 0, "seed": 3}
    (asked,) = model.asked
    assert (asked.path, asked.body["with"]) == ("/predict/chat", {"temperature": 0, "seed": 3})
    model.answer = {"text": "Hi"}
    assert (chat().provenance.tokens, chat().provenance.cost) == (None, 0.0)


def test_a_flow_without_the_right_is_refused(model: ModelServer) -> None:
    make_connection("talk", kind="parrot", address=model.url, flows=["claims"])
    with pytest.raises(UseRefused, match="may not use the connection talk"):
        chat()
    assert model.asked == []


def test_the_secret_is_masked_in_text_calls_and_tokens(model: ModelServer) -> None:
    set_secret(name="K", value=KEY, uses=["connection:talk"], actor=ACTOR, now=timezone.now())
    model.answer = {
        "text": f"It is {KEY}.", "calls": [{"key": KEY}, f"{{{KEY}"],
        "tokens": ["It is ", *KEY, "."],
    }  # fmt: skip
    make_connection("talk", kind="parrot", address=model.url, secret_name="K")
    answer = chat()
    assert KEY not in f"{answer}"
    # Else the secret could be put together from its letters.
    assert answer.tokens == ()
    model.answer = {"text": "Hi", "tokens": ["H", "i"]}
    assert [each.text for each in chat().tokens] == ["H", "i"]
    model.answer = {"error": KEY}
    with pytest.raises(StepFailure) as caught:
        chat()
    assert KEY not in f"{caught.value.message}{caught.value.detail}{caught.value.provenance}"
    assert caught.value.provenance is not None


def test_a_try_sends_the_sample_as_a_persons_message(model: ModelServer) -> None:
    model.answer = {"text": "Hi", "in": 1, "out": 1}
    row = make_connection("talk", kind="parrot", address=model.url, flows=[])
    trial = try_connection(connection=row, sample="Hello", actor=ACTOR, now=timezone.now())
    assert trial.output == {"text": "Hi", "finish": "stop"}
    assert (trial.provenance or {})["tokens"] == 2
    assert model.asked[0].body["say"] == "Hello"
