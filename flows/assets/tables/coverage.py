"""How often each row of a table's released version decided, in the newest runs.

Nothing is counted while runs go on: what decided stands in the journal. The runs are those of the
flow's versions that are pinned to the released one; their newest are looked at, and no more, so
that the page takes as long for a million runs as for a thousand.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flows.assets.models import Asset
from flows.engine import events
from flows.models import FlowVersion, Journal, Run

Json = Any
MOST_RUNS = 2_000
MOST_VERSIONS = 200


@dataclass(frozen=True, slots=True)
class RowHits:
    """``never`` says that no decision looked at rests on the row."""

    number: int
    id: str
    count: int
    share: float
    note: str

    @property
    def never(self) -> bool:
        return self.count == 0


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the newest runs show. ``decisions`` counts each time that the table was asked."""

    version: int
    runs: int
    decisions: int
    without: int
    since: datetime | None
    rows: tuple[RowHits, ...]

    @property
    def is_cut(self) -> bool:
        return self.runs == MOST_RUNS

    @property
    def never(self) -> int:
        return sum(each.never for each in self.rows)


def count_hits(asset: Asset) -> Coverage:
    """Return how often each row of the released version decided: three queries."""
    released = asset.released
    assert released is not None
    label = f"{asset.name}@{released.number}"
    runs = _find_runs(asset, released.number)
    hits, decisions, without = _count(list(runs), label)
    rows = tuple(
        RowHits(
            number,
            row["id"],
            hits[row["id"]],
            hits[row["id"]] / decisions if decisions else 0.0,
            row.get("note", ""),
        )
        for number, row in enumerate(released.content.get("rows", []), 1)
    )
    since = min(runs.values(), default=None)
    return Coverage(released.number, len(runs), decisions, without, since, rows)


def _find_runs(asset: Asset, number: int) -> dict[int, datetime]:
    """Return the newest runs of versions that are pinned to this one, with when they began."""
    pinned = f"{asset.kind}/{asset.name}"
    versions = (
        FlowVersion.objects.exclude(pins={}).order_by("-pk").values_list("pk", "flow", "pins")
    )
    chosen = [(pk, flow) for pk, flow, pins in versions.iterator(chunk_size=500)
              if pins.get(pinned) == number][:MOST_VERSIONS]  # fmt: skip
    if not chosen:
        return {}
    # By flow, for the index: a run of one flow has a version of that flow.
    runs = Run.objects.filter(
        flow__in={flow for _, flow in chosen}, version__in=[pk for pk, _ in chosen]
    )
    return dict(runs.order_by("-pk").values_list("pk", "started_at")[:MOST_RUNS])


def _count(runs: list[int], label: str) -> tuple[Counter[str], int, int]:
    found = Journal.objects.filter(
        run__in=runs, kind=events.STEP_FINISHED, provenance__table=label
    ).values_list("provenance__rows", flat=True)
    hits: Counter[str] = Counter()
    decisions = without = 0
    for rows in found.iterator(chunk_size=1_000):
        decisions += 1
        without += not rows
        hits.update(rows or ())
    return hits, decisions, without
