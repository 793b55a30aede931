"""Models and their providers, whoever serves them.

A provider serves models by name: ``local`` ones run in this process (a scorecard), others ask a
server through a connection. Every inference has an output, a confidence, the reasons for it, and
the provenance that tells an auditor which version of which model made it.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Protocol, runtime_checkable

from flows.steps.base import Json, StepFailure


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """What a model is asked. ``idempotency_key`` is the same for each attempt.

    ``flow`` is the flow that asks: a connection answers only the flows that may use it.
    ``timeout_seconds`` is None for the connection's own limit. ``routed`` says that the step may
    ask several models: no gate guards the call, and the provider minds its breaker and its limit.
    """

    model: str
    input: Json
    parameters: Mapping[str, Json] = field(default_factory=dict)
    idempotency_key: str = ""
    timeout_seconds: float | None = 30.0
    flow: str = ""
    run_id: int | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    routed: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason for an answer. A positive contribution speaks for what the model predicts as 1.

    ``label`` and ``text`` are for people: the feature's name, and its value in words.
    """

    feature: str
    label: str
    value: Json
    contribution: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made an inference. ``digest`` is the SHA-256 of the model's file, if it is known.

    ``model`` is the name that a step asks by, which is the connection's where a server answers;
    ``served_as`` is the server's own name for it. ``cost`` is in the currency of the installation.
    ``tokens`` are those of input and output together. ``prompt`` is ``name@number``.
    """

    provider: str
    model: str
    version: str
    digest: str = ""
    parameters: Mapping[str, Json] = field(default_factory=dict)
    latency_ms: float = 0.0
    tokens: int | None = None
    cost: float | None = None
    served_as: str = ""
    request_id: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str = ""
    prompt: str = ""
    # Of an answer from a call that others shared: cost and latency are its share.
    batch: Mapping[str, Json] = field(default_factory=dict)
    # What was paid, where that was for more than this one call.
    charges: Sequence[Mapping[str, Json]] = ()

    def as_json(self) -> dict[str, Json]:
        """Return the fields as JSON, without those added later that say nothing."""
        given = asdict(self)
        return {name: given[name] for name in given if name in _ALWAYS or given[name]}


def read_provenance(made: Mapping[str, Json]) -> Provenance:
    """Return the provenance of a call as a journal or a record has it, which may have more."""
    known = {each.name for each in fields(Provenance)}
    given = {name: value for name, value in made.items() if name in known}
    return Provenance(**{"provider": "", "model": "", "version": "", **given})


# Journals of before the other fields have these, and receipts digest them.
_ALWAYS = frozenset(
    {"provider", "model", "version", "digest", "parameters", "latency_ms", "tokens", "cost"}
)


@dataclass(frozen=True, slots=True)
class Inference:
    """A model's answer. ``confidence`` is 0 to 1, or None if the model gives none."""

    output: Mapping[str, Json]
    confidence: float | None
    reasons: Sequence[Reason]
    provenance: Provenance


class UnknownModel(LookupError):
    """No provider has a model of that name. The message lists those that exist."""


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
        """Return the answer. Raises: UnknownModel, InputRefused, StepFailure (no answer)."""


Outcome = Inference | StepFailure | InputRefused


@runtime_checkable
class BatchingProvider(Protocol):
    """A provider that answers many requests for one model in one call."""

    def takes_many(self, model: str) -> bool: ...

    def infer_many(self, requests: Sequence[InferenceRequest]) -> Sequence[Outcome]:
        """Return for each its answer, or why it alone has none.

        All are of one flow, and have the same model and parameters.
        Raises: UnknownModel, InputRefused, StepFailure (the call failed for all).
        """


def make_batch_key(requests: Sequence[InferenceRequest]) -> str:
    """Return the idempotency key of a call for these: the same for the same ones."""
    keys = "\n".join(sorted(request.idempotency_key for request in requests))
    return f"batch-{hashlib.sha256(keys.encode()).hexdigest()[:32]}"


def share_provenance(
    made: Provenance, key: str, requests: Sequence[InferenceRequest]
) -> list[Provenance]:
    """Return the provenance of one call as that of each of its requests, with its fair share."""
    size = len(requests)
    shares: dict[str, Sequence[Any]] = {
        name: share_out(getattr(made, name), size) for name in _SHARED
    }
    return [
        replace(
            made,
            **{name: each[at] for name, each in shares.items()},
            batch=tell_batch(size, key, request, made.latency_ms),
        )
        for at, request in enumerate(requests)
    ]


_SHARED = ("latency_ms", "tokens", "cost", "input_tokens", "output_tokens")
_DIGITS = 6


def share_out(total: float | None, size: int) -> Sequence[float | None]:
    """Return so many shares that add up to the total, whole ones of a whole number."""
    if total is None:
        return [None] * size
    if isinstance(total, int):
        ends = [total * at // size for at in range(size + 1)]
        return [end - begin for begin, end in pairwise(ends)]
    bounds = [round(total * at / size, _DIGITS) for at in range(size + 1)]
    return [round(end - begin, _DIGITS) for begin, end in pairwise(bounds)]


def tell_batch(
    size: int, key: str, request: InferenceRequest, latency_ms: float | None
) -> dict[str, Json]:
    """Return what a provenance tells of a shared call, and of the request's own key."""
    told: dict[str, Json] = {"size": size, "key": key, "own_key": request.idempotency_key}
    return told if latency_ms is None else {**told, "latency_ms": latency_ms}


class LocalModel(Protocol):
    """A model in this process. It is pure: the same input gives the same answer.

    It may offer ``predict_many``, which takes a list of values and returns as many answers, or an
    InputRefused or StepFailure in place of one.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def digest(self) -> str: ...

    def predict(
        self, values: Mapping[str, Json]
    ) -> tuple[Mapping[str, Json], float | None, Sequence[Reason]]:
        """Return output, confidence and reasons. Raises: InputRefused, StepFailure."""


class LocalProvider:
    """The models of this process, registered by modules of STEP_MODULES and by packages."""

    name = "local"

    def __init__(self) -> None:
        self._models: dict[str, LocalModel] = {}

    def register(self, model: LocalModel) -> None:
        """Add a model, or the same one again. Raises: ValueError for another of the same name."""
        known = self._models.get(model.name)
        if known is not None and known.digest != model.digest:
            raise ValueError(f"There are two models named {model.name!r}; rename one.")
        self._models[model.name] = model

    def models(self) -> Mapping[str, str]:
        return {name: model.version for name, model in self._models.items()}

    def infer(self, request: InferenceRequest) -> Inference:
        model = self._models.get(request.model)
        if model is None:
            raise UnknownModel(_describe_unknown(request.model, self._models))
        if not isinstance(request.input, Mapping):
            raise InputRefused("", "the input must be an object of named values")
        began = time.perf_counter()
        output, confidence, reasons = model.predict(request.input)
        return Inference(output, confidence, reasons, self._tell(model, request, began))

    def revision_of(self, model: str) -> str:
        found = self._models.get(model)
        return "" if found is None else f"{found.version} {found.digest}"

    def takes_many(self, model: str) -> bool:
        return hasattr(self._models.get(model), "predict_many")

    def infer_many(self, requests: Sequence[InferenceRequest]) -> Sequence[Outcome]:
        first = requests[0]
        model: Any = self._models.get(first.model)
        if model is None:
            raise UnknownModel(_describe_unknown(first.model, self._models))
        fit = [each for each in requests if isinstance(each.input, Mapping)]
        given = iter(self._predict_many(model, fit) if fit else ())
        refused = InputRefused("", "the input must be an object of named values")
        return [next(given) if isinstance(each.input, Mapping) else refused for each in requests]

    def _predict_many(self, model: Any, requests: Sequence[InferenceRequest]) -> list[Outcome]:
        began = time.perf_counter()
        answers = model.predict_many([each.input for each in requests])
        made = self._tell(model, requests[0], began)
        shares = share_provenance(made, make_batch_key(requests), requests)
        return [
            answer
            if isinstance(answer, InputRefused | StepFailure)
            else Inference(answer[0], answer[1], answer[2], share)
            for answer, share in zip(answers, shares, strict=True)
        ]

    def _tell(self, model: LocalModel, request: InferenceRequest, began: float) -> Provenance:
        return Provenance(
            provider=self.name,
            model=model.name,
            version=model.version,
            digest=model.digest,
            parameters=dict(request.parameters),
            latency_ms=round((time.perf_counter() - began) * 1000, 3),
        )


LOCAL = LocalProvider()
_PROVIDERS: dict[str, ModelProvider] = {LOCAL.name: LOCAL}
_LAST: dict[str, ModelProvider] = {}


def register_provider(provider: ModelProvider, *, last: bool = False) -> None:
    """Add a provider; one that is ``last`` is asked for what no other serves.

    Raises: ValueError for a second one of the same name.
    """
    if provider.name in {*_PROVIDERS, *_LAST}:
        raise ValueError(f"The model provider {provider.name!r} is registered twice.")
    (_LAST if last else _PROVIDERS)[provider.name] = provider


def list_providers() -> list[ModelProvider]:
    """Return the providers in the order in which they are asked for a model."""
    return [*_PROVIDERS.values(), *_LAST.values()]


def find_provider(model: str) -> ModelProvider:
    """Return the provider that serves the model. Raises: UnknownModel."""
    known: dict[str, str] = {}
    for provider in list_providers():
        served = provider.models()
        if model in served:
            return provider
        known.update(served)
    raise UnknownModel(_describe_unknown(model, known))


def _describe_unknown(model: str, known: Mapping[str, object]) -> str:
    names = ", ".join(sorted(known)) or "none"
    return f"There is no model {model!r}. Use one of: {names}."
