"""Step through the instants of a cron line by the clock on the wall, whatever its shifts. Pure."""

from datetime import UTC

from cronsim import CronSim

MINUTE, HOUR = 60, 3600


class WallClockCron(CronSim):
    """``CronSim`` in zones whose clocks are put forward or back by other than whole hours.

    It goes on by an hour at a time from the full hour, or straight to a minute. Where the clocks
    are put from 2:00 to 2:30 that lands on 3:30, past the instants from 3:00 on. Here a step ends
    where the clocks change, and the next one at the full hour.
    """

    def tick(self, seconds: int = 1) -> None:
        before = self.dt
        super().tick(self._to_full_hour() if seconds == HOUR else seconds)
        if seconds > MINUTE and self.dt.utcoffset() != before.utcoffset():
            self.dt = before
            while self.dt.utcoffset() == before.utcoffset():
                super().tick(MINUTE)

    def _to_full_hour(self) -> int:
        """Return how many seconds the hour still has: back, to the last second of the one before.

        A whole hour from where the search usually is: the first second of an hour, or its last.
        """
        into = self.dt.minute * MINUTE + self.dt.second
        return HOUR - into if self.tick_direction == 1 else into + 1

    def advance_day(self) -> bool:
        moved = super().advance_day()
        self._leave_gap()
        return moved

    def advance_month(self) -> None:
        super().advance_month()
        self._leave_gap()

    def _leave_gap(self) -> None:
        """Go to the end of the gap if the clocks skip this time, as they may skip midnight."""
        if self.dt.tzinfo not in (None, UTC):
            self.dt = self.dt.astimezone(UTC).astimezone(self.dt.tzinfo)
