"""Language models, whoever serves them: what they are asked, and what they answer.

``llm.chat`` and agents ask through here. A provider (a connection, or a package's own) turns the
question into its server's form and the answer back. It neither retries nor judges the answer:
whether it fits the schema is for the step to say, since servers differ in what they obey.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, Protocol

from flows.steps.base import Json
from flows.steps.models import Provenance, UnknownModel

Speaker = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a message: text, or an image's bytes with their media type."""

    text: str = ""
    data: bytes = b""
    media_type: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asks for. ``arguments`` is what it wrote, which may be anything.

    ``id`` is the server's, by which the result is told to it.
    """

    id: str
    name: str
    arguments: Json


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. Results of tools name the call that they answer."""

    role: Speaker
    parts: tuple[Part, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    answers: str = ""

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts)


@dataclass(frozen=True, slots=True)
class Tool:
    """What the model may call. ``schema`` is the JSON Schema of its arguments."""

    name: str
    description: str
    schema: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a language model is asked.

    ``schema`` is the JSON Schema that the answer's text must fit as JSON; None for free text.
    ``parameters`` are ``temperature``, ``seed``, ``max_tokens``, ``stop`` and what else the server
    takes. With ``wants_probabilities`` the answer has ``tokens``, where the server gives them.
    ``routed`` is as for an ``InferenceRequest``.
    """

    model: str
    messages: Sequence[Message]
    schema: Mapping[str, Json] | None = None
    tools: Sequence[Tool] = ()
    parameters: Mapping[str, Json] = field(default_factory=dict)
    wants_probabilities: bool = False
    idempotency_key: str = ""
    timeout_seconds: float | None = None
    flow: str = ""
    run_id: int | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    routed: bool = False


@dataclass(frozen=True, slots=True)
class TokenChance:
    """One token of the answer's text and its probability, 0 to 1."""

    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """What a language model answered, as it came.

    ``finish`` is why it ended: ``stop``, ``length`` (cut by the token limit), ``tools`` (it wants
    its calls answered), ``refused``, or what else the server says.
    """

    text: str
    calls: tuple[ToolCall, ...]
    finish: str
    provenance: Provenance
    tokens: tuple[TokenChance, ...] = ()


def digest_request(request: ChatRequest, purpose: str = "1") -> str:
    """Return a digest of all that an answer depends on, but for the server's own state.

    ``purpose`` tells the samples apart that one activation asks for with the same words.
    """
    asked = {
        "model": request.model,
        "messages": [_message_as_json(message) for message in request.messages],
        "schema": request.schema,
        "tools": [[tool.name, tool.description, tool.schema] for tool in request.tools],
        "parameters": dict(request.parameters),
        "probabilities": request.wants_probabilities,
        "purpose": purpose,
    }
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"), default=dict)
    return hashlib.sha256(text.encode()).hexdigest()


def _message_as_json(message: Message) -> Json:
    parts = [
        [part.text, hashlib.sha256(part.data).hexdigest() if part.data else "", part.media_type]
        for part in message.parts
    ]
    calls = [[call.id, call.name, call.arguments] for call in message.calls]
    return [message.role, parts, calls, message.answers]


Call = Callable[[ChatRequest], ChatAnswer]


class AnswerBook(Protocol):
    """Stands before the providers where steps are only rehearsed."""

    def ask(self, request: ChatRequest, purpose: str, call: Call) -> ChatAnswer:
        """Return an answer to the request: one that is recorded, or that of a call."""


_book: ContextVar[AnswerBook | None] = ContextVar("answer_book", default=None)


@contextmanager
def asking_by(book: AnswerBook | None) -> Iterator[None]:
    """Let the questions inside go to the book first."""
    token = _book.set(book)
    try:
        yield
    finally:
        _book.reset(token)


def ask_provider(provider: "LanguageProvider", request: ChatRequest, purpose: str) -> ChatAnswer:
    """Return the provider's answer, or a recorded one. Raises: as ``LanguageProvider.chat``."""
    book = _book.get()
    return provider.chat(request) if book is None else book.ask(request, purpose, provider.chat)


class LanguageProvider(Protocol):
    """Serves language models by name."""

    name: str

    def language_models(self) -> Mapping[str, str]:
        """Return the version of each language model it serves, by name."""

    def chat(self, request: ChatRequest) -> ChatAnswer:
        """Return the answer. Raises: UnknownModel, StepFailure (no answer)."""


_PROVIDERS: dict[str, LanguageProvider] = {}
_LAST: dict[str, LanguageProvider] = {}


def register_language_provider(provider: LanguageProvider, *, last: bool = False) -> None:
    """Add a provider; one that is ``last`` is asked for what no other serves.

    Raises: ValueError for a second one of the same name.
    """
    if provider.name in {*_PROVIDERS, *_LAST}:
        raise ValueError(f"The provider {provider.name!r} of language models is registered twice.")
    (_LAST if last else _PROVIDERS)[provider.name] = provider


def list_language_providers() -> list[LanguageProvider]:
    """Return the providers in the order in which they are asked for a model."""
    return [*_PROVIDERS.values(), *_LAST.values()]


def list_language_models() -> list[str]:
    """Return the names of all language models that are served, sorted."""
    return sorted({name for each in list_language_providers() for name in each.language_models()})


def find_language_provider(model: str) -> LanguageProvider:
    """Return the provider that serves the language model. Raises: UnknownModel."""
    known: set[str] = set()
    for provider in list_language_providers():
        served = provider.language_models()
        if model in served:
            return provider
        known.update(served)
    names = ", ".join(sorted(known)) or "none, add a connection"
    raise UnknownModel(f"There is no language model {model!r}. Use one of: {names}.")
