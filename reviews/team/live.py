"""Who may listen to the live updates of the team's page."""

from typing import Any

from workbench.accounts.permissions import can


def may_hear_team(user: Any, queue: str) -> bool:
    """Return whether the user assigns cases in the queue, or in any if ``queue`` is empty."""
    return can(user, "cases.assign", queue=queue) if queue else can(user, "cases.assign")
