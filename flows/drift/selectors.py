"""What is known of contracts by day, of the flows that a person may see."""

from collections.abc import Sequence
from dataclasses import dataclass

from flows.assets.contents import CONTENTS
from flows.assets.models import Asset
from flows.contracts.model import Contract, read_contract
from flows.costs.periods import Period
from flows.drift.figuring import SLICES
from flows.drift.models import FieldFigure, FiguredDay
from workbench.accounts.permissions import Reach

ALL = ("all", "")
MOST_PARTS = 100


@dataclass(frozen=True, slots=True)
class Watched:
    """A released contract of a step, with its newest figured day and the fields that break it."""

    asset: Asset
    number: int
    contract: Contract
    newest: FiguredDay | None = None
    broken: Sequence[FieldFigure] = ()

    @property
    def state(self) -> str:
        """``unfigured``, ``empty`` (no outputs on the newest day), ``breached`` or ``kept``."""
        if self.newest is None:
            return "unfigured"
        if not self.newest.outputs:
            return "empty"
        return "breached" if self.broken else "kept"


def list_watched(found: Reach) -> list[Watched]:
    """Return the contracts whose flows are in the reach, by title: one query, two for each."""
    assets = Asset.objects.filter(kind="contract", archived_at=None, released__isnull=False)
    rows = assets.defer("draft").select_related("released").defer("released__content")
    watched = [_watch(asset) for asset in rows.order_by("title", "pk")]
    return [
        _add_newest(each)
        for each in watched
        if each.contract.step and found.covers(each.contract.flow, None)
    ]


def find_watched(name: str, found: Reach) -> Watched | None:
    """Return the contract, None if there is none of that name in the reach. Three queries."""
    return next((each for each in list_watched(found) if each.asset.name == name), None)


def _watch(asset: Asset) -> Watched:
    assert asset.released is not None
    number = asset.released.number
    contract = CONTENTS.find(f"contract/{asset.name}", number, read_contract)
    return Watched(asset, number, contract)


def _add_newest(watched: Watched) -> Watched:
    days = FiguredDay.objects.filter(contract=watched.asset)
    newest = days.filter(outputs__gt=0).order_by("-day").first() or days.order_by("-day").first()
    if newest is None:
        return watched
    figures = FieldFigure.objects.filter(day=newest, sliced_by="all").order_by("pk")
    broken = [figure for figure in figures if figure.said]
    return Watched(watched.asset, watched.number, watched.contract, newest, broken)


def list_figures(asset: Asset, period: Period, part: tuple[str, str] = ALL) -> list[FieldFigure]:
    """Return the figures of a slice by day and field, with their days. One query."""
    rows = FieldFigure.objects.filter(
        day__contract=asset, day__day__gte=period.first, day__day__lte=period.last,
        sliced_by=part[0], part=part[1],
    )  # fmt: skip
    return list(rows.select_related("day").order_by("day__day", "pk"))


def list_parts(asset: Asset, period: Period) -> list[tuple[str, str]]:
    """Return the slices that there are in a period, but for that of all. One query."""
    rows = FieldFigure.objects.filter(
        day__contract=asset, day__day__gte=period.first, day__day__lte=period.last,
        sliced_by__in=SLICES,
    )  # fmt: skip
    found = rows.order_by("sliced_by", "part").values_list("sliced_by", "part").distinct()
    return [(by, part) for by, part in found[:MOST_PARTS]]


def list_by_part(day: FiguredDay) -> list[FieldFigure]:
    """Return the figures of each slice of a day but that of all. One query."""
    rows = day.figures.filter(sliced_by__in=SLICES)
    return list(rows.order_by("sliced_by", "part", "pk"))
