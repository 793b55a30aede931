"""Who may listen to which groups. A group whose prefix nobody registered is refused."""

import re
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any

from django.db import transaction

from workbench.live.nudges import publish

Authoriser = Callable[[Any, str], bool]

ACCESS_PREFIX = "access"  # no page can ask for it: a socket joins its own person's group

# What Channels takes for the name of a group.
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,99}")
_authorisers: dict[str, Authoriser] = {}


def register_live_authoriser(prefix: str, function: Authoriser) -> None:
    """Let ``function(user, rest) -> bool`` decide who may listen to ``prefix.<rest>``.

    ``rest`` is "" for the group that is the bare prefix, such as ``runs``. The function is called
    in a thread, when a page asks and again after the person's roles have changed.
    """
    _authorisers[prefix] = function


def authorise(user: Any, groups: Iterable[str]) -> frozenset[str]:
    """Return the groups that the user may listen to. Makes queries: not for an event loop.

    A name that is none is not among them, whoever asks: the channel layer fails with it.
    """
    named = [group for group in groups if _NAME.fullmatch(group)]
    return frozenset(group for group in named if _may_listen(user, group))


def announce_access_change(user_id: int) -> None:
    """Have a person's open pages authorised again before their next nudge.

    Call it in the transaction that changes the person's roles.
    """
    groups = [access_group(user_id)]
    transaction.on_commit(lambda: publish(groups, {"type": "live.access"}))


def access_group(user_id: int) -> str:
    return f"{ACCESS_PREFIX}.{user_id}"


def session_group(session_key: str) -> str:
    """Return the group that is told of a session's end. Its name hides the key, a secret."""
    return f"session.{sha256(session_key.encode()).hexdigest()[:40]}"


def _may_listen(user: Any, group: str) -> bool:
    prefix, _, rest = group.partition(".")
    if prefix == "user":
        return rest == str(user.pk)
    authoriser = _authorisers.get(prefix)
    return authoriser is not None and authoriser(user, rest)
