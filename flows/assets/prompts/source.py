"""Prompts as steps fill them: those that are kept as assets."""

from collections.abc import Mapping
from typing import Any

from flows.assets.contents import CONTENTS
from flows.assets.prompts.filling import Prompt
from flows.steps.contents import UnknownAsset
from flows.steps.prompts import FilledPrompt, UnknownPrompt

Json = Any


class AssetPrompts:
    """The source of prompts."""

    def fill(self, name: str, number: int | None, variables: Mapping[str, Json]) -> FilledPrompt:
        """Return a version, or the released one, filled in.

        Raises: UnknownPrompt, VariablesRefused.
        """
        return _find(name, number).fill(variables)

    def find_variables(self, name: str, number: int | None) -> Mapping[str, Json]:
        """Return the JSON Schema of the variables. Raises: UnknownPrompt."""
        return _find(name, number).variables_schema


def _find(name: str, number: int | None) -> Prompt:
    try:
        return CONTENTS.find(f"prompt/{name}", number, Prompt)
    except UnknownAsset as missing:
        raise UnknownPrompt(str(missing)) from None


SOURCE = AssetPrompts()
