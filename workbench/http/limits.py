"""What a request may hold: the methods with a body, the body's type and its size."""

from django.conf import settings

JSON = frozenset({"application/json"})
WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# A step's input may be MAX_PAYLOAD_BYTES; the request around it a little more.
ENVELOPE_BYTES = 64 * 1024


def get_body_limit() -> int:
    """Return how many bytes a JSON body may have."""
    return int(settings.MAX_PAYLOAD_BYTES + ENVELOPE_BYTES)
