"""What the frame shows must exist: a rail without its page, or an unknown icon, fails the check."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from workbench.shell.icons import icon_markup
from workbench.shell.registry import commands, nav_items


@register()
def check_frame(**kwargs: Any) -> list[CheckMessage]:
    problems: list[CheckMessage] = []
    for item in [*nav_items(), *commands()]:
        if item.url is None:
            hint = f"Name a URL pattern {item.url_name!r} that needs no argument."
            problems.append(Error(f"“{item.label}” leads nowhere.", hint=hint, id="shell.E001"))
        if item.icon not in icon_markup():
            hint = "Add it to deploy/vendor.lock.json and run python deploy/vendor.py."
            problems.append(Error(f"There is no icon {item.icon!r}.", hint=hint, id="shell.E002"))
    return problems
