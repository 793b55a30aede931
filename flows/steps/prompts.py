"""Prompts, as steps need them. The assets that hold them register as the source.

A prompt is text with typed variables. Filling it in replaces ``{name}`` by a value and evaluates
nothing, so that no value of a run can become an instruction of the template.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from flows.steps.base import Json
from flows.steps.language import Message


class UnknownPrompt(LookupError):
    """There is no prompt of that name, or no released version of it. The message says which."""


class VariablesRefused(ValueError):
    """The values do not fit the prompt's variables. ``field`` names the first that does not."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class FilledPrompt:
    """The messages that a prompt makes of its variables.

    ``label`` is ``name@number``, for the provenance. ``schema`` is what the answer must fit, if the
    prompt says so; ``parameters`` are those that it sets.
    """

    label: str
    messages: Sequence[Message]
    schema: Mapping[str, Json] | None = None
    parameters: Mapping[str, Json] = field(default_factory=dict)


class PromptSource(Protocol):
    """Where prompts are kept."""

    def fill(self, name: str, number: int | None, variables: Mapping[str, Json]) -> FilledPrompt:
        """Return version ``number`` of a prompt, or its released one, filled in.

        Raises: UnknownPrompt, VariablesRefused.
        """

    def find_variables(self, name: str, number: int | None) -> Mapping[str, Json]:
        """Return the JSON Schema of a prompt's variables. Raises: UnknownPrompt."""


class _NoPrompts:
    def fill(self, name: str, number: int | None, variables: Mapping[str, Json]) -> FilledPrompt:
        raise UnknownPrompt(f"There is no prompt {name!r}.")

    def find_variables(self, name: str, number: int | None) -> Mapping[str, Json]:
        raise UnknownPrompt(f"There is no prompt {name!r}.")


_source: PromptSource = _NoPrompts()


def register_prompt_source(source: PromptSource) -> None:
    """Let prompts be found in ``source``."""
    global _source  # noqa: PLW0603 - one a process
    _source = source


def get_prompt_source() -> PromptSource:
    return _source
