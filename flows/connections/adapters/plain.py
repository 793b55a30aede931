"""Plain HTTP: any service that takes JSON and answers JSON, with a mapping that is data."""

import copy
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, field_validator

from flows.connections.adapters import contract
from flows.connections.adapters.contract import (
    AnswerUnfit,
    Call,
    Confidence,
    Endpoint,
    ModelReply,
    adapter,
)
from flows.steps.http import RESERVED_HEADERS
from flows.steps.models import InferenceRequest, InputRefused
from flows.steps.reading import (
    MISSING,
    find_at,
    read_confidence,
    read_reasons,
    read_text,
    take_at,
)

Json = Any
AUTHORIZATION = "authorization"
PATH = r"^[^.\s]+(\.[^.\s]+)*$|^$"
HEADER = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"


class ConfidenceInAnswer(Confidence):
    path: str = Field(
        "", title="Where in the answer", max_length=200, pattern=PATH, examples=["confidence"]
    )


@adapter
class Plain:
    kind: ClassVar[str] = "http"
    title: ClassVar[str] = "HTTP service"
    summary: ClassVar[str] = "Any service that takes JSON and answers JSON"

    class Options(contract.Options):
        """Dotted paths: ``predictions.0.score``. Nothing here is evaluated."""

        input_at: str = Field(
            "",
            title="Where the input goes",
            description="A dotted key of the body. Empty: the input is the whole body.",
            max_length=200,
            pattern=PATH,
            examples=["instances.0"],
        )
        parameters_at: str = Field(
            "",
            title="Where the parameters go",
            description="A dotted key of the body. Empty: they are not sent.",
            max_length=200,
            pattern=PATH,
        )
        body: dict[str, Json] = Field(
            default_factory=dict,
            title="What else the body has",
            description="Sent as it is with every question, around input and parameters.",
        )
        output_at: str = Field(
            "",
            title="Where the output is",
            description="A dotted path in the answer. Empty: the whole answer.",
            max_length=200,
            pattern=PATH,
            examples=["predictions.0"],
        )
        confidence: ConfidenceInAnswer = Field(
            default_factory=ConfidenceInAnswer, title="Confidence"
        )
        reasons_at: str = Field(
            "",
            title="Where the reasons are",
            description="Contributions by feature, or a list of {feature, contribution, label, "
            "value}. Empty: there are none.",
            max_length=200,
            pattern=PATH,
        )
        version_at: str = Field(
            "", title="Where the model's version is", max_length=200, pattern=PATH
        )
        request_id_at: str = Field(
            "", title="Where the request's id is", max_length=200, pattern=PATH
        )
        error_at: str = Field(
            "error",
            title="Where an error would be",
            description="An answer that has something there is a failure, whatever its status. "
            "Empty: none is looked for.",
            max_length=200,
            pattern=PATH,
        )
        secret_header: str = Field(
            "Authorization",
            title="Header with the secret",
            description="Authorization has it after “Bearer”, any other header as it is.",
            max_length=100,
            pattern=HEADER,
        )
        health_path: str = Field(
            "",
            title="Path that shows whether it is up",
            description="Asked with GET where the model does not answer when it is tried.",
            max_length=200,
        )

        @field_validator("secret_header")
        @classmethod
        def refuse_reserved_headers(cls, name: str) -> str:
            if name.lower() in RESERVED_HEADERS:
                raise ValueError(f"{name} is set by the client: choose another")
            return name

    def make_health_call(self, endpoint: Endpoint) -> Call | None:
        path: str = endpoint.options.health_path
        if not path:
            return None
        return Call(path, None, _make_headers(endpoint), method="GET")

    def make_call(self, endpoint: Endpoint, request: InferenceRequest) -> Call:
        options: Plain.Options = endpoint.options
        body: Json = copy.deepcopy(options.body)
        if options.parameters_at:
            body = put_at(body, options.parameters_at, dict(request.parameters))
        if options.input_at:
            body = put_at(body, options.input_at, request.input)
        elif isinstance(request.input, Mapping):
            body = {**body, **request.input}
        elif not body:
            body = request.input
        else:
            raise InputRefused("", "the input must be an object, as the body has other keys")
        return Call("", body, _make_headers(endpoint))

    def read(self, endpoint: Endpoint, request: InferenceRequest, body: Json) -> ModelReply:
        options: Plain.Options = endpoint.options
        error = find_at(body, options.error_at) if options.error_at else MISSING
        if error is not MISSING and error:
            raise AnswerUnfit(options.error_at, f"the service answers with an error: {error}")
        return ModelReply(
            output=_name_output(take_at(body, options.output_at), options.output_at),
            confidence=read_confidence(body, options.confidence),
            reasons=read_reasons(body, options.reasons_at),
            version=read_text(body, options.version_at),
            request_id=read_text(body, options.request_id_at),
        )


def put_at(body: Json, path: str, value: Json) -> Json:
    """Return the body with the value at a dotted key; a part 0 makes a list of one item.

    What stood there is replaced; the keys beside it stay.
    """
    head, _, rest = path.partition(".")
    if head == "0":
        items = body if isinstance(body, list) and body else [{}]
        return [put_at(items[0], rest, value) if rest else value, *items[1:]]
    fields = body if isinstance(body, dict) else {}
    return {**fields, head: put_at(fields.get(head), rest, value) if rest else value}


def _make_headers(endpoint: Endpoint) -> Mapping[str, str]:
    if not endpoint.secret:
        return {}
    name: str = endpoint.options.secret_header
    is_bearer = name.lower() == AUTHORIZATION
    return {name: f"Bearer {endpoint.secret}" if is_bearer else endpoint.secret}


def _name_output(found: Json, path: str) -> Mapping[str, Json]:
    """Return the output as an object: a single value stands under the last key of its path."""
    if isinstance(found, Mapping):
        return found
    name = path.rpartition(".")[2]
    return {name if name and not name.isdecimal() else "value": found}
