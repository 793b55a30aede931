"""What is attached where: this process's copy, at most a second old, so that points cost nothing.

A process that cannot read it again goes on with what it knows. One that has never read it lets
nothing pass.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence

from django.db import DatabaseError

from flows.assets.models import PolicyAttachment
from flows.policies.points import Decided, Json
from flows.steps.policies import decide_by_name
from workbench.dispatch.patience import retry_while_away

logger = logging.getLogger(__name__)
KEPT_SECONDS = 1.0
# Policy, flow and queue of each attachment; "" stands for all.
_Row = tuple[str, str, str]


class KnownAttachments:
    """The copy, by point."""

    def __init__(self) -> None:
        self._found: Mapping[str, Sequence[_Row]] | None = None
        self._read_at = float("-inf")
        self._lock = threading.Lock()

    def list_attached(self, point: str, flow: str, queue: str) -> Sequence[str]:
        """Return the names of the policies that decide there: one query a second at most.

        Raises: DatabaseError, where the rows have never been read.
        """
        found = self._read().get(point)
        if not found:
            return ()
        return [
            policy
            for policy, a_flow, a_queue in found
            if a_flow in {"", flow} and a_queue in {"", queue}
        ]

    def decide(self, policy: str, given: Json, flow: str) -> Decided:
        return Decided(*decide_by_name(policy, given, flow=flow))

    def forget(self) -> None:
        """Read the rows again at the next use, because this process has changed them."""
        self._read_at = float("-inf")

    def assume_none(self) -> None:
        """Take it that nothing is attached, for tests that count queries and attach nothing."""
        self._found, self._read_at = {}, float("inf")

    def _read(self) -> Mapping[str, Sequence[_Row]]:
        if self._found is None or time.monotonic() - self._read_at > KEPT_SECONDS:
            with self._lock:
                self._refresh()
        return self._found or {}

    def _refresh(self) -> None:
        began = time.monotonic()
        if self._found is not None and began - self._read_at <= KEPT_SECONDS:
            return
        try:
            self._found = _read_rows() if self._found is not None else retry_while_away(_read_rows)
        except DatabaseError:
            if self._found is None:
                raise
            logger.warning("The attached policies could not be read", exc_info=True)
        self._read_at = began


def _read_rows() -> dict[str, list[_Row]]:
    found: dict[str, list[_Row]] = {}
    rows = PolicyAttachment.objects.order_by("pk")
    for point, *row in rows.values_list("point", "policy__name", "flow", "queue"):
        found.setdefault(point, []).append((row[0], row[1], row[2]))
    return found


KNOWN = KnownAttachments()
