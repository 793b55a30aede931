"""The API's own description, and a program that may do everything in it."""

import json
from typing import Any

from django.test import Client
from django.utils import timezone

from tests.factories.flows import make_flow
from tests.factories.people import make_person
from tests.factories.runs import make_completed_run
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role
from workbench.accounts.permissions import PERMISSIONS, SIGNED_IN
from workbench.api import api
from workbench.people.services import create_token

# As it is served: with text for the keys of its mappings.
DOCUMENT: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema(path_prefix="/api/v1/")))


def make_program() -> Client:
    """Return a program with every role and scope, beside a flow with a run."""
    user = make_person("ada", *Role)
    make_completed_run(make_flow())
    scopes = [name for name in PERMISSIONS if name != SIGNED_IN]
    _, secret = create_token(
        user=user, name="all", scopes=scopes, actor=Actor.user(user), now=timezone.now()
    )
    return Client(headers={"Authorization": f"Bearer {secret}"}, raise_request_exception=False)
