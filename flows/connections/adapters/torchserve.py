"""TorchServe: ``/predictions/NAME``, what the model's handler makes of it, and its envelopes."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from flows.connections.adapters.contract import (
    AnswerUnfit,
    Call,
    Endpoint,
    ModelReply,
    adapter,
)
from flows.connections.adapters.own_json import AnswerOptions, read_own
from flows.connections.adapters.wire import (
    add_parameters,
    check_answer,
    check_object,
    make_headers,
    make_path,
    name_of_model,
    show,
)
from flows.steps.models import InferenceRequest

Json = Any


@adapter
class TorchServe:
    kind: ClassVar[str] = "torchserve"
    title: ClassVar[str] = "TorchServe"
    summary: ClassVar[str] = "A model archive behind TorchServe's inference address"

    class Options(AnswerOptions):
        version: str = Field(
            "",
            title="Version of the model",
            description="Empty: the default version.",
            max_length=100,
        )
        envelope: Literal["none", "instances"] = Field(
            "none",
            title="Envelope",
            description="instances: the model is served with service_envelope=body, which takes "
            '{"instances": […]} and gives {"predictions": […]}.',
        )
        parameters_key: str = Field(
            "",
            title="Key of the parameters",
            description="Under it they stand beside the input's values. Empty: they are not sent.",
            max_length=100,
        )

    def make_health_call(self, endpoint: Endpoint) -> Call | None:
        return Call("/ping", None, make_headers(endpoint), method="GET")

    def make_call(self, endpoint: Endpoint, request: InferenceRequest) -> Call:
        options: TorchServe.Options = endpoint.options
        body = add_parameters(request, options.parameters_key)
        of_version = (options.version,) if options.version else ()
        return Call(
            make_path("predictions", name_of_model(endpoint), *of_version),
            {"instances": [body]} if options.envelope == "instances" else body,
            make_headers(endpoint),
        )

    def read(self, endpoint: Endpoint, request: InferenceRequest, body: Json) -> ModelReply:
        options: TorchServe.Options = endpoint.options
        answer = check_answer(body)
        if options.envelope == "none":
            return read_own(options, request, answer)
        predictions = check_object(answer).get("predictions")
        if not isinstance(predictions, list) or len(predictions) != 1:
            raise AnswerUnfit(
                "predictions", f"a list of one is promised (it is {show(predictions)})"
            )
        return read_own(options, request, predictions[0])
