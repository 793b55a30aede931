"""Who may listen to a team's page."""

from typing import Any


def may_hear_team(user: Any, name: str) -> bool:
    from workbench.accounts.permissions import can

    return can(user, "cases.assign", queue=name) if name else can(user, "cases.assign")
