"""What apps add to the frame: places in the rail, commands, search, panels of the home page.

An app registers in its ``AppConfig.ready``. Registering a name again replaces what it stood for, so
that reloading a module does no harm. What one person may see of it is in ``offers``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True, slots=True)
class NavItem:
    """A place in the rail. Shown to whoever has ``permission``; with None, to all who signed in.

    A ``place`` has tabs, and no page of its own: its link goes to the first tab that the person may
    open, and who may open none does not see it.
    """

    label: str
    url_name: str
    icon: str
    permission: str | None
    order: int = 100
    place: str = ""

    @property
    def url(self) -> str | None:
        if self.url_name:
            return _reverse(self.url_name)
        return next((tab.url for tab in list_tabs(self.place) if tab.url), None)


@dataclass(frozen=True, slots=True)
class Command:
    """A page that the palette offers by what one does there, such as "New flow".

    ``words`` are further words to find it by. Opening the page must change nothing.
    """

    label: str
    url_name: str
    icon: str
    permission: str | None
    words: str = ""

    @property
    def url(self) -> str | None:
        return _reverse(self.url_name)


@dataclass(frozen=True, slots=True)
class Tab:
    """One of the pages of a place that has several, such as ``insights``.

    ``words`` are further words to find it by. Who does not see the place finds the page in the
    place ``otherwise``, if one is named.
    """

    place: str
    label: str
    url_name: str
    permission: str
    order: int = 100
    words: str = ""
    otherwise: str = ""

    @property
    def url(self) -> str | None:
        return _reverse(self.url_name)


@dataclass(frozen=True, slots=True)
class Found:
    """A result in the palette. ``kind`` is the heading above it: Flow, Run, Case."""

    label: str
    url: str
    kind: str
    icon: str = "corner-down-left"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HomePanel:
    """A part of the home page. ``function(request)`` returns its context, or None to hide it."""

    template: str
    function: Callable[[Any], dict[str, Any] | None]
    permission: str | None
    order: int = 100


@dataclass(frozen=True, slots=True)
class BarItem:
    """A part of the top bar, left of the person's menu. Its template makes no query."""

    template: str
    permission: str | None


SearchProvider = Callable[[Any, str], Sequence[Found]]

_nav: dict[str, NavItem] = {}
_commands: dict[str, Command] = {}
_tabs: dict[str, Tab] = {}
_providers: dict[str, SearchProvider] = {}
_panels: dict[str, HomePanel] = {}
_bar: dict[str, BarItem] = {}


def register_nav(item: NavItem) -> None:
    """Add a place to the rail and to the palette."""
    _nav[item.place or item.url_name] = item


def register_command(command: Command) -> None:
    """Add a page to the palette by what one does there."""
    _commands[command.label] = command


def register_tab(tab: Tab) -> None:
    """Add a page to those of its place and to the palette.

    The page shows the tabs of its place by ``{% place_tabs "its:url-name" %}``.
    """
    _tabs[tab.url_name] = tab


def register_search(function: SearchProvider) -> SearchProvider:
    """Add ``function(user, text) -> list[Found]``, which finds what the user may see.

    It is called at every key stroke from the second character on: let it make one indexed query at
    most. Only its first eight results are shown.
    """
    _providers[f"{function.__module__}.{function.__qualname__}"] = function
    return function


def register_home_panel(
    template: str,
    function: Callable[[Any], dict[str, Any] | None],
    permission: str | None,
    order: int = 100,
) -> None:
    """Add a panel to the home page: ``template``, rendered with what ``function(request)`` returns.

    The template sees the request and that context, nothing else. ``live`` in the context lists the
    groups whose nudges the page listens to.
    """
    _panels[template] = HomePanel(template, function, permission, order)


def register_bar_item(template: str, permission: str | None) -> None:
    """Add a part, such as a bell, to the top bar of each page. It fetches what it shows by htmx."""
    _bar[template] = BarItem(template, permission)


def list_nav_items() -> list[NavItem]:
    return sorted(_nav.values(), key=lambda item: (item.order, item.label))


def list_tabs(place: str | None = None) -> list[Tab]:
    found = [tab for tab in _tabs.values() if place in {None, tab.place, tab.otherwise}]
    return sorted(found, key=lambda tab: (tab.order, tab.label))


def list_commands() -> list[Command]:
    return sorted(_commands.values(), key=lambda command: command.label)


def list_search_providers() -> list[SearchProvider]:
    return list(_providers.values())


def list_home_panels() -> list[HomePanel]:
    return sorted(_panels.values(), key=lambda panel: (panel.order, panel.template))


def list_bar_items() -> list[BarItem]:
    return list(_bar.values())


def _reverse(url_name: str) -> str | None:
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return None
