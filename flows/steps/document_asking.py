"""What the steps share that read a document: its form, and a language model that may be asked."""

from collections.abc import Mapping, Sequence
from uuid import uuid4

from pydantic import Field, ValidationError

from flows.documents.model import ReadDocument
from flows.steps.asking import UseRefused, destination_of, limit_of, list_revisions
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
from flows.steps.confidence import ConfidenceChoice, Sureness, answer_with_confidence
from flows.steps.functions import UnknownFunction
from flows.steps.language import Message, Part
from flows.steps.models import UnknownModel
from flows.steps.questions import Asker, LanguageStep, Question, find_provider_of

_UNKNOWN = (UnknownModel, UnknownFunction, UseRefused)
MOST_CHARACTERS = 400_000


class DocumentConfig(StepConfig):
    """A document, as ``document.read`` gives it."""

    document: Json = Field(
        title="Document",
        description="What a step document.read gave.",
        examples=["${ steps.read.output }"],
    )


class AskingConfig(DocumentConfig):
    """A document, and the model that is asked about it."""

    model: str = Field(
        "", title="Model", description="The name of a connection to a language model."
    )
    confidence: ConfidenceChoice = Field(
        default_factory=lambda: ConfidenceChoice(how="probabilities"),
        title="Confidence",
        description="How sure the model's answers are; what it cannot tell goes to people.",
    )
    timeout_seconds: float | None = Field(
        None, gt=0, le=600, title="Timeout in seconds", description="For each call."
    )


class AskingStep(LanguageStep):
    """A step that asks a language model, where its config names one."""

    seals_output = True

    def may_ask(self, config: Mapping[str, Json]) -> bool:
        return bool(config.get("model"))

    def optional_ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        return (BUDGET,) if config.get("model") else ()

    def list_models(self, config: Mapping[str, Json]) -> Sequence[ModelUse]:
        choice = config.get("confidence")
        judge = choice.get("judge") if isinstance(choice, Mapping) else ""
        named = {"with.model": config.get("model"), "with.confidence.judge": judge}
        return [
            ModelUse(field, name, "language")
            for field, given in named.items()
            if (name := text_of(given)) and "${" not in name
        ]

    def destination(self, config: AskingConfig) -> str | None:
        if not config.model:
            return None
        try:
            return destination_of(find_provider_of(config.model), config.model)
        except _UNKNOWN:
            return None

    def destination_limit(self, config: AskingConfig) -> DestinationLimit | None:
        if not config.model:
            return None
        try:
            return limit_of(find_provider_of(config.model), config.model)
        except _UNKNOWN:
            return None

    def list_revisions(self, config: AskingConfig, flow: str) -> Mapping[str, str]:
        judges = [config.confidence.judge] if config.confidence.how == "judge" else []
        asked = [config.model, *judges] if config.model else []
        return list_revisions(find_provider_of, asked, flow)

    def run(self, ctx: StepContext, config: AskingConfig) -> Result:
        return self.read(ctx, config, ctx.idempotency_key)

    def rehearse(self, ctx: StepContext, config: AskingConfig) -> Result:
        # As for `llm.chat`: a server that remembers keys would give the answers of a run.
        return self.read(ctx, config, f"rehearsal-{uuid4()}")

    def read(self, ctx: StepContext, config: AskingConfig, key: str) -> Result:
        """Return the result. ``key`` begins the keys of the calls."""
        raise NotImplementedError


def load_document(given: Json) -> ReadDocument:
    """Return the document that a step was given. Raises: StepFailure."""
    try:
        document = ReadDocument.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise StepFailure(
            f"`document` is not what document.read gives: {place}: {first['msg']}. "
            "Name the output of such a step.",
            kind="contract",
            retryable=False,
        ) from error
    return document


def ask_about(
    ctx: StepContext,
    config: AskingConfig,
    key: str,
    system: str,
    text: str,
    schema: Mapping[str, Json],
) -> tuple[Json, Sureness, Mapping[str, Json]]:
    """Return the model's answer, how sure it is, and the provenance. Raises: StepFailure."""
    if len(text) > MOST_CHARACTERS:
        raise StepFailure(
            f"The document has {len(text):,} characters; a model is shown at most "
            f"{MOST_CHARACTERS:,}. Split it first.",
            kind="too_large",
            retryable=False,
        )
    asker = Asker(ctx, key)
    messages = [Message("system", (Part(system),)), Message("user", (Part(text),))]
    question = Question(config.model, messages, schema, timeout_seconds=config.timeout_seconds)
    try:
        answered, sureness = answer_with_confidence(asker, question, config.confidence)
    except Exception as error:
        failure = as_failure(error)
        failure.provenance = asker.sum_up() or None
        raise failure from failure.__cause__
    provenance = asker.sum_up(answered.answer)
    if config.confidence.how != "none":
        provenance["confidence"] = {"how": config.confidence.how}
        if sureness.note:
            provenance["confidence"]["note"] = sureness.note
    return answered.value, sureness, provenance
