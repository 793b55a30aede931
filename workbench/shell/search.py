"""The palette: places, commands and what the search providers find, in groups."""

import logging
from typing import Any, NamedTuple

from workbench.shell.offers import list_commands_for, list_nav_items_for
from workbench.shell.registry import Found, list_search_providers

logger = logging.getLogger(__name__)

MIN_PROVIDER_TEXT = 2
MAX_EACH = 8


class Group(NamedTuple):
    heading: str
    results: list[Found]


def search(person: Any, text: str) -> list[Group]:
    """Return what matches, grouped by kind, best kinds first. Queries: those of the providers.

    A provider that fails is left out and logged: one broken index must not close the palette.
    """
    text = text.strip()
    found = _places(person, text) + _commands(person, text)
    if len(text) >= MIN_PROVIDER_TEXT:
        for provider in list_search_providers():
            try:
                found += list(provider(person, text))[:MAX_EACH]
            except Exception:
                logger.exception("search provider %s failed", provider.__qualname__)
    return _grouped(found)


def _matches(text: str, *candidates: str) -> bool:
    """Every word typed begins a word of what is offered: "au lo" finds "Audit log"."""
    words = " ".join(candidates).lower().split()
    return all(any(word.startswith(typed) for word in words) for typed in text.lower().split())


def _places(person: Any, text: str) -> list[Found]:
    return [
        Found(item.label, item.url or "", "Go to", item.icon)
        for item in list_nav_items_for(person)
        if _matches(text, item.label)
    ]


def _commands(person: Any, text: str) -> list[Found]:
    return [
        Found(command.label, command.url or "", "Do", command.icon)
        for command in list_commands_for(person)
        if _matches(text, command.label, command.words)
    ]


def _grouped(found: list[Found]) -> list[Group]:
    groups: dict[str, list[Found]] = {}
    for result in found:
        groups.setdefault(result.kind, []).append(result)
    return [Group(kind, results) for kind, results in groups.items()]
