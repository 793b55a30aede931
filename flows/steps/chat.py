"""The step type `llm.chat`: ask a language model, by a prompt or by words of the step's own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import uuid4

from pydantic import Field, model_validator

from flows.graph.json_values import format_path
from flows.graph.model import Step
from flows.graph.problems import Problem
from flows.steps.asking import UseRefused, destination_of, figures_of, limit_of, list_revisions
from flows.steps.base import (
    BUDGET,
    DestinationLimit,
    Json,
    ModelUse,
    Result,
    StepConfig,
    StepContext,
    StepFailure,
    as_failure,
    text_of,
)
from flows.steps.calibrated import Calibrated, find_calibrator
from flows.steps.chat_check import check_chat
from flows.steps.chat_files import MOST_PAGES, read_files
from flows.steps.confidence import ConfidenceChoice, answer_with_confidence
from flows.steps.functions import UnknownFunction
from flows.steps.language import ChatAnswer, Message, Part
from flows.steps.models import UnknownModel, read_provenance
from flows.steps.prompts import FilledPrompt, UnknownPrompt, VariablesRefused, get_prompt_source
from flows.steps.questions import (
    Asker,
    Exchange,
    LanguageStep,
    Question,
    find_provider_of,
)
from flows.steps.registry import register
from flows.steps.routed import RoutedCall
from flows.steps.routing import Figures, Routing, list_named


class CalibratedChoice(Calibrated, ConfidenceChoice):
    """How the confidence is found, and which calibrations it then goes through."""


@register
class Chat(LanguageStep):
    name = "llm.chat"
    title = "Language model"
    summary = "Asks a language model"
    icon = "messages-square"
    category = "Models"

    class Config(StepConfig):
        model: str = Field(
            title="Model",
            description="The name of a connection.",
            examples=["assistant"],
            json_schema_extra={"picks": "language"},
        )
        prompt: str = Field(
            "",
            title="Prompt",
            description="The name of a prompt.",
            examples=["triage"],
            json_schema_extra={"picks": "prompt"},
        )
        variables: dict[str, Json] = Field(
            default_factory=dict,
            title="Variables",
            description="What the prompt is filled with.",
            examples=[{"ticket": "${ input.text }"}],
        )
        system: str = Field(
            "", title="System", description="Where there is no prompt.", max_length=100_000
        )
        user: str = Field(
            "",
            title="User",
            description="What is asked, where there is no prompt.",
            max_length=1_000_000,
            examples=["Which team handles this? ${ input.text }"],
        )
        answer_schema: dict[str, Json] | None = Field(
            None,
            alias="schema",
            title="Schema of the answer",
            description="A JSON Schema that the answer must fit. Without one it is text.",
            examples=[
                {
                    "type": "object",
                    "properties": {"team": {"enum": ["cards", "loans"]}},
                    "required": ["team"],
                }
            ],
        )
        files: list[Json] = Field(
            default_factory=list,
            max_length=20,
            title="Files",
            description="Artifacts of the run: images or PDF files.",
            examples=[["${ input.payslip }"]],
        )
        pages: str = Field(
            "",
            max_length=200,
            title="Pages",
            description=f"Of PDF files, as in 1-3, 5. All if empty; at most {MOST_PAGES} together.",
            examples=["1-3"],
        )
        temperature: float | None = Field(None, ge=0, le=2, title="Temperature")
        seed: int | None = Field(None, title="Seed", description="Where the server takes one.")
        max_tokens: int | None = Field(None, ge=1, le=1_000_000, title="Most tokens of the answer")
        stop: list[str] = Field(
            default_factory=list, max_length=4, title="Stop at", description="Texts that end it."
        )
        timeout_seconds: float | None = Field(
            None,
            gt=0,
            le=600,
            title="Timeout in seconds",
            description="For each call; the connection's own if there is none.",
        )
        confidence: CalibratedChoice = Field(default_factory=CalibratedChoice, title="Confidence")
        routing: Routing = Field(default_factory=Routing, title="Routing")

        @model_validator(mode="after")
        def need_one_question(self) -> "Chat.Config":
            if bool(self.prompt) == bool(self.user):
                raise ValueError("give either `prompt` or `user`")
            return self

    def optional_ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        return (BUDGET,)

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        given = config.get("schema")
        answer = dict(given) if isinstance(given, Mapping) else {}
        if not answer and not config.get("prompt"):
            answer = {"type": "string"}
        # References of the answer's schema begin at the root, and completion looks beside them.
        defs = answer.get("$defs")
        return {
            "type": "object",
            "properties": {
                "answer": answer,
                "text": {"type": "string"},
                "confidence": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
                "fields": {"type": "object", "additionalProperties": {"type": "number"}},
                "finish": {"type": "string"},
            },
            "required": ["answer", "text", "confidence", "fields", "finish"],
            **({"$defs": defs} if isinstance(defs, Mapping) else {}),
        }

    def describe(self, config: Mapping[str, Json]) -> str:
        model, prompt = text_of(config.get("model")), text_of(config.get("prompt"))
        if not model:
            return "Choose a model"
        return f"{prompt} · {model}" if prompt else model

    def list_models(self, config: Mapping[str, Json]) -> Sequence[ModelUse]:
        choice = config.get("confidence")
        choice = choice if isinstance(choice, Mapping) else {}
        judge = choice.get("judge") if choice.get("how") == "judge" else ""
        named = {"with.model": config.get("model"), "with.confidence.judge": judge}
        own = [
            ModelUse(field, name, "language")
            for field, given in named.items()
            if (name := text_of(given)) and "${" not in name
        ]
        others = [
            ModelUse(format_path(path), name, "language") for path, name in list_named(config)
        ]
        return [*own, *others]

    def list_assets(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        """Return the prompt, whose version a flow's version pins. Never raise."""
        name = text_of(config.get("prompt"))
        return (f"prompt/{name}",) if name and "${" not in name else ()

    def check(self, step: Step) -> Sequence[Problem]:
        return check_chat(step)

    def destination(self, config: Config) -> str | None:
        """Return the model's; None where several may be asked, whose provider guards each call."""
        if config.routing.is_used:
            return None
        try:
            return destination_of(find_provider_of(config.model), config.model)
        except (UnknownModel, UnknownFunction, UseRefused):
            return None

    def destination_limit(self, config: Config) -> DestinationLimit | None:
        try:
            return limit_of(find_provider_of(config.model), config.model)
        except (UnknownModel, UnknownFunction, UseRefused):
            return None

    def list_revisions(self, config: Config, flow: str) -> Mapping[str, str]:
        judges = [config.confidence.judge] if config.confidence.how == "judge" else []
        asked = [config.model, *config.routing.list_names(), *judges]
        return list_revisions(find_provider_of, asked, flow)

    def run(self, ctx: StepContext, config: Config) -> Result:
        """Return answer, text, confidence and finish.

        Raises: StepFailure of kind contract, cut, refused_by_model or empty for an answer that is
        of no use, with the provenance of the calls, which are paid for.
        """
        return _run(ctx, config, ctx.idempotency_key, with_shadows=True)

    def rehearse(self, ctx: StepContext, config: Config) -> Result:
        # Rehearsals count activations as runs do: with the keys of one, a server that remembers
        # them would give the answers of another.
        return _run(ctx, config, f"rehearsal-{uuid4()}", with_shadows=False)

    def tell_exchange(
        self, config: Config, pins: Mapping[str, int], output: Json, made: Mapping[str, Json]
    ) -> Exchange | None:
        is_plain = config.confidence.how in {"none", "field"} and not config.files
        if made.get("charges") or config.routing.is_used or not is_plain:
            return None
        answer = ChatAnswer(output["text"], (), output["finish"], read_provenance(made))
        return Exchange(_make_question(pins, config, ())[0], "1", answer)


def _run(ctx: StepContext, config: Chat.Config, key: str, *, with_shadows: bool) -> Result:
    # Once for all models of a route.
    files = read_files(config.files, config.pages)
    if not config.routing.is_used:
        return _ask(ctx, config, key, files)

    def ask(model: str) -> Result:
        # Two connections may lead to one server, which must not take one call for the other.
        return _ask(ctx, config.model_copy(update={"model": model}), f"{key}-{model}", files)

    call = RoutedCall(ctx, config.model, config.routing, ask, "answer")
    return call.run(_find_figures, with_shadows=with_shadows)


def _find_figures(model: str) -> Figures:
    try:
        return figures_of(find_provider_of(model), model)
    except (UnknownModel, UnknownFunction, UseRefused):
        return Figures()


def _ask(ctx: StepContext, config: Chat.Config, key: str, files: Sequence[Part]) -> Result:
    calibrator = find_calibrator(ctx.flow, config.model, config.confidence.calibrated)
    question, label = _make_question(ctx.pins, config, files)
    asker = Asker(ctx, key, routed=config.model if config.routing.is_used else "")
    try:
        answered, sureness = answer_with_confidence(asker, question, config.confidence)
    except Exception as error:
        made = asker.sum_up()
        failure = as_failure(error)
        failure.provenance = {**made, "prompt": label} if made and label else made or None
        raise failure from failure.__cause__
    output = {
        "answer": answered.value,
        "text": answered.answer.text,
        "confidence": sureness.confidence,
        "fields": dict(sureness.fields),
        "finish": answered.answer.finish,
    }
    provenance = asker.sum_up(answered.answer)
    if label:
        provenance["prompt"] = label
    if config.confidence.how != "none":
        provenance["confidence"] = {"how": config.confidence.how}
        if sureness.note:
            provenance["confidence"]["note"] = sureness.note
    return calibrator.apply(Result(output=output, provenance=provenance))


# --- The question -----------------------------------------------------------------------------


def _make_question(
    pins: Mapping[str, int], config: Chat.Config, files: Sequence[Part]
) -> tuple[Question, str]:
    """Return the question and the label of its prompt. Raises: StepFailure."""
    filled = _fill(pins, config) if config.prompt else _use_own_words(config)
    own = {
        "temperature": config.temperature,
        "seed": config.seed,
        "max_tokens": config.max_tokens,
        "stop": config.stop or None,
    }
    return Question(
        model=config.model,
        messages=_add_files(filled.messages, files),
        schema=config.answer_schema if config.answer_schema is not None else filled.schema,
        parameters={
            **filled.parameters,
            **{name: value for name, value in own.items() if value is not None},
        },
        timeout_seconds=config.timeout_seconds,
    ), filled.label


def _fill(pins: Mapping[str, int], config: Chat.Config) -> FilledPrompt:
    number = pins.get(f"prompt/{config.prompt}")
    try:
        return get_prompt_source().fill(config.prompt, number, config.variables)
    except UnknownPrompt as error:
        raise StepFailure(str(error), kind="config", retryable=False) from error
    except VariablesRefused as error:
        raise StepFailure(
            f"The prompt {config.prompt} refuses its variables: `{error.field}` {error}.",
            kind="contract",
            retryable=False,
            detail={"errors": [{"field": error.field, "message": str(error)}]},
        ) from error


def _use_own_words(config: Chat.Config) -> FilledPrompt:
    messages = [Message("user", (Part(config.user),))]
    if config.system:
        messages.insert(0, Message("system", (Part(config.system),)))
    return FilledPrompt("", messages)


def _add_files(messages: Sequence[Message], files: Sequence[Part]) -> list[Message]:
    """Return the messages with the files before the text of the last one of the user."""
    found = list(messages)
    if not files:
        return found
    for at in range(len(found) - 1, -1, -1):
        if found[at].role == "user":
            found[at] = replace(found[at], parts=(*files, *found[at].parts))
            return found
    return [*found, Message("user", tuple(files))]
