"""The clock task that figures the days of each released contract, and removes old ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from flows.assets.contents import CONTENTS
from flows.assets.models import Asset
from flows.contracts.model import Contract, read_contract
from flows.drift.figuring import figure_day
from flows.drift.models import FiguredDay
from workbench.dispatch.clock import clock_task
from workbench.dispatch.sweeps import Sweep

TASK = "drift.figure"
EVERY_SECONDS = 300
# So many days back a contract is figured when it is released.
LOOK_BACK_DAYS = 90
KEEP_DAYS = 400
# A day is figured when it is over, and once more a day later, for runs that took long.
SETTLED = timedelta(days=1)
BATCH = 5


@dataclass(frozen=True, slots=True)
class _Due:
    asset: Asset
    number: int
    contract: Contract
    day: date

    @property
    def key(self) -> str:
        return f"{self.asset.pk}/{self.day}"


@clock_task(TASK, EVERY_SECONDS, "Compare a day's outputs with their contract")
def figure_days(now: datetime) -> bool:
    """Figure the days that are due, the newest of each contract last, BATCH at a time."""
    sweep = Sweep(TASK, now, called="The contract and day")
    passed_over = set(sweep.passed_over)
    some: list[_Due] = []
    for due in list_due(now):
        if due.key not in passed_over:
            some.append(due)
        if len(some) > BATCH:
            break
    sweep.each(some[:BATCH], lambda due: _figure(due, now), key=lambda due: due.key,
               own_transaction=True)  # fmt: skip
    if len(some) > BATCH:
        return True
    sweep.forget_gone()
    oldest = now.astimezone(UTC).date() - timedelta(days=KEEP_DAYS)
    FiguredDay.objects.filter(day__lt=oldest).delete()
    return False


def _figure(due: _Due, now: datetime) -> None:
    figure_day(due.asset, due.number, due.contract, due.day, now)


def list_due(now: datetime) -> Iterator[_Due]:
    """Yield what is to be figured: one query, and one for each contract."""
    assets = Asset.objects.filter(kind="contract", archived_at=None, released__isnull=False)
    rows = assets.defer("draft").select_related("released").defer("released__content")
    for asset in rows.order_by("pk"):
        assert asset.released is not None
        number = asset.released.number
        contract = CONTENTS.find(f"contract/{asset.name}", number, read_contract)
        if contract.step:
            for day in _list_days(asset, number, now):
                yield _Due(asset, number, contract, day)


def _list_days(asset: Asset, number: int, now: datetime) -> Iterator[date]:
    today = now.astimezone(UTC).date()
    first = today - timedelta(days=LOOK_BACK_DAYS)
    rows = FiguredDay.objects.filter(contract=asset, day__gte=first)
    known = {day: (by, at) for day, by, at in rows.values_list("day", "number", "figured_at")}
    for back in range(LOOK_BACK_DAYS, 0, -1):
        day = today - timedelta(days=back)
        settles_at = datetime.combine(day + timedelta(days=1), time(), UTC) + SETTLED
        by, at = known.get(day, (0, now))
        if by != number or at < settles_at <= now:
            yield day
