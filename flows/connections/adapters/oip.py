"""The Open Inference Protocol, version 2: Triton, KServe, Seldon, MLServer."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from flows.connections.adapters import contract
from flows.connections.adapters.contract import (
    AnswerUnfit,
    Call,
    Confidence,
    Endpoint,
    ModelReply,
    adapter,
)
from flows.connections.adapters.tensors import Datatype, decode, encode
from flows.connections.adapters.wire import (
    check_answer,
    check_object,
    fill_values,
    make_headers,
    make_path,
    name_of_model,
    read_input,
    read_parameters,
    read_said,
    show,
)
from flows.steps.models import InferenceRequest, InputRefused, Reason
from flows.steps.reading import read_confidence

Json = Any


class Feature(BaseModel):
    """A value of the input, and the datatype that the model takes it as."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(title="Name", min_length=1, max_length=200, examples=["amount"])
    datatype: Datatype = Field("FP64", title="Datatype", description="BYTES is text.")


@adapter
class OpenInference:
    kind: ClassVar[str] = "oip"
    title: ClassVar[str] = "Open Inference Protocol"
    summary: ClassVar[str] = "Triton, KServe, Seldon, MLServer: named tensors in and out"

    class Options(contract.Options):
        version: str = Field(
            "",
            title="Version of the model",
            description="Empty: the one that the server chooses.",
            max_length=100,
        )
        features: list[Feature] = Field(
            title="Features",
            description="The values of the input that the model takes, in its order.",
            min_length=1,
            max_length=10_000,
            examples=[[{"name": "amount"}, {"name": "purpose", "datatype": "BYTES"}]],
        )
        tensor: str = Field(
            "",
            title="One tensor of all features",
            description="Its name. Empty: each feature is a tensor of its own.",
            max_length=200,
            examples=["input-0"],
        )
        outputs: list[str] = Field(
            default_factory=list,
            title="Outputs",
            description="The outputs to ask for, by name. Empty: what the server gives unasked. "
            "MLServer gives no probabilities unless predict_proba is asked for.",
            max_length=100,
            examples=[["predict_proba"]],
        )
        batched: bool = Field(
            True,
            title="The first dimension is the batch",
            description="Not so for a model that Triton serves with max_batch_size 0.",
        )
        confidence: Confidence = Field(default_factory=Confidence, title="Confidence")
        reasons_at: str = Field(
            "",
            title="Where the reasons are",
            description="The output with a contribution for each feature. Empty: there is none.",
            max_length=200,
        )

        @field_validator("features")
        @classmethod
        def refuse_one_name_twice(cls, features: list[Feature]) -> list[Feature]:
            if len({each.name for each in features}) < len(features):
                raise ValueError("two features have one name: rename or remove one")
            return features

        @field_validator("tensor")
        @classmethod
        def refuse_many_datatypes(cls, tensor: str, info: ValidationInfo) -> str:
            features: list[Feature] = info.data.get("features", [])
            if tensor and len({each.datatype for each in features}) > 1:
                raise ValueError(
                    "one tensor has one datatype: give all features the same, or leave this empty"
                )
            return tensor

    def make_health_call(self, endpoint: Endpoint) -> Call | None:
        return Call(f"{_make_path(endpoint)}/ready", None, make_headers(endpoint), method="GET")

    def make_call(self, endpoint: Endpoint, request: InferenceRequest) -> Call:
        return self.make_batch_call(endpoint, [request])

    def read(self, endpoint: Endpoint, request: InferenceRequest, body: Json) -> ModelReply:
        return self.read_batch(endpoint, [request], body)[0]

    def make_batch_call(self, endpoint: Endpoint, requests: Sequence[InferenceRequest]) -> Call:
        options: OpenInference.Options = endpoint.options
        if not options.batched and len(requests) > 1:
            raise InputRefused("", "this model takes one input a call")
        body: dict[str, Json] = {
            # Models behind KServe answer with the id that came, and fail where none did.
            "id": requests[0].idempotency_key or endpoint.name,
            "inputs": _make_inputs(options, requests),
        }
        if options.outputs:
            body["outputs"] = [{"name": name} for name in options.outputs]
        if parameters := read_parameters(requests):
            body["parameters"] = parameters
        return Call(f"{_make_path(endpoint)}/infer", body, make_headers(endpoint))

    def read_batch(
        self, endpoint: Endpoint, requests: Sequence[InferenceRequest], body: Json
    ) -> Sequence[ModelReply]:
        options: OpenInference.Options = endpoint.options
        answer = check_object(check_answer(body))
        outputs = _read_outputs(options, answer.get("outputs"), len(requests))
        version, request_id = read_said(answer, "model_version"), read_said(answer, "id")
        replies = []
        for index, request in enumerate(requests):
            output = {name: values[index] for name, values in outputs.items()}
            replies.append(
                ModelReply(
                    output=output,
                    confidence=read_confidence(output, options.confidence),
                    reasons=_read_reasons(options, output, request),
                    version=version,
                    request_id=request_id,
                )
            )
        return replies


def _make_path(endpoint: Endpoint) -> str:
    version: str = endpoint.options.version
    of_version = ("versions", version) if version else ()
    return make_path("v2", "models", name_of_model(endpoint), *of_version)


def _make_inputs(
    options: OpenInference.Options, requests: Sequence[InferenceRequest]
) -> list[dict[str, Json]]:
    """Raises: InputRefused."""
    columns = [
        encode(
            feature.name,
            feature.datatype,
            [_take(read_input(request), feature.name) for request in requests],
            batched=options.batched,
        )
        for feature in options.features
    ]
    if not options.tensor:
        return columns
    return [_join(options, columns, len(requests))]


def _join(
    options: OpenInference.Options, columns: list[dict[str, Json]], inputs: int
) -> dict[str, Json]:
    """Return one tensor with a row an input, of columns of single values. Raises: InputRefused."""
    for column in columns:
        if column["shape"] != ([inputs, 1] if options.batched else [1]):
            raise InputRefused(column["name"], "must be a single value: it is part of one tensor")
    rows = zip(*(column["data"] for column in columns), strict=True)
    width = len(columns)
    return {
        "name": options.tensor,
        "shape": [inputs, width] if options.batched else [width],
        "datatype": options.features[0].datatype,
        "data": [value for row in rows for value in row],
    }


def _take(values: Mapping[str, Json], name: str) -> Json:
    if name not in values:
        raise InputRefused(name, "is missing")
    return values[name]


def _read_outputs(
    options: OpenInference.Options, outputs: Json, inputs: int
) -> Mapping[str, list[Json]]:
    """Return the values for each input by output, of those asked for. Raises: AnswerUnfit."""
    if not isinstance(outputs, list) or not outputs:
        raise AnswerUnfit("outputs", f"a list of tensors is promised (it is {show(outputs)})")
    found: dict[str, list[Json]] = {}
    for index, each in enumerate(outputs):
        at = f"outputs.{index}"
        name, values = decode(each, at, inputs=inputs, batched=options.batched)
        if name in found:
            raise AnswerUnfit(f"{at}.name", f"there are two outputs named {name}")
        found[name] = values
    for name in options.outputs:
        if name not in found:
            raise AnswerUnfit("outputs", f"{name} is missing (there are {show(list(found))})")
    return {name: found[name] for name in options.outputs or found}


def _read_reasons(
    options: OpenInference.Options, output: Mapping[str, Json], request: InferenceRequest
) -> list[Reason]:
    """Raises: AnswerUnfit."""
    at = options.reasons_at
    if not at:
        return []
    listed = output.get(at)
    if not isinstance(listed, list) or len(listed) != len(options.features):
        raise AnswerUnfit(at, f"{len(options.features)} contributions are promised")
    if any(isinstance(each, bool) or not isinstance(each, int | float) for each in listed):
        raise AnswerUnfit(at, f"contributions are numbers (they are {show(listed)})")
    named = zip(options.features, listed, strict=True)
    reasons = [Reason(each.name, each.name, None, float(value)) for each, value in named]
    return fill_values(reasons, request)
