"""An OPA server: a policy's decision on an input, by its data API.

OPA answers with 200 and ``{"result": …}``, or with no result where the rule is undefined.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from flows.connections.adapters.contract import (
    AnswerUnfit,
    Call,
    Endpoint,
    ModelReply,
    Options,
    adapter,
)
from flows.connections.adapters.wire import check_answer, make_headers, make_path
from flows.steps.models import InferenceRequest

Json = Any
# Parameters of a question. The path is that of a rule: ``data.refunds`` is ``refunds``.
PATH = "path"


@adapter
class Opa:
    kind: ClassVar[str] = "opa"
    title: ClassVar[str] = "Open Policy Agent"
    summary: ClassVar[str] = "An OPA server that decides by policies that it was given"

    class Options(Options):
        path: str = Field(
            "",
            title="Path of the rule",
            description="What is asked where the question names none, such as refunds/decision.",
            max_length=200,
            pattern=r"^([A-Za-z0-9_]+(/[A-Za-z0-9_]+)*)?$",
            examples=["refunds"],
        )

    def make_health_call(self, endpoint: Endpoint) -> Call | None:
        return Call("/health", None, make_headers(endpoint), method="GET")

    def make_call(self, endpoint: Endpoint, request: InferenceRequest) -> Call:
        path = str(request.parameters.get(PATH) or endpoint.options.path)
        address = "/v1/data" + make_path(*(part for part in path.split("/") if part))
        # As in this process: what a function cannot work with is an error, and not undefined.
        query = {"strict-builtin-errors": "true"}
        return Call(address, {"input": request.input}, make_headers(endpoint), query)

    def read(self, endpoint: Endpoint, request: InferenceRequest, body: Json) -> ModelReply:
        found = check_answer(body)
        if not isinstance(found, Mapping):
            raise AnswerUnfit("", "it is no object")
        told = {"result": found["result"]} if "result" in found else {}
        return ModelReply(told, request_id=str(found.get("decision_id") or ""))
