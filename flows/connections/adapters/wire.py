"""What adapters of model servers share: a call's path and headers, a first look at answers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from flows.connections.adapters.contract import AnswerUnfit, Endpoint
from flows.steps.models import InferenceRequest, InputRefused, Reason
from workbench.values.checking import check_value
from workbench.values.refusals import ValueRefused

Json = Any
SHOWN_CHARACTERS = 200


def make_headers(endpoint: Endpoint) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {endpoint.secret}"} if endpoint.secret else {}


def make_path(*segments: str) -> str:
    """Return the segments as a path: a name with a slash or a question mark stays one segment."""
    return "".join(f"/{quote(each, safe='')}" for each in segments)


def name_of_model(endpoint: Endpoint) -> str:
    """Return the server's name for the model: the connection's own, where none is said."""
    return endpoint.served_as or endpoint.name


def read_input(request: InferenceRequest) -> Mapping[str, Json]:
    """Return the input's named values. Raises: InputRefused."""
    if not isinstance(request.input, Mapping):
        raise InputRefused("", "the input must be an object of named values")
    return request.input


def read_parameters(requests: Sequence[InferenceRequest]) -> dict[str, Json]:
    """Return the parameters, which are those of the whole call. Raises: InputRefused."""
    first = dict(requests[0].parameters)
    if any(dict(each.parameters) != first for each in requests):
        raise InputRefused("parameters", "must be the same for all inputs of one call")
    return first


def add_parameters(request: InferenceRequest, key: str) -> Json:
    """Return the input, with the parameters beside its values under ``key``, if there is one.

    Raises: InputRefused.
    """
    if not key:
        return request.input
    given = read_input(request)
    if key in given:
        raise InputRefused(key, "is the key of the parameters")
    return {**given, key: dict(request.parameters)}


def check_answer(body: Json) -> Json:
    """Return an answer that can be kept and shown. Raises: AnswerUnfit."""
    try:
        check_value(body)
    except ValueRefused as refused:
        raise AnswerUnfit(refused.at.strip("/").replace("/", "."), refused.message) from None
    error = body.get("error") if isinstance(body, Mapping) else None
    if isinstance(error, str) and error:
        raise AnswerUnfit("error", f"the server answers with an error: {error[:SHOWN_CHARACTERS]}")
    return body


def check_object(answer: Json) -> Mapping[str, Json]:
    """Return the answer, an object. Raises: AnswerUnfit."""
    if not isinstance(answer, Mapping):
        raise AnswerUnfit("", f"an object is promised (it is {show(answer)})")
    return answer


def read_said(body: Mapping[str, Json], key: str) -> str:
    """Return a text that a server may leave out, such as its version. Raises: AnswerUnfit."""
    said = body.get(key)
    if said is None:
        return ""
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        raise AnswerUnfit(key, f"it is no text (it is {show(said)})")
    return str(said)


def fill_values(reasons: Sequence[Reason], request: InferenceRequest) -> list[Reason]:
    """Return the reasons with the values that were sent, where the server does not repeat them."""
    sent = request.input if isinstance(request.input, Mapping) else {}
    return [
        each if each.value is not None else replace(each, value=sent.get(each.feature))
        for each in reasons
    ]


def show(value: Json) -> str:
    """Return the beginning of a value that ``check_answer`` has passed."""
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
