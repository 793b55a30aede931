"""Idempotency keys that Countersign makes itself, and that nobody else may take before it.

Whoever started a run with the key of a run to come would suppress that one: of a trigger, of a call
from another flow, of a reopened case.
"""

import re

from flows.services.errors import IdempotencyKeyReserved

_RESERVED = re.compile(
    r"trigger-\d+-\d+|reopen-case-\d+|bulk-\d+-\d+|run-\d+-\d+-\d+-\d+", re.ASCII
)


class OwnKey(str):
    """A key that is Countersign's own. Any other text of such a form is refused."""

    __slots__ = ()


def check_key(key: str | None) -> None:
    """Raises: IdempotencyKeyReserved."""
    if key is not None and not isinstance(key, OwnKey) and _RESERVED.fullmatch(key):
        raise IdempotencyKeyReserved(
            f"Keys such as {key!r} are kept for runs that Countersign starts by itself.",
            "Use another key, such as a UUID.",
        )
