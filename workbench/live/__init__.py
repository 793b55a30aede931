"""Nudges to open pages: "something of yours changed, ask". Never the change itself."""

from workbench.live.access import announce_access_change, register_live_authoriser
from workbench.live.nudges import nudge, nudge_on_commit

__all__ = ["announce_access_change", "nudge", "nudge_on_commit", "register_live_authoriser"]
