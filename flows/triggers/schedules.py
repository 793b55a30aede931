"""When a schedule is due: cron lines in a time zone, and what to do about missed instants. Pure.

Summer time is treated as Debian's cron does. A line with a fixed time that the clocks skip runs
right after the gap; one that they repeat runs once, the first time. A line with a ``*`` or a step
in minute or hour runs by the clock: not in the gap, and in both of the repeated hours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSimError

from flows.triggers.wall_clock import WallClockCron

# An instant that is later than this was missed; the policy says what becomes of it.
GRACE = timedelta(seconds=60)
SECONDS_A_LINE = 6


class ScheduleInvalid(ValueError):
    """The cron line or the zone is wrong."""


@dataclass(frozen=True, slots=True)
class Due:
    """The instants to ``fire`` now, oldest first; ``missed_from`` is the first one left out."""

    fire: tuple[datetime, ...]
    missed_from: datetime | None
    next_at: datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """``missed`` is skip, once or all; with ``all``, the newest ``most`` are fired."""

    cron: str
    zone: str = "UTC"
    missed: str = "skip"
    most: int = 10

    def after(self, moment: datetime) -> datetime:
        """Return the first instant after ``moment``, in UTC. Raises: ScheduleInvalid."""
        return next(self._instants(moment), None) or self._refuse()

    def due(self, since: datetime, now: datetime) -> Due:
        """Return what to do about the instants from ``since`` to ``now``."""
        fire = sorted(islice(self._wanted(since, now), self._limit()))
        missed = since if not fire or fire[0] > since else None
        return Due(tuple(fire), missed, self.after(now))

    def _limit(self) -> int:
        return {"once": 1, "all": self.most}.get(self.missed, SECONDS_A_LINE)

    def _wanted(self, since: datetime, now: datetime) -> Iterator[datetime]:
        oldest = max(since, now - GRACE) if self.missed == "skip" else since
        # Starts a minute ahead: the search leaves out the moment it starts at.
        for instant in self._instants(now + timedelta(minutes=1), back=True):
            if instant < oldest:
                return
            if instant <= now:
                yield instant

    def _instants(self, moment: datetime, *, back: bool = False) -> Iterator[datetime]:
        try:
            local = moment.astimezone(ZoneInfo(self.zone))
            for instant in WallClockCron(self.cron, local, reverse=back):
                yield instant.astimezone(UTC)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ScheduleInvalid(
                f"There is no time zone {self.zone!r}. Write it as Europe/Berlin."
            ) from error
        except CronSimError as error:
            raise ScheduleInvalid(
                f"{self.cron!r} is not a cron line: {error}. Write minute, hour, day, month and"
                " weekday, such as `0 7 * * 1-5`."
            ) from error

    def _refuse(self) -> datetime:
        raise ScheduleInvalid(f"{self.cron!r} names no time that ever comes.")
