"""Idempotency keys of runs: those that people give, and those that this server makes."""

from typing import Literal, Self

from flows.models.runs import OWN_KEY
from flows.services.errors import KeyReserved

LONGEST_KEY = 200


class OwnKey(str):
    """A key that this server made; its form is OWN_KEY.

    Any other text is a key that somebody gave, and ``check_key`` refuses one of this form: whoever
    knew the next key of a trigger or a reopened case could else start a run in its place.
    """

    __slots__ = ()

    @classmethod
    def of(cls, kind: str, *parts: object) -> Self:
        """Return the key of a kind, such as ``trigger-3-17``."""
        key = "-".join(map(str, [kind, *parts]))
        if not OWN_KEY.fullmatch(key):
            raise AssertionError(f"{key!r} is not of the form of our own keys")
        return cls(key)


def read_form_key(text: str, kind: Literal["form", "rerun"]) -> str | None:
    """Return the key that a page sent with its form: our own if it can be one of that page."""
    if text.startswith(f"{kind}-") and OWN_KEY.fullmatch(text):
        return OwnKey(text)
    return text[:LONGEST_KEY] or None


def check_key(key: str | None) -> None:
    """Raises: KeyReserved, for a key that somebody gave and that could be one of our own."""
    if key and not isinstance(key, OwnKey) and OWN_KEY.fullmatch(key):
        raise KeyReserved(
            f"The idempotency key {key!r} is of a form that the server keeps for its own runs.",
            "Use another key, such as one with a prefix of your own.",
        )
