"""What a model is to a flow, whoever serves it.

A provider answers for models by name: ``local`` ones live in this process (a scorecard), others
will ask a server. Whatever it is, an inference has an output, a confidence, the reasons for it,
and the provenance that lets an auditor say which model, in which version, concluded it.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Protocol

from flows.steps.base import Json


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """What a model is asked. ``idempotency_key`` is the same for each attempt."""

    model: str
    input: Json
    parameters: Mapping[str, Json] = field(default_factory=dict)
    idempotency_key: str = ""
    timeout_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Reason:
    """What moved the answer. A positive contribution speaks for what the model predicts by 1.

    ``label`` and ``text`` are for people: the feature's name, and its value in words.
    """

    feature: str
    label: str
    value: Json
    contribution: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made an inference. ``digest`` is the SHA-256 of the model's file, where it is known."""

    provider: str
    model: str
    version: str
    digest: str = ""
    parameters: Mapping[str, Json] = field(default_factory=dict)
    latency_ms: float = 0.0
    tokens: int | None = None
    cost: float | None = None

    def as_json(self) -> dict[str, Json]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Inference:
    """A model's answer. ``confidence`` is 0 to 1, or None if the model has none to give."""

    output: Mapping[str, Json]
    confidence: float | None
    reasons: Sequence[Reason]
    provenance: Provenance


class UnknownModel(LookupError):
    """No provider has a model of that name. The message says which there are."""


class InputRefused(ValueError):
    """The model cannot take this input; ``field`` names what is wrong with it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class ModelProvider(Protocol):
    """Serves models by name."""

    name: str

    def models(self) -> Mapping[str, str]:
        """Return the version of each model it serves, by name."""

    def infer(self, request: InferenceRequest) -> Inference:
        """Answer. Raises: UnknownModel, InputRefused, StepFailure (the server does not answer)."""


class LocalModel(Protocol):
    """A model in this process. It is pure: the same input gives the same answer."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def digest(self) -> str: ...

    def predict(
        self, values: Mapping[str, Json]
    ) -> tuple[Mapping[str, Json], float, Sequence[Reason]]:
        """Return output, confidence and reasons. Raises: InputRefused."""


class LocalProvider:
    """The models of this process, registered by the modules of STEP_MODULES."""

    name = "local"

    def __init__(self) -> None:
        self._models: dict[str, LocalModel] = {}

    def register(self, model: LocalModel) -> None:
        """Add a model; the same one again is fine, another of its name is a programming error."""
        known = self._models.get(model.name)
        if known is not None and known.digest != model.digest:
            raise ValueError(f"There are two models named {model.name!r}; rename one.")
        self._models[model.name] = model

    def models(self) -> Mapping[str, str]:
        return {name: model.version for name, model in self._models.items()}

    def infer(self, request: InferenceRequest) -> Inference:
        model = self._models.get(request.model)
        if model is None:
            raise UnknownModel(_unknown(request.model, self._models))
        if not isinstance(request.input, Mapping):
            raise InputRefused("", "the input must be an object of named values")
        began = time.perf_counter()
        output, confidence, reasons = model.predict(request.input)
        latency_ms = round((time.perf_counter() - began) * 1000, 3)
        provenance = Provenance(
            provider=self.name,
            model=model.name,
            version=model.version,
            digest=model.digest,
            parameters=dict(request.parameters),
            latency_ms=latency_ms,
        )
        return Inference(output, confidence, reasons, provenance)


LOCAL = LocalProvider()
_PROVIDERS: dict[str, ModelProvider] = {LOCAL.name: LOCAL}


def register_provider(provider: ModelProvider) -> None:
    """Add a provider; a second one of the same name is a programming error."""
    if provider.name in _PROVIDERS:
        raise ValueError(f"The model provider {provider.name!r} is registered twice.")
    _PROVIDERS[provider.name] = provider


def find_provider(model: str) -> ModelProvider:
    """Return the provider that serves the model. Raises: UnknownModel."""
    known: dict[str, str] = {}
    for provider in _PROVIDERS.values():
        served = provider.models()
        if model in served:
            return provider
        known.update(served)
    raise UnknownModel(_unknown(model, known))


def _unknown(model: str, known: Mapping[str, object]) -> str:
    names = ", ".join(sorted(known)) or "none"
    return f"There is no model {model!r}. Models there are: {names}."
