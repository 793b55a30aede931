"""Ray Serve: a POST to an application's route, in JSON of the application's own making."""

from typing import Any, ClassVar

from pydantic import Field

from flows.connections.adapters.contract import Call, Endpoint, ModelReply, adapter
from flows.connections.adapters.own_json import ROUTE, AnswerOptions, read_own
from flows.connections.adapters.wire import add_parameters, check_answer, make_headers
from flows.steps.models import InferenceRequest

Json = Any


@adapter
class RayServe:
    kind: ClassVar[str] = "ray_serve"
    title: ClassVar[str] = "Ray Serve"
    summary: ClassVar[str] = "A Ray Serve application that takes and gives JSON"

    class Options(AnswerOptions):
        route: str = Field(
            "/",
            title="Route of the application",
            description="Its route_prefix. The connection's address is the server's alone.",
            max_length=200,
            pattern=ROUTE,
            examples=["/scorecard"],
        )
        parameters_key: str = Field(
            "",
            title="Key of the parameters",
            description="Under it they stand beside the input's values. Empty: they are not sent.",
            max_length=100,
        )

    def make_health_call(self, endpoint: Endpoint) -> Call | None:
        return Call("/-/healthz", None, make_headers(endpoint), method="GET")

    def make_call(self, endpoint: Endpoint, request: InferenceRequest) -> Call:
        body = add_parameters(request, endpoint.options.parameters_key)
        return Call(endpoint.options.route, body, make_headers(endpoint))

    def read(self, endpoint: Endpoint, request: InferenceRequest, body: Json) -> ModelReply:
        return read_own(endpoint.options, request, check_answer(body))
