"""MLflow's scoring server: ``/invocations`` with a data frame, one row an input."""

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from flows.connections.adapters import contract
from flows.connections.adapters.contract import (
    AnswerUnfit,
    Call,
    Confidence,
    Endpoint,
    ModelReply,
    adapter,
)
from flows.connections.adapters.own_json import DOTTED, name_output
from flows.connections.adapters.wire import (
    check_answer,
    check_object,
    fill_values,
    make_headers,
    read_input,
    read_parameters,
    show,
)
from flows.steps.models import InferenceRequest, InputRefused
from flows.steps.reading import read_confidence, read_reasons

Json = Any


@adapter
class MLflow:
    kind: ClassVar[str] = "mlflow"
    title: ClassVar[str] = "MLflow"
    summary: ClassVar[str] = "A model behind `mlflow models serve`"

    class Options(contract.Options):
        columns: list[str] = Field(
            default_factory=list,
            title="Columns",
            description="The values of the input that the model takes, in its order. Empty: all "
            "of the input's, as they come.",
            max_length=10_000,
            examples=[["amount", "purpose"]],
        )
        value_name: str = Field(
            "prediction",
            title="Name for a prediction",
            description="Under this name stands a row's prediction that is a number, a text or a "
            "list. An object is the output as it is. For probabilities, save the model with "
            'pyfunc_predict_fn="predict_proba".',
            min_length=1,
            max_length=100,
        )
        confidence: Confidence = Field(
            default_factory=Confidence,
            title="Confidence",
            description="Its path is one in the output, such as prediction.1.",
        )
        reasons_at: str = Field(
            "",
            title="Where the reasons are",
            description="In the output: contributions by feature, or a list of {feature, "
            "contribution, label, value}. Empty: there are none.",
            max_length=200,
            pattern=DOTTED,
        )

    def make_health_call(self, endpoint: Endpoint) -> Call | None:
        return Call("/ping", None, make_headers(endpoint), method="GET")

    def make_call(self, endpoint: Endpoint, request: InferenceRequest) -> Call:
        return self.make_batch_call(endpoint, [request])

    def read(self, endpoint: Endpoint, request: InferenceRequest, body: Json) -> ModelReply:
        return self.read_batch(endpoint, [request], body)[0]

    def make_batch_call(self, endpoint: Endpoint, requests: Sequence[InferenceRequest]) -> Call:
        columns = list(endpoint.options.columns or read_input(requests[0]))
        rows = [_read_row(request, columns) for request in requests]
        body: dict[str, Json] = {"dataframe_split": {"columns": columns, "data": rows}}
        if parameters := read_parameters(requests):
            body["params"] = parameters
        return Call("/invocations", body, make_headers(endpoint))

    def read_batch(
        self, endpoint: Endpoint, requests: Sequence[InferenceRequest], body: Json
    ) -> Sequence[ModelReply]:
        predictions = check_object(check_answer(body)).get("predictions")
        if not isinstance(predictions, list) or len(predictions) != len(requests):
            raise AnswerUnfit(
                "predictions",
                f"a list of {len(requests)} is promised, one an input (it is {show(predictions)})",
            )
        return [
            _read_prediction(endpoint.options, request, each, f"predictions.{index}")
            for index, (request, each) in enumerate(zip(requests, predictions, strict=True))
        ]


def _read_row(request: InferenceRequest, columns: Sequence[str]) -> list[Json]:
    """Raises: InputRefused."""
    values = read_input(request)
    for name in columns:
        if name not in values:
            raise InputRefused(name, "is missing")
    return [values[name] for name in columns]


def _read_prediction(
    options: MLflow.Options, request: InferenceRequest, prediction: Json, at: str
) -> ModelReply:
    """Raises: AnswerUnfit."""
    if prediction is None:
        raise AnswerUnfit(at, "a prediction is promised (it is null, as NaN is written)")
    output = name_output(prediction, options.value_name, at)
    return ModelReply(
        output=output,
        confidence=read_confidence(output, options.confidence),
        reasons=fill_values(read_reasons(output, options.reasons_at), request),
    )
