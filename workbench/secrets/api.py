"""Secrets over HTTP: their names can be read, their values only set."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field

from workbench.accounts.gate import requires
from workbench.http.preconditions import edits, shows
from workbench.http.problems import map_error
from workbench.http.schemas import Page, Strict, whole_page
from workbench.http.sign_in import actor_of
from workbench.secrets import services

router = Router(tags=["secrets"])

map_error(
    services.SecretInvalid,
    status=422,
    code="secret-invalid",
    remedy="Correct the name or the value.",
)
map_error(
    services.SecretUnknown, status=404, code="not-found", remedy="GET /secrets lists the names."
)


class SecretOut(Schema):
    name: str
    version: int
    uses: list[str]
    set_by: str
    changed_at: datetime
    revision: str


class SecretIn(Strict):
    value: str = Field(max_length=services.MOST_BYTES, description="It is never returned.")
    uses: list[str] | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="What may use it: `flow:NAME` (the steps of that flow), `flow:*` (those of "
        "every flow), `checkpoint:QUEUE`, `notices`. A new secret needs one; left out, those that "
        "it has stay.",
        examples=[["flow:consumer-loan"]],
    )


@router.get("/secrets", response=Page[SecretOut], operation_id="list_secrets")
@requires("secrets.manage", scope="installation")
def list_secrets(request: HttpRequest) -> dict[str, Any]:
    """List the names of secrets."""
    return whole_page(_out(row) for row in services.list_secrets())


@router.get("/secrets/{name}", response=SecretOut, operation_id="get_secret")
@requires("secrets.manage", scope="installation")
@shows(services.SECRET)
def get_secret(request: HttpRequest, name: str) -> dict[str, Any]:
    """Return what may be known of a secret: not its value."""
    return _out(services.get_secret(name))


@router.put("/secrets/{name}", response=SecretOut, operation_id="set_secret")
@requires("secrets.manage", scope="installation")
@edits(services.SECRET, lambda request, given: [given["name"]], creates=True)
def set_secret(request: HttpRequest, name: str, body: SecretIn) -> dict[str, Any]:
    """Set a secret, or replace it. Steps read it as `${ secrets.NAME }`, in fields made for it."""
    row = services.set_secret(
        name=name, value=body.value, uses=body.uses, actor=actor_of(request), now=timezone.now()
    )
    return _out(row)


@router.delete("/secrets/{name}", response={204: None}, operation_id="delete_secret")
@requires("secrets.manage", scope="installation")
@edits(services.SECRET, lambda request, given: [given["name"]])
def delete_secret(request: HttpRequest, name: str) -> Status[None]:
    """Delete a secret. Steps that use it fail from then on."""
    services.delete_secret(name=name, actor=actor_of(request), now=timezone.now())
    return Status(204, None)


def _out(row: services.SecretRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "version": row.version,
        "uses": row.uses,
        "set_by": row.set_by,
        "changed_at": row.changed_at,
        "revision": row.revision,
    }
