"""Send events over HTTP."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field

from flows.events.cloudevents import (
    ATTRIBUTES,
    PLAIN,
    STRUCTURED,
    CloudEvent,
    EventMalformed,
    read_cloudevent,
)
from flows.events.receiving import LONGEST_KEY, LONGEST_NAME, receive_event, shorten_key
from flows.runtime.labels import NOTHING
from flows.services.giving import find_gifts
from workbench.accounts.gate import requires
from workbench.http.gateway import accepts
from workbench.http.problems import ApiProblem
from workbench.http.reading import body_of
from workbench.http.sign_in import actor_of

router = Router(tags=["triggers"])
NAMED = {"type": "string", "minLength": 1, "pattern": r"\S"}


class EventTakenOut(Schema):
    id: str = Field(description="What identifies the event: its source and id.")
    resumed: list[int] = Field(description="The runs that waited for it and go on.")


def read_event(request: HttpRequest) -> CloudEvent:
    """Raises: ApiProblem (422)."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        return read_cloudevent(request.content_type or PLAIN, headers, request.body)
    except EventMalformed as error:
        errors = [{"at": error.attribute, "message": str(error)}]
        remedy = "Send a CloudEvent 1.0, as its HTTP binding specifies."
        raise ApiProblem(422, "event-malformed", str(error), remedy, errors) from error


@router.post(
    "/events",
    response={202: EventTakenOut},
    operation_id="send_event",
    openapi_extra={
        "parameters": [
            {"in": "header", "name": f"ce-{name}", "required": False, "schema": {"type": "string"},
             "description": "Of a binary event, in place of the attribute in the body."}
            for name in ATTRIBUTES
        ],
        "requestBody": {
            "required": True,
            "description": "A CloudEvent 1.0: structured, or binary with ce- headers.",
            "content": {
                STRUCTURED: {"schema": {"type": "object", "required": ["specversion", "id",
                             "source", "type"], "properties": {
                             "specversion": {"const": "1.0"}, "id": {**NAMED},
                             "source": {**NAMED},
                             "type": {**NAMED, "maxLength": LONGEST_NAME},
                             "subject": {"type": "string", "maxLength": LONGEST_KEY},
                             "data": {}}}},
                PLAIN: {"schema": {}},
            },
        }
    },
)  # fmt: skip
@accepts(STRUCTURED, PLAIN, max_bytes=settings.MAX_PAYLOAD_BYTES, read=read_event)
@requires("events.send", scope="installation")
def send_event(request: HttpRequest) -> Status[Any]:
    """Send an event: runs that wait for it go on, flows that listen for it start.

    A second event with the same source and id changes nothing.
    """
    event: CloudEvent = body_of(request)
    [artifacts] = find_gifts([event.data], actor_of(request), NOTHING)
    resumed = receive_event(
        name=event.type,
        key=event.subject,
        payload=event.data,
        event_id=shorten_key(event.identity),
        former_id=shorten_key(event.former_identity),
        artifacts=artifacts,
        actor=actor_of(request),
        now=timezone.now(),
    )
    return Status(202, {"id": event.identity, "resumed": resumed})
