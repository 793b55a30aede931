"""What a secret may be used for: each states its uses, and nothing else is given its value.

``flow:NAME`` are the steps of one flow and ``flow:*`` those of every flow. ``webhook:NAME`` are
that flow's webhooks, which check signatures by it; no step reads those. ``checkpoint:QUEUE`` are
the calls back of checkpoints that other engines open in that queue, and ``checkpoint:*`` those of
every queue. ``connection:NAME`` is one connection to a model server. ``notices`` are the webhooks
and chats that hear of cases.
"""

import re
from collections.abc import Collection, Iterable

NOTICES = "notices"
ANY_FLOW = "flow:*"
ANY_CHECKPOINT = "checkpoint:*"
_FORM = re.compile(r"(?:flow|webhook|checkpoint|connection):[A-Za-z0-9_-]{1,80}")


class UseInvalid(ValueError):
    """The text names no use of secrets. The message says which there are."""


def flow_use(flow: str) -> str:
    """Return the use by the steps of a flow."""
    return f"flow:{flow}"


def webhook_use(flow: str) -> str:
    """Return the use by the webhooks that start a flow."""
    return f"webhook:{flow}"


def checkpoint_use(queue: str) -> str:
    """Return the use by the calls back of checkpoints in a queue."""
    return f"checkpoint:{queue}"


def connection_use(connection: str) -> str:
    """Return the use by a connection to a model server."""
    return f"connection:{connection}"


def check_uses(uses: Iterable[str]) -> list[str]:
    """Return the uses sorted, each once. Raises: UseInvalid."""
    found = sorted(set(uses))
    for use in found:
        if use not in {NOTICES, ANY_FLOW, ANY_CHECKPOINT} and not _FORM.fullmatch(use):
            raise UseInvalid(
                f"{use!r} is no use of a secret: write `flow:NAME`, `flow:*` for every flow, "
                "`webhook:NAME`, `checkpoint:QUEUE`, `connection:NAME` or `notices`."
            )
    return found


def allows(uses: Collection[str], use: str) -> bool:
    """Return whether a secret with these uses may be read for ``use``."""
    kind = use.partition(":")[0]
    return use in uses or (kind in {"flow", "checkpoint"} and f"{kind}:*" in uses)
