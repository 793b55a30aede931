"""The actions that the ledger knows. Each app registers its own in ``AppConfig.ready``."""

import re
import string
from collections.abc import Mapping
from typing import Any

_ACTIONS: dict[str, str] = {}
_NAME = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)+")


class UnknownAction(LookupError):
    """The action was not registered with register_action."""


class ActionTaken(ValueError):
    """Two apps registered one action with different sentences."""


def register_action(name: str, sentence: str) -> None:
    """Register an action and the sentence that describes it; ``{names}`` come from the payload.

    Raises: ActionTaken, or ValueError for a name that is not dotted lower case.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a dotted lower-case action name such as flow.published.")
    if _ACTIONS.setdefault(name, sentence) != sentence:
        raise ActionTaken(f"{name!r} is registered with another sentence: {_ACTIONS[name]!r}.")


def ensure_registered(name: str) -> None:
    """Raises: UnknownAction."""
    if name not in _ACTIONS:
        raise UnknownAction(f"Unknown action {name!r}. Register it in its app's ready().")


def list_actions() -> list[str]:
    return sorted(_ACTIONS)


def describe_action(action: str, payload: Mapping[str, Any] | None) -> str:
    """Return the action's sentence. A field that is missing or was erased shows as an ellipsis."""
    template = _ACTIONS.get(action, action)
    return _PlainFields().vformat(template, (), payload or {})


class _PlainFields(string.Formatter):
    """Takes a field's whole name as a key, so that no sentence can reach into an object."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> tuple[Any, str]:
        value = kwargs.get(field_name)
        return ("…" if value is None else value), field_name
