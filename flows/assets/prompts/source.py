"""Prompts as steps fill them. A version never changes, so it is read once a process."""

import time
from collections.abc import Mapping
from threading import Lock
from typing import Any

from flows.assets.models import Asset, AssetVersion
from flows.assets.prompts.filling import Prompt
from flows.steps.prompts import FilledPrompt, UnknownPrompt

Json = Any
# How long a process may go on with the number that was released before.
RELEASED_SECONDS = 1.0
_MOST_PROMPTS = 512


class AssetPrompts:
    """The source of prompts: those that are kept as assets."""

    def __init__(self) -> None:
        self._prompts: dict[tuple[str, int], Prompt] = {}
        self._released: dict[str, tuple[int, float]] = {}
        self._lock = Lock()

    def fill(self, name: str, number: int | None, variables: Mapping[str, Json]) -> FilledPrompt:
        """Return a version, or the released one, filled in.

        Raises: UnknownPrompt, VariablesRefused.
        """
        return self._find(name, number).fill(variables)

    def find_variables(self, name: str, number: int | None) -> Mapping[str, Json]:
        """Return the JSON Schema of the variables. Raises: UnknownPrompt."""
        return self._find(name, number).variables_schema

    def forget(self) -> None:
        """Empty the caches. Tests that roll a database back need it: numbers are used again."""
        with self._lock:
            self._prompts.clear()
            self._released.clear()

    def _find(self, name: str, number: int | None) -> Prompt:
        number = self._find_released(name) if number is None else number
        found = self._prompts.get((name, number))
        return found or self._read(name, number)

    def _read(self, name: str, number: int) -> Prompt:
        rows = AssetVersion.objects.filter(asset__kind="prompt", asset__name=name, number=number)
        content = rows.values_list("content", flat=True).first()
        if content is None:
            raise UnknownPrompt(f"There is no version {number} of a prompt {name!r}.")
        prompt = Prompt(f"{name}@{number}", content)
        with self._lock:
            while len(self._prompts) >= _MOST_PROMPTS:
                self._prompts.pop(next(iter(self._prompts)))
            self._prompts[name, number] = prompt
        return prompt

    def _find_released(self, name: str) -> int:
        kept = self._released.get(name)
        if kept is not None and time.monotonic() - kept[1] < RELEASED_SECONDS:
            return kept[0]
        rows = Asset.objects.filter(kind="prompt", name=name, archived_at=None)
        found = rows.values_list("released__number", flat=True)[:1]
        if not found:
            raise UnknownPrompt(f"There is no prompt {name!r}.")
        if found[0] is None:
            raise UnknownPrompt(f"The prompt {name!r} has no released version.")
        with self._lock:
            self._released[name] = (found[0], time.monotonic())
        return int(found[0])


SOURCE = AssetPrompts()
