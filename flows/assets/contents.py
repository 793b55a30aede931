"""Contents of assets as steps read them. A version never changes: each is made once a process."""

import time
from collections.abc import Mapping
from threading import Lock
from typing import Any

from flows.assets.models import Asset, AssetVersion
from flows.steps.contents import Made, Make, UnknownAsset

Json = Any
# How long a process may go on with the number that was released before.
RELEASED_SECONDS = 1.0
_MOST_KEPT = 1024


class AssetContents:
    """What steps work with, by asset, version and what makes it of the content."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, int, Make[Any]], Any] = {}
        self._released: dict[str, tuple[int, float]] = {}
        self._lock = Lock()

    def find(self, asset: str, number: int | None, make: Make[Made]) -> Made:
        """Return what ``make`` makes of version ``number``, or of the released one.

        Raises: UnknownAsset, and what ``make`` raises.
        """
        number = self._find_released(asset) if number is None else number
        key = (asset, number, make)
        try:
            found: Made = self._made[key]
        except KeyError:
            return self._make(asset, number, make)
        return found

    def forget(self) -> None:
        """Empty the caches. Tests that roll a database back need it: numbers are used again."""
        with self._lock:
            self._made.clear()
            self._released.clear()

    def _make(self, asset: str, number: int, make: Make[Made]) -> Made:
        made = make(f"{_name_of(asset)}@{number}", _read_content(asset, number))
        with self._lock:
            while len(self._made) >= _MOST_KEPT:
                self._made.pop(next(iter(self._made)))
            self._made[asset, number, make] = made
        return made

    def _find_released(self, asset: str) -> int:
        kept = self._released.get(asset)
        if kept is not None and time.monotonic() - kept[1] < RELEASED_SECONDS:
            return kept[0]
        number = _read_released(asset)
        with self._lock:
            self._released[asset] = (number, time.monotonic())
        return number


def _read_content(asset: str, number: int) -> Mapping[str, Json]:
    kind, _, name = asset.partition("/")
    rows = AssetVersion.objects.filter(asset__kind=kind, asset__name=name, number=number)
    content: Mapping[str, Json] | None = rows.values_list("content", flat=True).first()
    if content is None:
        raise UnknownAsset(f"There is no version {number} of a {kind} {name!r}.")
    return content


def _read_released(asset: str) -> int:
    kind, _, name = asset.partition("/")
    rows = Asset.objects.filter(kind=kind, name=name, archived_at=None)
    found = rows.values_list("released__number", flat=True)[:1]
    if not found:
        raise UnknownAsset(f"There is no {kind} {name!r}.")
    if found[0] is None:
        raise UnknownAsset(f"The {kind} {name!r} has no released version.")
    return int(found[0])


def _name_of(asset: str) -> str:
    return asset.partition("/")[2]


CONTENTS = AssetContents()
