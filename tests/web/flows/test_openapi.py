"""What the API says of itself holds: requests made from its own description, valid and not.

`OPENAPI_EXAMPLES=50` plays that many examples of each operation in place of a few.
"""

import json
import os
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.factories.flows import make_flow
from tests.web.flows.contract import DOCUMENT, make_program

EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "5"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
description = schemathesis.openapi.from_dict(DOCUMENT)


@schemathesis.serializer(
    "application/pdf", "audio/mpeg", "audio/ogg", "audio/wav", "image/bmp", "image/heic",
    "image/tiff", "message/rfc822",
)  # fmt: skip
def send_as_it_is(context: Any, value: Any) -> Any:
    return value


@pytest.fixture
def program(db: None) -> Client:
    return make_program()


@description.parametrize()
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
def test_no_request_gets_an_undocumented_answer(case: Any, program: Client) -> None:
    query = urlencode(case.query or {}, doseq=True, errors="replace")
    answer: Any = program.generic(
        case.method,
        f"{case.formatted_path}?{query}",
        _bytes(case.body),
        content_type=case.media_type or "application/json",
        # Whom it calls as is the program's own affair.
        headers={k: v for k, v in (case.headers or {}).items() if k != "Authorization"},
    )
    case.validate_response(_to_response(answer, case), checks=CHECKS)


def _bytes(body: Any) -> bytes:
    if body is NOT_SET:
        return b""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def _to_response(answer: Any, case: Any) -> Response:
    """Return the answer as the checks take it."""
    is_streamed = getattr(answer, "streaming", False)
    request = requests.Request(case.method, f"http://testserver{case.formatted_path}")
    return Response(
        status_code=answer.status_code,
        headers={name.lower(): [value] for name, value in answer.headers.items()},
        content=b"".join(answer.streaming_content) if is_streamed else answer.content,
        request=request.prepare(),
        elapsed=0,
        verify=False,
    )


def test_a_flow_in_the_path_is_not_asked_for_in_the_query(operator: Client) -> None:
    make_flow()
    answer = operator.get("/api/v1/flows/loan/runs?flow=other")
    assert (answer.status_code, answer.json()["type"]) == (
        422, "urn:countersign:problem:query-unknown",
    )  # fmt: skip
    paths = operator.get("/api/v1/openapi.json").json()["paths"]
    named = {
        each["name"]
        for each in paths["/api/v1/flows/{name}/runs"]["get"]["parameters"]
        if each["in"] == "query"
    }
    assert "flow" not in named
    assert "state" in named
