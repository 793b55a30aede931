"""Asking a language model on behalf of one activation: calls, their keys, and what they cost.

One activation may make several calls: samples, a repair, a judge. Each has a key of its own that is
the same for each attempt, and all are in the provenance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from flows.steps.asking import UseRefused, ask_policies, explain_absence
from flows.steps.base import Json, RunningStep, StepContext, StepFailure
from flows.steps.charges import CHARGED
from flows.steps.functions import UnknownFunction, load_functions
from flows.steps.language import (
    ChatAnswer,
    ChatRequest,
    LanguageProvider,
    Message,
    Part,
    Tool,
    ask_provider,
    find_language_provider,
    list_language_models,
    list_language_providers,
)
from flows.steps.models import InputRefused, UnknownModel
from flows.steps.structured import (
    Fault,
    Structured,
    make_schema_validator,
    read_structured,
)

SHOWN_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked, and what its answer must be."""

    model: str
    messages: Sequence[Message]
    schema: Mapping[str, Json] | None = None
    tools: Sequence[Tool] = ()
    parameters: Mapping[str, Json] = field(default_factory=dict)
    timeout_seconds: float | None = None
    wants_probabilities: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that is one. ``value`` is its text where no schema was given."""

    answer: ChatAnswer
    value: Json
    begins: int = 0


class Exchange(NamedTuple):
    """What a model was asked and what it answered; ``purpose`` is that of the call."""

    question: Question
    purpose: str
    answer: ChatAnswer

    @property
    def request(self) -> ChatRequest:
        """The request, as far as the answer depends on it."""
        return make_request(self.question)


class LanguageStep(RunningStep):
    """A type that asks language models, by an Asker and in no other way."""

    asks_model = True

    def tell_exchange(
        self, config: Any, pins: Mapping[str, int], output: Json, made: Mapping[str, Json]
    ) -> Exchange | None:
        """Return what an activation with this result asked and was answered.

        None where the result, whose provenance is ``made``, does not tell: it took more than one
        call, or none. Raises: StepFailure, where what was asked cannot be read any more.
        """
        return None


class Unfit(StepFailure):
    """The model answered, and the answer is of no use. Another sample may be."""

    def __init__(self, message: str, *, kind: str, retryable: bool = False, **detail: Json) -> None:
        super().__init__(message, kind=kind, retryable=retryable, detail=detail)


def find_provider_of(model: str) -> LanguageProvider:
    """Return who serves the model. Raises: UnknownModel, UnknownFunction, UseRefused."""
    # The modules that register functions may register providers too.
    load_functions()
    try:
        return find_language_provider(model)
    except UnknownModel:
        if (refused := explain_absence(list_language_providers(), model)) is not None:
            raise refused from None
        raise


def list_models_to_ask() -> list[str]:
    """Return the names of the language models that may be asked. Raises: UnknownFunction."""
    load_functions()
    return list_language_models()


@dataclass(frozen=True, slots=True)
class Paid:
    """A call that a server answered, and its provenance."""

    purpose: str
    made: Mapping[str, Json]


@dataclass(slots=True)
class Asker:
    """Asks for one activation and keeps count. ``key`` begins the idempotency key of each call.

    ``routed`` names the model that is asked as one of several; see ``InferenceRequest``.
    """

    ctx: StepContext
    key: str
    routed: str = ""
    calls: list[Paid] = field(default_factory=list)

    def ask(self, question: Question, purpose: str) -> ChatAnswer:
        """Return the model's answer as it came. Raises: StepFailure."""
        if self.ctx.is_cancelled():
            raise StepFailure("The run was cancelled.", kind="cancelled", retryable=False)
        try:
            provider = find_provider_of(question.model)
            ask_policies(provider, question.model)
            answer = ask_provider(provider, self._make_request(question, purpose), purpose)
        except (UnknownModel, UnknownFunction, UseRefused) as error:
            raise StepFailure(str(error), kind="config", retryable=False) from error
        except InputRefused as error:
            raise _refuse_input(question.model, error) from error
        except StepFailure as failure:
            if failure.provenance is not None:
                self.calls.append(Paid(purpose, failure.provenance))
            raise
        self.calls.append(Paid(purpose, answer.provenance.as_json()))
        return answer

    def _make_request(self, question: Question, purpose: str) -> ChatRequest:
        return make_request(
            question,
            idempotency_key=f"{self.key}-{purpose}",
            flow=self.ctx.flow,
            # A rehearsal has no run to count what it spends for.
            run_id=self.ctx.run_id or None,
            now=self.ctx.now,
            routed=question.model == self.routed,
        )

    def sum_up(self, chosen: ChatAnswer | None = None) -> dict[str, Json]:
        """Return the provenance of an answer, or of the last; what it took is that of all calls."""
        if not self.calls:
            return {}
        total = chosen.provenance.as_json() if chosen else dict(self.calls[-1].made)
        for name in ("latency_ms", "tokens", "cost", "input_tokens", "output_tokens"):
            known = [value for each in self.calls if (value := each.made.get(name)) is not None]
            if known:
                total[name] = sum(known)
        if len(self.calls) > 1:
            total["charges"] = [_tell_call(call) for call in self.calls]
        if any(call.purpose.startswith("repair") for call in self.calls):
            total["repaired"] = True
        return total


def make_request(question: Question, **rest: Any) -> ChatRequest:
    """Return the request that asks the question."""
    return ChatRequest(
        model=question.model,
        messages=question.messages,
        schema=question.schema,
        tools=question.tools,
        parameters=question.parameters,
        wants_probabilities=question.wants_probabilities,
        timeout_seconds=question.timeout_seconds,
        **rest,
    )


def ask_structured(asker: Asker, question: Question, purpose: str = "1") -> Answered:
    """Return an answer that fits the question's schema, after one repair if it takes that.

    Raises: Unfit of kind ``contract`` if the repaired one does not fit either; as ``check_end``.
    """
    answer = asker.ask(question, purpose)
    check_end(answer, question)
    if question.schema is None:
        return Answered(answer, answer.text)
    validator = make_schema_validator(question.schema)
    read = read_structured(answer.text, validator)
    if read.faults:
        shown = [*question.messages, *show_faults(answer.text, read.faults)]
        again = replace(question, messages=shown)
        answer = asker.ask(again, f"repair-{purpose}" if purpose != "1" else "repair")
        check_end(answer, question)
        read = read_structured(answer.text, validator)
    return Answered(answer, _take_fit(question.model, answer, read), read.begins)


def check_end(answer: ChatAnswer, question: Question) -> None:
    """Raise Unfit for an answer that was refused or cut, or has no content."""
    model, text = question.model, answer.text
    shown = text[:SHOWN_CHARACTERS]
    if answer.finish == "refused":
        raise Unfit(
            f"The model {model} refused to answer{f': {shown}' if shown else '.'}",
            kind="refused_by_model",
            text=shown,
        )
    if answer.finish == "length":
        raise Unfit(
            f"The answer of the model {model} was cut at its token limit. "
            "Raise max_tokens, or ask for less.",
            kind="cut",
            text=shown,
        )
    if answer.calls:
        names = ", ".join(call.name for call in answer.calls)[:SHOWN_CHARACTERS]
        raise Unfit(
            f"The model {model} wants to call {names}, but was given no tools. "
            "Ask it by an agent, or say in the prompt that it has none.",
            kind="contract",
        )
    if not text.strip():
        raise Unfit(f"The model {model} answered nothing.", kind="empty", retryable=True)


def show_faults(text: str, faults: Sequence[Fault]) -> tuple[Message, Message]:
    """Return the turns that show a model its own answer and what is wrong with it."""
    listed = "\n".join(f"- {fault.field or 'the answer'}: {fault.message}" for fault in faults)
    wish = (
        f"Your answer does not fit the schema:\n{listed}\n"
        "Answer again with the corrected JSON and nothing else."
    )
    return Message("assistant", (Part(text),)), Message("user", (Part(wish),))


def _take_fit(model: str, answer: ChatAnswer, read: Structured) -> Json:
    if not read.faults:
        return read.value
    first = read.faults[0]
    at = f"`{first.field}` " if first.field else ""
    raise Unfit(
        f"The answer of the model {model} does not fit, after a repair too: {at}{first.message}",
        kind="contract",
        errors=[fault.as_json() for fault in read.faults],
        text=answer.text[:SHOWN_CHARACTERS],
    )


def _refuse_input(model: str, error: InputRefused) -> StepFailure:
    return StepFailure(
        f"The model {model} cannot take this: `{error.field}` {error}.",
        kind="contract",
        retryable=False,
        detail={"errors": [{"field": error.field, "message": str(error)}]},
    )


def _tell_call(call: Paid) -> dict[str, Json]:
    named = {name: call.made[name] for name in _TOLD if call.made.get(name) is not None}
    return {"call": call.purpose, **named}


_TOLD = (*CHARGED, "version", "request_id", "tokens", "finish_reason")
