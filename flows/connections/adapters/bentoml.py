"""BentoML: a POST to a service's endpoint; the body's keys are the endpoint's parameters."""

from typing import Any, ClassVar

from pydantic import Field

from flows.connections.adapters.contract import Call, Endpoint, ModelReply, adapter
from flows.connections.adapters.own_json import ROUTE, AnswerOptions, read_own
from flows.connections.adapters.wire import check_answer, make_headers, read_input
from flows.steps.models import InferenceRequest, InputRefused

Json = Any


@adapter
class BentoML:
    kind: ClassVar[str] = "bentoml"
    title: ClassVar[str] = "BentoML"
    summary: ClassVar[str] = "A BentoML service's endpoint"

    class Options(AnswerOptions):
        route: str = Field(
            "/predict",
            title="Route of the endpoint",
            description="The name of the service's method, if it says no route of its own.",
            max_length=200,
            pattern=ROUTE,
            examples=["/predict"],
        )
        parameter: str = Field(
            "",
            title="Parameter that takes the input",
            description="The endpoint's own name for it. Empty: the input's values are themselves "
            "the parameters.",
            max_length=100,
            examples=["application"],
        )

    def make_health_call(self, endpoint: Endpoint) -> Call | None:
        return Call("/readyz", None, make_headers(endpoint), method="GET")

    def make_call(self, endpoint: Endpoint, request: InferenceRequest) -> Call:
        name: str = endpoint.options.parameter
        given = {name: request.input} if name else dict(read_input(request))
        for twice in set(given) & set(request.parameters):
            raise InputRefused(twice, "is a parameter of the step or of the connection, too")
        return Call(endpoint.options.route, {**request.parameters, **given}, make_headers(endpoint))

    def read(self, endpoint: Endpoint, request: InferenceRequest, body: Json) -> ModelReply:
        return read_own(endpoint.options, request, check_answer(body))
