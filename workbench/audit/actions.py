"""The registry of action names: each app registers its own, in ``ready``."""

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
    """Declare an action and the sentence that tells it; ``{fields}`` come from the payload.

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


def action_names() -> list[str]:
    return sorted(_ACTIONS)


def sentence_for(action: str, payload: Mapping[str, Any] | None) -> str:
    """Tell an action in words. What the payload lacks, or was erased, shows as an ellipsis."""
    template = _ACTIONS.get(action, action)
    return _Lenient().vformat(template, (), payload or {})


class _Lenient(string.Formatter):
    """Only plain ``{names}``: a sentence must not reach into attributes of what it is given."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> tuple[Any, str]:
        value = kwargs.get(field_name)
        return ("…" if value is None else value), field_name
