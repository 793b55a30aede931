"""Tell a program whom its token belongs to."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from workbench.accounts.gate import requires
from workbench.accounts.models import ApiToken
from workbench.accounts.permissions import PERMISSIONS, SIGNED_IN, can, list_grants

router = Router(tags=["account"])


class GrantOut(Schema):
    role: str
    flow: str
    queue: str


class TokenOut(Schema):
    name: str
    scopes: list[str]
    expires_at: datetime | None


class MeOut(Schema):
    username: str
    name: str
    time_zone: str
    grants: list[GrantOut]
    permissions: list[str] = Field(description="What this session or token may do somewhere.")
    token: TokenOut | None = Field(None, description="Null with a session.")


@router.get("/me", response=MeOut, operation_id="get_me")
@requires(SIGNED_IN, scope="own")
def get_me(request: HttpRequest) -> Any:
    """Return the person behind the request and what they may do."""
    principal: Any = request.auth  # type: ignore[attr-defined]
    token = principal if isinstance(principal, ApiToken) else None
    user = token.user if token else principal
    return {
        "username": user.username,
        "name": user.label,
        "time_zone": user.time_zone,
        "grants": [
            {"role": str(grant.role), "flow": grant.flow_name, "queue": grant.queue_name}
            for grant in list_grants(user)
        ],
        "permissions": sorted(name for name in PERMISSIONS if can(principal, name)),
        "token": token,
    }
