"""Fill a prompt: put values in the place of ``{name}``, and nothing more.

One pass over the prompt's own text replaces each placeholder. What was put in is not read again,
so that no value can add a placeholder, a message or a part. ``{{`` and ``}}`` stand for braces.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from flows.assets.kinds import Content
from flows.assets.prompts.content import NAME, get_schema_of, is_required, make_variables_schema
from flows.steps.language import Message, Part
from flows.steps.prompts import FilledPrompt, VariablesRefused
from workbench.values.schemas import BoundedValidator, make_validator

Json = Any
_TOKEN = re.compile(rf"\{{\{{|\}}\}}|\{{({NAME})\}}")
_TOKEN_OR_BRACE = re.compile(rf"{_TOKEN.pattern}|[{{}}]")


def to_text(value: Json) -> str:
    """Return a value as it stands in a text: text as it is, all else as compact JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def fill_text(text: str, values: Mapping[str, Json]) -> str:
    """Return the text with its placeholders replaced. One that has no value becomes empty."""

    def replace(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return found[0][0]
        return to_text(values[name]) if name in values else ""

    return _TOKEN.sub(replace, text)


def list_placeholders(text: str) -> list[str]:
    """Return the names in the text's placeholders, in their order."""
    return [found[1] for found in _TOKEN.finditer(text) if found[1] is not None]


def split_placeholders(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a text as it is written, and of each whether it is a placeholder."""
    last = 0
    for found in _TOKEN.finditer(text):
        if found[1] is not None:
            yield text[last : found.start()], False
            yield found[0], True
            last = found.end()
    yield text[last:], False


def list_lone_braces(text: str) -> Iterator[int]:
    """Yield the place of each brace that is neither doubled nor part of a placeholder."""
    for found in _TOKEN_OR_BRACE.finditer(text):
        if len(found[0]) == 1:
            yield found.start()


class Prompt:
    """A prompt that is ready to be filled. Immutable; shared by threads."""

    def __init__(self, label: str, content: Content) -> None:
        self.label = label
        self.content = content

    def fill(self, values: Mapping[str, Json]) -> FilledPrompt:
        """Return the messages for these values. Raises: VariablesRefused."""
        self.check(values)
        return FilledPrompt(
            self.label,
            tuple(self._make_messages(values)),
            self.content.get("answer") or None,
            dict(self.content.get("parameters", {})),
        )

    def check(self, values: Mapping[str, Json]) -> None:
        """Raises: VariablesRefused, with the first value that does not fit."""
        for name in values:
            if name not in self._variables:
                raise VariablesRefused(name, f"{self.label} has no variable {name!r}.")
        for name, variable in self._variables.items():
            if name not in values:
                if is_required(variable):
                    raise VariablesRefused(name, f"{self.label} needs the variable {name!r}.")
                continue
            if faults := self._validators[name].iter_errors(values[name]):
                path = ".".join(map(str, (name, *faults[0].instance_path)))
                raise VariablesRefused(path, f"{faults[0].message}.")

    @property
    def variables_schema(self) -> dict[str, Json]:
        return make_variables_schema(self.content)

    @property
    def _variables(self) -> Mapping[str, Mapping[str, Json]]:
        variables: Mapping[str, Mapping[str, Json]] = self.content.get("variables", {})
        return variables

    @cached_property
    def _validators(self) -> Mapping[str, BoundedValidator]:
        return {name: make_validator(get_schema_of(each)) for name, each in self._variables.items()}

    def _make_messages(self, values: Mapping[str, Json]) -> Iterator[Message]:
        """Yield the parts, with each example as a turn before the first part that is asked."""
        opening, rest = self._split_parts
        yield from _fill_parts(opening, values)
        for example in self.content.get("examples", ()):
            yield from _fill_parts(rest, example["variables"])
            yield _make_message("assistant", to_text(example["answer"]))
        yield from _fill_parts(rest, values)

    @cached_property
    def _split_parts(self) -> tuple[Sequence[Json], Sequence[Json]]:
        parts = self.content.get("parts", [])
        first = next((at for at, part in enumerate(parts) if part["role"] != "system"), len(parts))
        return parts[:first], parts[first:]


def _fill_parts(parts: Sequence[Json], values: Mapping[str, Json]) -> Iterator[Message]:
    for part in parts:
        yield _make_message(part["role"], fill_text(part["text"], values))


def _make_message(role: Any, text: str) -> Message:
    return Message(role, (Part(text=text),))


def digest_messages(filled: FilledPrompt) -> str:
    """Return a digest of what a model would be asked, by which a recorded answer is known."""
    said = [[message.role, message.text] for message in filled.messages]
    text = json.dumps([said, filled.schema, dict(filled.parameters)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
