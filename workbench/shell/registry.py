"""What other apps add to the frame: places in the rail, commands, search, panels of the home page.

An app registers in its ``AppConfig.ready``. Registering the same name again replaces it, so that
a reloaded module does no harm.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.urls import NoReverseMatch, reverse

Person = AbstractBaseUser | AnonymousUser


@dataclass(frozen=True, slots=True)
class NavItem:
    """A place in the rail, shown to those who have ``permission`` (None: all who are signed in)."""

    label: str
    url_name: str
    icon: str
    permission: str | None
    order: int = 100

    @property
    def url(self) -> str | None:
        return _reverse(self.url_name)


@dataclass(frozen=True, slots=True)
class Command:
    """Something to do that the palette offers by name. ``url_name`` is a page, never an act."""

    label: str
    url_name: str
    icon: str
    permission: str | None
    words: str = ""

    @property
    def url(self) -> str | None:
        return _reverse(self.url_name)


@dataclass(frozen=True, slots=True)
class Found:
    """One result of the palette. ``kind`` is the heading it stands under: Flow, Run, Case."""

    label: str
    url: str
    kind: str
    icon: str = "corner-down-left"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HomePanel:
    """A part of the home page. ``function(request)`` gives its context, or None to be left out."""

    template: str
    function: Callable[[Any], dict[str, Any] | None]
    permission: str | None
    order: int = 100


@dataclass(frozen=True, slots=True)
class BarItem:
    """A part of the top bar, before the person. Its template renders without a query."""

    template: str
    permission: str | None


SearchProvider = Callable[[Any, str], Sequence[Found]]

_nav: dict[str, NavItem] = {}
_commands: dict[str, Command] = {}
_providers: dict[str, SearchProvider] = {}
_panels: dict[str, HomePanel] = {}
_bar: dict[str, BarItem] = {}


def register_nav(item: NavItem) -> None:
    """Add a place to the rail and to the palette."""
    _nav[item.url_name] = item


def register_command(command: Command) -> None:
    """Add a page that does something ("New flow") to the palette."""
    _commands[command.label] = command


def register_search(function: SearchProvider) -> SearchProvider:
    """Add a provider ``function(user, text) -> list[Found]`` of what the user may see.

    It is called for each key stroke from two characters on: at most one indexed query, at most
    eight results.
    """
    _providers[f"{function.__module__}.{function.__qualname__}"] = function
    return function


def register_home_panel(
    template: str,
    function: Callable[[Any], dict[str, Any] | None],
    permission: str | None,
    order: int = 100,
) -> None:
    """Add a panel to the home page, rendered by ``template`` with what ``function(request)`` gives.

    The context of the panel is its own: the request and what the function returned. Its ``live``
    lists the groups whose nudges the page listens to.
    """
    _panels[template] = HomePanel(template, function, permission, order)


def register_bar_item(template: str, permission: str | None) -> None:
    """Add a part to the top bar of every page, such as a bell. What it shows it fetches by htmx."""
    _bar[template] = BarItem(template, permission)


def permitted(person: Any, permission: str | None) -> bool:
    """Tell whether the person may use what asks for ``permission``, wherever it is granted."""
    if not person.is_authenticated:
        return False
    if permission is None:
        return True
    # Imported late: shell and accounts stand side by side, and accounts uses the frame.
    from workbench.accounts.permissions import can

    return can(person, permission)


def nav_items() -> list[NavItem]:
    return sorted(_nav.values(), key=lambda item: (item.order, item.label))


def nav_for(person: Any) -> list[NavItem]:
    """Return the rail of one person, without places that have no page (check shell.W001)."""
    return [item for item in nav_items() if item.url and permitted(person, item.permission)]


def commands() -> list[Command]:
    return sorted(_commands.values(), key=lambda command: command.label)


def commands_for(person: Any) -> list[Command]:
    return [item for item in commands() if item.url and permitted(person, item.permission)]


def search_providers() -> list[SearchProvider]:
    return list(_providers.values())


def home_panels_for(person: Any) -> list[HomePanel]:
    panels = sorted(_panels.values(), key=lambda panel: (panel.order, panel.template))
    return [panel for panel in panels if permitted(person, panel.permission)]


def bar_items_for(person: Any) -> list[BarItem]:
    return [item for item in _bar.values() if permitted(person, item.permission)]


def _reverse(url_name: str) -> str | None:
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return None
