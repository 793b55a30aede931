"""What the frame offers one person: of all that apps registered, what they may use."""

from dataclasses import dataclass
from typing import Any

from workbench.accounts.permissions import can
from workbench.shell.registry import (
    BarItem,
    Command,
    HomePanel,
    NavItem,
    Tab,
    list_bar_items,
    list_commands,
    list_home_panels,
    list_nav_items,
    list_tabs,
)


@dataclass(frozen=True, slots=True)
class Place:
    """A place of one person's rail. ``url`` is None where there is no page (check shell.W001)."""

    label: str
    icon: str
    url: str | None
    tabs: list[Tab]

    def holds(self, path: str) -> str:
        """Return the address of the place, or of its tab, that ``path`` is or is below; or ""."""
        urls = [self.url, *(tab.url for tab in self.tabs)]
        return max((url for url in urls if url and path.startswith(url)), key=len, default="")


def list_places_for(person: Any) -> list[Place]:
    """Return the rail of a person, without places that have no page."""
    items = [item for item in list_nav_items() if _may_use(person, item.permission)]
    shown = {item.place for item in items}
    places = [_place(person, item, shown) for item in items]
    return [place for place in places if place.url]


def _place(person: Any, item: NavItem, shown: set[str]) -> Place:
    tabs = [
        tab
        for tab in (list_tabs(item.place) if item.place else [])
        if (tab.place if tab.place in shown else tab.otherwise) == item.place
        and _may_use(person, tab.permission)
    ]
    own = item.url if item.url_name else next((tab.url for tab in tabs if tab.url), None)
    return Place(item.label, item.icon, own, tabs)


def list_commands_for(person: Any) -> list[Command]:
    return [item for item in list_commands() if item.url and _may_use(person, item.permission)]


def list_home_panels_for(person: Any) -> list[HomePanel]:
    return [panel for panel in list_home_panels() if _may_use(person, panel.permission)]


def list_bar_items_for(person: Any) -> list[BarItem]:
    return [item for item in list_bar_items() if _may_use(person, item.permission)]


def _may_use(person: Any, permission: str | None) -> bool:
    """Return whether the person has the permission somewhere; with None, whether they signed in."""
    return person.is_authenticated and (permission is None or can(person, permission))
