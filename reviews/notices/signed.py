"""Call a webhook, signed by Standard Webhooks, so that its receiver can tell who calls."""

import base64
from datetime import datetime

from standardwebhooks import Webhook

from flows.steps.outgoing import Outgoing, send

KEY_PREFIX, KEY_BYTES = "whsec_", range(24, 65)
TIMEOUT_SECONDS = 15.0
MAX_ANSWER_BYTES = 64 * 1024


def call_signed(*, url: str, key: str, message_id: str, body: str, now: datetime) -> None:
    """Post a JSON text. ``message_id`` is the same for each attempt. Raises: StepFailure."""
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(key).sign(message_id, now, body),
    }
    request = Outgoing(
        method="POST",
        url=url,
        headers=headers,
        query={},
        body=body,
        timeout_seconds=TIMEOUT_SECONDS,
        max_bytes=MAX_ANSWER_BYTES,
    )
    send(request, now)


def key_problem(key: str) -> str:
    """Return what is wrong with a signing key, "" if nothing is."""
    try:
        raw = base64.b64decode(key.removeprefix(KEY_PREFIX), validate=True)
    except ValueError:
        raw = b""
    if key.startswith(KEY_PREFIX) and len(raw) in KEY_BYTES:
        return ""
    return "This is not a signing key: enter whsec_ and 24 to 64 bytes in base64."
