"""Figure a day: count the outputs against the contract, keep the figures, tell what begins."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.urls import reverse

from flows.assets.models import Asset
from flows.contracts.counting import Figures, Tally
from flows.contracts.leaves import take_field
from flows.contracts.model import Contract
from flows.drift.models import FieldFigure, FiguredDay
from flows.drift.reading import Output, Source, read_outputs
from workbench.shell.announcements import Announcement, announce

# Outputs of further combinations of version, model and trigger count to all, and to no part.
MOST_COMBINATIONS = 200
SLICES = ("version", "model", "trigger")
# What is older than this when it is figured is no news.
NEWS = timedelta(days=3)
MOST_TOLD = 5
Parts = tuple[str, str, str]
Slice = tuple[str, str]


@dataclass(slots=True)
class DayCount:
    """The outputs of a day, counted by field and by version, model and trigger at once."""

    contract: Contract
    outputs: int = 0
    unread: int = 0
    _tallies: dict[Parts, list[Tally]] = field(default_factory=dict)

    def add(self, output: Output) -> None:
        if output.fault:
            self.unread += 1
            return
        self.outputs += 1
        parts = (str(output.version), output.model, output.trigger)
        if parts not in self._tallies and len(self._tallies) >= MOST_COMBINATIONS:
            parts = ("", "", "")
        tallies = self._tallies.setdefault(parts, [])
        if not tallies:
            tallies += [Tally(rule) for rule in self.contract.fields]
        for tally in tallies:
            tally.add(take_field(output.value, tally.rule.path), output.at)

    def measure(self) -> Iterator[tuple[Slice, str, Figures]]:
        """Yield slice, field and figures; the slice of all outputs first."""
        for named, tallies in self._merge().items():
            for tally in tallies:
                yield named, tally.rule.path, tally.measure(self.contract)

    def _merge(self) -> dict[Slice, list[Tally]]:
        merged = {("all", ""): [Tally(rule) for rule in self.contract.fields]}
        for parts, tallies in self._tallies.items():
            named = [each for each in zip(SLICES, parts, strict=True) if each[1]]
            for each in (("all", ""), *named):
                sums = merged.setdefault(each, [Tally(rule) for rule in self.contract.fields])
                for total, tally in zip(sums, tallies, strict=True):
                    total.merge(tally)
        return merged


def figure_day(asset: Asset, number: int, contract: Contract, day: date, now: datetime) -> None:
    """Figure a day anew. The outputs are read before the transaction, which locks the day."""
    ends_at = datetime.combine(day + timedelta(days=1), time(), UTC)
    starts_at = ends_at - timedelta(days=contract.window_days)
    source = Source(contract.flow, contract.step, starts_at, ends_at)
    count = DayCount(contract)
    for output in read_outputs(source):
        count.add(output)
    figures = list(count.measure())
    with transaction.atomic():
        row = _keep(asset, number, day, count, figures, now)
        broken = {path: each for (by, _), path, each in figures if by == "all" and each.said}
        _tell(row, contract, broken, now)


def _keep(
    asset: Asset, number: int, day: date, count: DayCount,
    figures: Sequence[tuple[Slice, str, Figures]], now: datetime,
) -> FiguredDay:  # fmt: skip
    values = {"number": number, "outputs": count.outputs, "unread": count.unread, "figured_at": now}
    row, _ = FiguredDay.objects.update_or_create(contract=asset, day=day, defaults=values)
    row = FiguredDay.objects.select_for_update().get(pk=row.pk)
    row.figures.all().delete()
    FieldFigure.objects.bulk_create(
        (
            FieldFigure(day=row, field=path, sliced_by=by, part=part, **asdict(each))
            for (by, part), path, each in figures
        ),
        batch_size=50,
    )
    return row


def _tell(
    row: FiguredDay, contract: Contract, broken: Mapping[str, Figures], now: datetime
) -> None:
    """Announce the fields that break the contract and did not on the last day with outputs."""
    ends_at = datetime.combine(row.day + timedelta(days=1), time(), UTC)
    if now - ends_at > NEWS:
        return
    before = FiguredDay.objects.filter(contract=row.contract_id, day__lt=row.day, outputs__gt=0)
    known = before.order_by("-day").values_list("told", flat=True).first() or []
    begun = {path: each for path, each in broken.items() if path not in {*known, *row.told}}
    row.told = sorted({*broken, *row.told})
    row.save(update_fields=["told"])
    if begun:
        announce(_describe(row, contract, begun), now)


def _describe(row: FiguredDay, contract: Contract, begun: Mapping[str, Figures]) -> Announcement:
    asset = row.contract
    said = [f"{path or 'output'}: {explain(each)}" for path, each in begun.items()]
    more = len(said) - MOST_TOLD
    count = f"{len(said)} field{'s' if len(said) > 1 else ''}"
    told = "; ".join(said[:MOST_TOLD]) + (f"; and {more} more" if more > 0 else "")
    return Announcement(
        kind="drift",
        title=f"{count} of {contract.flow} / {contract.step} began to break {asset.title}",
        said=f"{row.day:%-d %b %Y}: {told}."[:500],
        path=reverse("flows:drift-contract", args=[asset.name]),
        permission="insights.view",
    )


def explain(figures: Figures | FieldFigure) -> str:
    """Return in words what of a field breaks the contract; "" if nothing does."""
    words = {
        "missing": lambda: f"{figures.missing} of {figures.outputs} missing",
        "broken": lambda: f"{figures.broken} of {figures.outputs} outside",
        "psi": lambda: f"PSI {figures.psi:.2f}",
        "ks": lambda: f"KS {figures.ks:.2f}",
    }
    return ", ".join(words[name]() for name in figures.said)
