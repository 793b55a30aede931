"""What the frame offers one person: of all that apps registered, what they may use."""

from typing import Any

from workbench.accounts.permissions import can
from workbench.shell.registry import (
    BarItem,
    Command,
    HomePanel,
    NavItem,
    list_bar_items,
    list_commands,
    list_home_panels,
    list_nav_items,
)


def list_nav_items_for(person: Any) -> list[NavItem]:
    """Return the rail of a person, without places that have no page (check shell.W001)."""
    return [item for item in list_nav_items() if item.url and _may_use(person, item.permission)]


def list_commands_for(person: Any) -> list[Command]:
    return [item for item in list_commands() if item.url and _may_use(person, item.permission)]


def list_home_panels_for(person: Any) -> list[HomePanel]:
    return [panel for panel in list_home_panels() if _may_use(person, panel.permission)]


def list_bar_items_for(person: Any) -> list[BarItem]:
    return [item for item in list_bar_items() if _may_use(person, item.permission)]


def _may_use(person: Any, permission: str | None) -> bool:
    """Return whether the person has the permission somewhere; with None, whether they signed in."""
    return person.is_authenticated and (permission is None or can(person, permission))
