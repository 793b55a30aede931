"""What an adapter is: it turns a question into one HTTP call, and the answer back. No more.

Sending, limits, time-outs, retries, breakers, prices, rights and secrets are the connection's
(``flows.connections.provider``), so that an adapter is one small file without any of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from flows.steps.base import Json
from flows.steps.language import ChatRequest, TokenChance, ToolCall
from flows.steps.models import InferenceRequest, Reason
from flows.steps.reading import AnswerUnfit, Confidence

__all__ = [
    "Adapter", "AnswerUnfit", "BatchingAdapter", "Call", "ChatAdapter", "ChatReply", "Confidence",
    "Endpoint", "ModelAdapter", "ModelReply", "Options", "adapter", "find_adapter", "list_adapters",
]  # fmt: skip


class Options(BaseModel):
    """What a kind of connection needs beside an address. Each kind subclasses it; it is a form."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What an adapter may know of its connection. ``secret`` is empty where there is none."""

    name: str
    address: str
    served_as: str
    options: Any
    parameters: Mapping[str, Json] = field(default_factory=dict)
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP call. ``path`` is added to the connection's address."""

    path: str
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    method: Literal["POST", "GET"] = "POST"


@dataclass(frozen=True, slots=True)
class ModelReply:
    """A model's answer as an adapter reads it. Empty texts are what the server does not say."""

    output: Mapping[str, Json]
    confidence: float | None = None
    reasons: Sequence[Reason] = ()
    version: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class ChatReply:
    """A language model's answer as an adapter reads it. Token counts are None where not said."""

    text: str
    finish: str
    calls: tuple[ToolCall, ...] = ()
    tokens: tuple[TokenChance, ...] = ()
    version: str = ""
    request_id: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None


class Adapter(Protocol):
    """What every kind of connection says of itself."""

    kind: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    Options: ClassVar[type[Options]]

    def make_health_call(self, endpoint: Endpoint) -> Call | None:
        """Return a call that shows whether the server is there, or None if there is none."""


class ModelAdapter(Adapter, Protocol):
    """Serves ``model.infer``."""

    def make_call(self, endpoint: Endpoint, request: InferenceRequest) -> Call:
        """Raises: InputRefused."""

    def read(self, endpoint: Endpoint, request: InferenceRequest, body: Json) -> ModelReply:
        """Raises: AnswerUnfit."""


class BatchingAdapter(ModelAdapter, Protocol):
    """Takes many inputs in one call. Each answer stands at its input's place."""

    def make_batch_call(self, endpoint: Endpoint, requests: Sequence[InferenceRequest]) -> Call:
        """Raises: InputRefused."""

    def read_batch(
        self, endpoint: Endpoint, requests: Sequence[InferenceRequest], body: Json
    ) -> Sequence[ModelReply]:
        """Raises: AnswerUnfit, also for another number of answers than inputs."""


class ChatAdapter(Adapter, Protocol):
    """Serves ``llm.chat`` and agents."""

    def make_chat_call(self, endpoint: Endpoint, request: ChatRequest) -> Call: ...

    def read_chat(self, endpoint: Endpoint, request: ChatRequest, body: Json) -> ChatReply:
        """Raises: AnswerUnfit."""


A = TypeVar("A", bound=type[Any])
_ADAPTERS: dict[str, Adapter] = {}


def adapter(cls: A) -> A:
    """Register a kind of connection. Raises: ValueError for a second one of the same name."""
    if cls.kind in _ADAPTERS:
        raise ValueError(f"There are two kinds of connection named {cls.kind!r}.")
    _ADAPTERS[cls.kind] = cls()
    return cls


def find_adapter(kind: str) -> Adapter | None:
    return _ADAPTERS.get(kind)


def list_adapters() -> list[Adapter]:
    """Return every kind, by title."""
    return sorted(_ADAPTERS.values(), key=lambda each: each.title)
