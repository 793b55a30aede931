"""Backtests and their rows, and the runs that one plays."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from flows.backtest.models import Backtest, BacktestRun, RunKind
from flows.graph.codec import parse
from flows.graph.diff import diff
from flows.models import Flow, RunStatus
from flows.selectors.run_filters import RunFilters
from flows.selectors.runs import list_runs
from workbench.accounts.permissions import Reach, can
from workbench.http.numbers import number_in

Json = Any
Matrix = Mapping[str, Mapping[str, int]]  # runs by the verdict of baseline, then of draft
PAGE = 50
_ENDED = frozenset({RunStatus.COMPLETED, RunStatus.FAILED})


def choose_runs(flow: Flow, filters: RunFilters, *, most: int) -> list[int]:
    """Return the newest runs that show an outcome: ended, or waiting for a person.

    Cancelled runs tell nothing about the flow. One query for each 500 runs.
    """
    here = Reach(everywhere=False, scopes=frozenset({(flow.name, "")}))
    found: list[int] = []
    before: int | None = None
    while len(found) < most:
        page = list_runs(filters, within=here, before=before, page_size=min(most, 500))
        found += [row.run.pk for row in page.rows if _shows_outcome(row)]
        if page.next_before is None:
            break
        before = page.next_before
    return found[:most]


def _shows_outcome(row: Any) -> bool:
    if row.run.version.part:
        return False
    return row.run.status in _ENDED or row.state == "waiting_for_person"


def list_backtests(flow: Flow) -> QuerySet[Backtest]:
    """Return the backtests of a flow, newest first, without their documents: one query."""
    found = Backtest.objects.filter(flow=flow).select_related("created_by", "baseline")
    return found.defer("document", "baseline__document").order_by("-pk")


def get_newest_of_draft(flow: Flow) -> Backtest | None:
    """Return the newest backtest of the present draft: one query."""
    return list_backtests(flow).filter(draft_revision=flow.draft_revision).first()


def may_see_backtest(user: Any, rest: str) -> bool:
    """Return True if the person may see the backtest whose id is ``rest``."""
    number = number_in(rest)
    found = Backtest.objects.none() if number is None else Backtest.objects.filter(pk=number)
    flow = found.values_list("flow__name", flat=True).first()
    return flow is not None and can(user, "runs.view", flow=flow)


@dataclass(frozen=True, slots=True)
class RowFilter:
    """``only`` is a kind, ``noisy``, ``differs`` or ""; the other two are verdicts, or ""."""

    only: str = ""
    before: str = ""
    after: str = ""


def list_rows(
    backtest: Backtest, wanted: RowFilter, *, beyond: int = 0, most: int = PAGE
) -> tuple[list[BacktestRun], bool]:
    """Return rows by run id, after ``beyond``, and whether there are more: one query."""
    rows = BacktestRun.objects.filter(
        _kind_condition(wanted.only), backtest=backtest, run_id__gt=beyond
    )
    if wanted.before:
        rows = rows.filter(lanes__baseline__verdict=wanted.before)
    if wanted.after:
        rows = rows.filter(lanes__draft__verdict=wanted.after)
    found = list(rows.order_by("run_id")[: most + 1])
    return found[:most], len(found) > most


def _kind_condition(only: str) -> Q:
    if only in RunKind.values:
        return Q(kind=only)
    if only == "noisy":
        return Q(noisy=True)
    return ~Q(kind__in=[RunKind.SAME, RunKind.UNANSWERED]) if only == "differs" else Q()


def list_flipped_runs(backtest: Backtest) -> list[int]:
    """Return the runs that have another outcome under the draft: one query."""
    rows = BacktestRun.objects.filter(backtest=backtest, kind=RunKind.FLIPPED)
    return list(rows.order_by("run_id").values_list("run_id", flat=True))


# --- For the canvas -----------------------------------------------------------------------


def get_marks(backtest: Backtest) -> dict[str, Json]:
    """Return the canvas's marks: what the draft adds to and changes in the baseline."""
    if backtest.baseline is None:
        return {"steps": {}, "edges": {}}
    found = diff(parse(backtest.baseline.document), parse(backtest.document))
    steps = dict.fromkeys(found.changed, "changed") | dict.fromkeys(found.added, "added")
    return {"steps": steps, "edges": {str(edge): "added" for edge in found.edges_added}}


def get_statuses(backtest: Backtest) -> dict[str, Json]:
    """Return the canvas's statuses: how many runs take each step and edge, now and before."""
    summary, document = backtest.summary, backtest.document
    first = summary.get("first", {})
    steps = {
        step: _step_status(counts, first.get(step, 0))
        for step, counts in summary.get("steps", {}).items()
        if step in document.get("steps", {})
    }
    edges = {}
    for edge in document.get("edges", ()):
        before, after = summary.get("exits", {}).get(edge.partition(" -> ")[0], [0, 0])
        if after:
            edges[edge] = {"state": "taken", "count": after}
        elif before:
            edges[edge] = {"count": 0}
    return {"steps": steps, "edges": edges}


def _step_status(counts: Sequence[int], first: int) -> Mapping[str, Json]:
    before, after = counts
    change = f"{after - before:+,}" if after != before else "as before"
    note = f"{after:,} visits, {change}"
    if first:
        return {"state": "warning", "note": f"{note}; {first:,} differ first here"}
    return {"state": "done" if after else "skipped", "note": note}


# --- For the page -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the baseline and of the draft. ``kind`` determines how it is shown."""

    label: str
    kind: str
    before: float
    after: float

    @property
    def change(self) -> float:
        return self.after - self.before


def list_figures(backtest: Backtest) -> list[Figure]:
    """Return the share of runs that people see, how often they are asked, duration and cost."""
    lanes, runs = backtest.summary["lanes"], max(1, count_compared(backtest))
    before, after = lanes["baseline"], lanes["draft"]
    return [
        Figure(
            "Runs that people see", "percent",
            100 * before["people_runs"] / runs, 100 * after["people_runs"] / runs,
        ),
        Figure("Times people are asked", "count", before["people"], after["people"]),
        Figure(
            "Machine time of a run", "seconds", before["seconds"] / runs, after["seconds"] / runs
        ),
        Figure("Cost of models", "cost", before["cost"], after["cost"]),
    ]  # fmt: skip


def count_compared(backtest: Backtest) -> int:
    """Return how many runs were played to an end in both lanes."""
    summary = backtest.summary
    return int(summary["runs"] - summary["kinds"].get(RunKind.UNANSWERED, 0))


@dataclass(frozen=True, slots=True)
class AnswerCounts:
    """Where the answers of models came from. ``price`` is about what the missing ones would cost,
    None if nothing tells."""

    recorded: int = 0
    asked: int = 0
    missing: int = 0
    stale: int = 0
    price: float | None = None

    @property
    def total(self) -> int:
        return self.recorded + self.asked + self.missing


def count_answers(backtest: Backtest) -> AnswerCounts:
    """Return the counts of its summary; an old one has none."""
    kept = dict(backtest.summary.get("answers") or {})
    priced, price = kept.pop("priced", 0), kept.pop("price", 0.0)
    missing = kept.get("missing", 0)
    return AnswerCounts(**kept, price=price * missing / priced if priced else None)


def build_verdict_table(backtest: Backtest) -> dict[str, Json]:
    """Return ``{columns, rows: [{verdict, cells: [{verdict, count, same}], total}]}``.

    Rows are the baseline's verdicts, columns the draft's, both in the same order, largest first.
    """
    matrix: Matrix = backtest.summary["matrix"]
    order = _order_verdicts(matrix)
    columns = [each for each in order if any(each in row for row in matrix.values())]
    rows = [
        {
            "verdict": before,
            "cells": [
                {"verdict": after, "count": matrix[before].get(after, 0), "same": before == after}
                for after in columns
            ],
            "total": sum(matrix[before].values()),
        }
        for before in order
        if before in matrix
    ]
    totals = [sum(row.get(each, 0) for row in matrix.values()) for each in columns]
    return {"columns": columns, "rows": rows, "totals": totals}


def _order_verdicts(matrix: Matrix) -> list[str]:
    counts: Counter[str] = Counter()
    for before, row in matrix.items():
        for after, count in row.items():
            counts[before] += count
            counts[after] += count
    return sorted(counts, key=lambda verdict: (-counts[verdict], verdict))
