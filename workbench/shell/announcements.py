"""Tell people something that is about no case: an app announces it, another one shows it.

Whoever shows notices registers as an announcer. An announcement is made within the transaction of
what it tells of.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is told, to whoever has ``permission`` everywhere, and the page that shows more."""

    kind: str
    title: str
    said: str
    path: str
    permission: str


Announcer = Callable[[Announcement, datetime], None]
_announcers: list[Announcer] = []


def register_announcer(announcer: Announcer) -> None:
    _announcers.append(announcer)


def announce(announcement: Announcement, now: datetime) -> None:
    for announcer in _announcers:
        announcer(announcement, now)
