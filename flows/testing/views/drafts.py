"""Change the draft as the canvas would."""

from typing import Any
from uuid import uuid4

from django.http import HttpRequest
from django.utils import timezone

from flows.models import Flow
from flows.services import editing
from flows.views.requests import user_of

Json = Any


def set_flow_field(request: HttpRequest, flow: Flow, path: str, value: Json, old: Json) -> None:
    """Set a field of the flow by one operation on its draft. Raises: OperationRefused."""
    operation = {"op": "set_flow", "path": path, "value": value, "old": old}
    outcomes = editing.apply_operations(
        flow_id=flow.pk,
        operations=[{"client_id": f"test-{uuid4().hex}", "op": operation}],
        author=user_of(request),
        now=timezone.now(),
    )
    if outcomes[0].refusal is not None:
        raise outcomes[0].refusal
