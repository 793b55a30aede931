"""The contents of assets, such as ``table/limits``, as steps read them.

A flow's version pins the number of the version of each asset that its steps name, so a step asks
for that one. Without a pin, as in a draft, it gets the released version. The assets themselves
register as the source.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from flows.steps.base import Json

Made = TypeVar("Made")
# Makes what a step works with of a label (``limits@3``) and the content of a version.
Make = Callable[[str, Mapping[str, Json]], Made]


class UnknownAsset(LookupError):
    """There is no such asset, or no such version of it. The message says which."""


class ContentSource(Protocol):
    """Where the contents of assets are kept."""

    def find(self, asset: str, number: int | None, make: Make[Made]) -> Made:
        """Return what ``make`` makes of version ``number``, or of the released one.

        It is made once a process. Raises: UnknownAsset, and what ``make`` raises.
        """


class _NoContents:
    def find(self, asset: str, number: int | None, make: Make[Any]) -> Any:
        kind, _, name = asset.partition("/")
        raise UnknownAsset(f"There is no {kind} {name!r}.")


_source: ContentSource = _NoContents()


def register_content_source(source: ContentSource) -> None:
    """Let the contents of assets be found in ``source``."""
    global _source  # noqa: PLW0603 - one a process
    _source = source


def find_content(asset: str, number: int | None, make: Make[Made]) -> Made:
    """Return what ``make`` makes of version ``number`` of an asset, or of its released one.

    Raises: UnknownAsset, and what ``make`` raises.
    """
    return _source.find(asset, number, make)
