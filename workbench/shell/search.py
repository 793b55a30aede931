"""Search for the palette: places, commands, and what the search providers find."""

import logging
from typing import Any, NamedTuple

from workbench.shell.offers import list_commands_for, list_places_for
from workbench.shell.registry import Found, list_search_providers
from workbench.values.folding import fold

logger = logging.getLogger(__name__)

MIN_PROVIDER_TEXT = 2
MAX_EACH = 8


class Group(NamedTuple):
    heading: str
    results: list[Found]


def search(person: Any, text: str) -> list[Group]:
    """Return what matches, grouped by kind: places, commands, then what each provider found.

    Makes only the queries of the providers. One that fails is logged and left out.
    """
    text = text.strip()
    found = _places(person, text) + _commands(person, text)
    if len(text) >= MIN_PROVIDER_TEXT:
        for provider in list_search_providers():
            try:
                found += list(provider(person, text))[:MAX_EACH]
            except Exception:
                logger.exception("The search provider %s failed", provider.__qualname__)
    return _grouped(found)


def _matches(text: str, *candidates: str) -> bool:
    """Return whether each word typed begins a word of a candidate: "au lo" finds "Audit log"."""
    words = fold(" ".join(candidates)).split()
    return all(any(word.startswith(typed) for word in words) for typed in fold(text).split())


def _places(person: Any, text: str) -> list[Found]:
    found = []
    for place in list_places_for(person):
        if _matches(text, place.label):
            found.append(Found(place.label, place.url or "", "Go to", place.icon))
        found += [
            Found(tab.label, tab.url or "", "Go to", place.icon, place.label)
            for tab in place.tabs
            if _matches(text, tab.label, tab.words)
        ]
    return found


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
