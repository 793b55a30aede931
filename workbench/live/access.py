"""Who may listen to what. Deny by default: a group whose prefix nobody registered is refused."""

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any

from django.db import transaction

from workbench.live.nudges import publish

Authoriser = Callable[[Any, str], bool]

ACCESS_PREFIX = "access"  # nobody can ask for it: the socket joins that of its own person

_authorisers: dict[str, Authoriser] = {}


def register_live_authoriser(prefix: str, function: Authoriser) -> None:
    """Say who may listen to ``prefix.<rest>``: ``function(user, rest) -> bool``.

    ``rest`` is "" for a group that is the bare prefix, such as ``runs``. It runs in a database
    thread when a page asks, and again after the person's roles changed.
    """
    _authorisers[prefix] = function


def authorise(user: Any, groups: Iterable[str]) -> frozenset[str]:
    """Return those of the groups that the user may listen to. Queries; not for the event loop."""
    return frozenset(group for group in groups if _may_listen(user, group))


def access_changed(user_id: int) -> None:
    """Say that a person's roles changed, in the transaction that changes them.

    Their open pages are authorised anew before the next nudge reaches them.
    """
    groups = [access_group(user_id)]
    transaction.on_commit(lambda: publish(groups, {"type": "live.access"}))


def access_group(user_id: int) -> str:
    return f"{ACCESS_PREFIX}.{user_id}"


def session_group(session_key: str) -> str:
    """Return the group that hears of a session's end; the key itself must not leave the process."""
    return f"session.{sha256(session_key.encode()).hexdigest()[:40]}"


def _may_listen(user: Any, group: str) -> bool:
    prefix, _, rest = group.partition(".")
    if prefix == "user":
        return rest == str(user.pk)
    authoriser = _authorisers.get(prefix)
    return authoriser is not None and authoriser(user, rest)
