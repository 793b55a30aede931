"""A program that calls the API with a token."""

from typing import Any

from django.test import Client
from django.utils import timezone

from tests.factories.people import make_person
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role
from workbench.people.services import create_token

V1 = "/api/v1"
SCOPES = ["flows.view", "flows.edit", "flows.publish", "runs.view", "runs.start", "runs.operate"]


class Api:
    """A program with a token."""

    def __init__(self, *roles: Role, scopes: list[str] | None = None, flow: str = "") -> None:
        user = make_person("", *roles, flow=flow)
        _, secret = create_token(
            user=user,
            name="ci",
            scopes=scopes or SCOPES,
            actor=Actor.user(user),
            now=timezone.now(),
        )
        self.client = Client(headers={"Authorization": f"Bearer {secret}"})

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"{V1}{path}", query)

    def post(self, path: str, body: Any = None, key: str = "", etag: str = "") -> Any:
        named = {"Idempotency-Key": key, "If-Match": etag}
        headers = {name: value for name, value in named.items() if value}
        return self.client.post(
            f"{V1}{path}",
            body if body is not None else {},
            content_type="application/json",
            headers=headers,
        )

    def put(self, path: str, body: Any, etag: str = "") -> Any:
        headers = {"If-Match": etag} if etag else {}
        return self.client.put(
            f"{V1}{path}", body, content_type="application/json", headers=headers
        )
