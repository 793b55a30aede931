"""Answers in JSON of the service's own making: BentoML, Ray Serve, TorchServe."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from flows.connections.adapters.contract import AnswerUnfit, Confidence, ModelReply, Options
from flows.connections.adapters.wire import fill_values, show
from flows.steps.models import InferenceRequest
from flows.steps.reading import (
    read_confidence,
    read_reasons,
    read_text,
    take_at,
)

Json = Any
DOTTED = r"^$|^[^.\s]+(\.[^.\s]+)*$"
# No segment begins with a dot: clients resolve "." and "..".
ROUTE = r"^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?$"


class AnswerOptions(Options):
    """Where in the answer what stands, as dotted paths: ``result.0.score``."""

    output_at: str = Field(
        "",
        title="Where the output is",
        description="A dotted path in the answer. Empty: the whole answer.",
        max_length=200,
        pattern=DOTTED,
        examples=["result"],
    )
    value_name: str = Field(
        "",
        title="Name for a value",
        description="Under this name stands an output that is a number, a text or a list. "
        "Empty: the output must be an object.",
        max_length=100,
        examples=["probability"],
    )
    confidence: Confidence = Field(
        default_factory=Confidence,
        title="Confidence",
        description="Its path is one in the output.",
    )
    reasons_at: str = Field(
        "",
        title="Where the reasons are",
        description="In the output: contributions by feature, or a list of {feature, "
        "contribution, label, value}. Empty: there are none.",
        max_length=200,
        pattern=DOTTED,
        examples=["reasons"],
    )
    version_at: str = Field(
        "",
        title="Where the model's version is",
        description="In the output.",
        max_length=200,
        pattern=DOTTED,
        examples=["version"],
    )
    request_id_at: str = Field(
        "",
        title="Where the request's id is",
        description="In the output.",
        max_length=200,
        pattern=DOTTED,
    )


def name_output(found: Json, value_name: str, at: str) -> Mapping[str, Json]:
    """Return the output as an object. Raises: AnswerUnfit."""
    if isinstance(found, Mapping):
        return found
    if not value_name:
        raise AnswerUnfit(at, f"an object is promised (it is {show(found)})")
    return {value_name: found}


def read_own(options: AnswerOptions, request: InferenceRequest, answer: Json) -> ModelReply:
    """Return what an answer, which ``check_answer`` has passed, says. Raises: AnswerUnfit."""
    at = options.output_at
    output = name_output(take_at(answer, at), options.value_name, at)
    return ModelReply(
        output=output,
        confidence=read_confidence(output, options.confidence),
        reasons=fill_values(read_reasons(output, options.reasons_at), request),
        version=read_text(output, options.version_at),
        request_id=read_text(output, options.request_id_at),
    )
