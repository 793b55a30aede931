"""What the API says of itself holds: requests made from its own description, valid and not."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, settings
from schemathesis.core import NOT_SET

from tests.factories.flows import make_flow
from tests.factories.people import make_person
from tests.factories.runs import make_completed_run
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role
from workbench.api import api
from workbench.people.services import create_token

OURS = r"^/api/v1/(flows|runs|artifacts|bulk-acts|checkpoints)"
SCOPES = [
    "flows.view", "flows.edit", "flows.publish", "runs.view", "runs.start", "runs.operate",
    "cases.open",
]  # fmt: skip
description = schemathesis.openapi.from_dict(
    dict(api.get_openapi_schema(path_prefix="/api/v1/"))
).include(path_regex=OURS)


@pytest.fixture
def program(db: None) -> Client:
    user = make_person("ada", Role.DESIGNER, Role.OPERATOR)
    make_completed_run(make_flow())
    _, secret = create_token(
        user=user, name="fuzz", scopes=SCOPES, actor=Actor.user(user), now=timezone.now()
    )
    return Client(headers={"Authorization": f"Bearer {secret}"})


@description.parametrize()
@settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_request_makes_the_server_fail(case: Any, program: Client) -> None:
    query = urlencode(case.query or {}, doseq=True, errors="replace")
    response: Any = program.generic(
        case.method,
        f"{case.formatted_path}?{query}",
        _bytes(case.body),
        content_type="application/json",
    )
    assert response.status_code < 500
    if response.status_code >= 400:
        assert response["Content-Type"] == "application/problem+json"
    if getattr(response, "streaming", False):
        assert b"".join(response.streaming_content) is not None


def _bytes(body: Any) -> bytes:
    if body is NOT_SET:
        return b""
    return body if isinstance(body, bytes) else json.dumps(body).encode()
