"""The points over HTTP: what decides where, attaching a policy, and detaching it."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field

from flows.api.finding import Number
from flows.assets.models import PolicyAttachment
from flows.assets.policies.attaching import attach_policy, detach_policy
from flows.policies.points import POINTS
from workbench.accounts.gate import requires
from workbench.http.schemas import Strict
from workbench.http.sign_in import actor_of

router = Router(tags=["policies"])


class PolicyAttachmentOut(Schema):
    id: int
    policy: str
    point: str
    flow: str = Field(description="Empty: every flow.")
    queue: str = Field(description="Empty: every queue.")
    attached_by: str
    attached_at: datetime


class PolicyPointOut(Schema):
    name: str
    title: str
    summary: str
    narrowed_by: list[str] = Field(description="What an attachment may name: flow, queue.")
    input_schema: dict[str, Any] = Field(description="JSON Schema of what a policy is told.")
    attached: list[PolicyAttachmentOut]


class PolicyPointsOut(Schema):
    items: list[PolicyPointOut]
    next: None = None


class PolicyAttachIn(Strict):
    policy: str = Field(min_length=1, max_length=80)
    flow: str = Field("", max_length=80)
    queue: str = Field("", max_length=80)


@router.get("/policy-points", response=PolicyPointsOut, operation_id="list_policy_points")
@requires("policies.view", scope="installation")
def list_points(request: HttpRequest) -> dict[str, Any]:
    """List the points with the JSON Schema of their input and what is attached to each."""
    rows = list(PolicyAttachment.objects.select_related("policy").order_by("pk"))
    found = [
        {
            "name": point.name,
            "title": point.title,
            "summary": point.summary,
            "narrowed_by": list(point.narrowed_by),
            "input_schema": point.schema,
            "attached": [_out(row) for row in rows if row.point == point.name],
        }
        for point in POINTS.values()
    ]
    return {"items": found}


@router.post(
    "/policy-points/{point}/attachments", response={201: PolicyAttachmentOut},
    operation_id="attach_policy",
)  # fmt: skip
@requires("people.manage", scope="installation")
def attach(request: HttpRequest, point: str, body: PolicyAttachIn) -> Status[Any]:
    """Let a policy's released version decide at a point."""
    made = attach_policy(
        policy=body.policy, point=point, flow=body.flow, queue=body.queue,
        actor=actor_of(request), now=timezone.now(),
    )  # fmt: skip
    return Status(201, _out(made))


@router.post(
    "/policy-attachments/{number}/detach", response={204: None}, operation_id="detach_policy"
)
@requires("people.manage", scope="installation")
def detach(request: HttpRequest, number: Number) -> Status[None]:
    """Let the policy no longer decide there. No policy is asked about that."""
    detach_policy(attachment_id=number, actor=actor_of(request), now=timezone.now())
    return Status(204, None)


def _out(row: PolicyAttachment) -> dict[str, Any]:
    names = ("point", "flow", "queue", "attached_by", "attached_at")
    return {
        "id": row.pk, "policy": row.policy.name, **{name: getattr(row, name) for name in names}
    }  # fmt: skip
