"""The system check of the frame: every place has a page, and every icon is there."""

from typing import Any

from django.core.checks import CheckMessage, register
from django.core.checks import Warning as Problem

from workbench.shell.icons import icon_markup
from workbench.shell.registry import Command, NavItem, list_commands, list_nav_items, list_tabs


@register()
def check_frame(**kwargs: Any) -> list[CheckMessage]:
    """Warn of places and commands without a page (shell.W001) or an icon (shell.W002)."""
    problems: list[CheckMessage] = []
    shown: list[NavItem | Command] = [*list_nav_items(), *list_commands()]
    for page in [*shown, *list_tabs()]:
        if page.url is None:
            hint = f"Name a URL pattern {page.url_name!r} that needs no argument."
            problems.append(Problem(f"“{page.label}” leads nowhere.", hint=hint, id="shell.W001"))
    for item in shown:
        if item.icon not in icon_markup():
            hint = "Add it to deploy/vendor.lock.json and run python deploy/vendor.py."
            problems.append(Problem(f"There is no icon {item.icon!r}.", hint=hint, id="shell.W002"))
    return problems
