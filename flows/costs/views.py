"""What models cost: the page, and each of its tables as a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from flows.costs.charts import draw_days
from flows.costs.exports import write_csv
from flows.costs.figures import (
    BY_DAY,
    COLUMNS,
    MOST_CHARGES,
    MOST_ROWS,
    WITHOUT_RUN,
    Order,
    Row,
    count_unanswered,
    fill_days,
    list_outcomes,
    list_sums,
    list_titles,
    sum_all,
)
from flows.costs.periods import CHOICES, Period, PeriodUnfit, read_period
from workbench.accounts.gate import requires
from workbench.accounts.permissions import Reach, reach

LABELS: Mapping[str, str] = {
    "day": "Day",
    "connection": "Connection",
    "flow": "Flow",
    "step": "Step",
    "outcome": "Outcome",
    "runs": "Runs",
    "mean": "Cost of a run",
    "cost": "Cost",
    "calls": "Calls",
    "input_tokens": "Tokens in",
    "output_tokens": "Tokens out",
}
TITLES: Mapping[str, str] = {
    "connections": "By connection",
    "flows": "By flow",
    "steps": "By step",
    "outcomes": "By outcome",
}
NAMES = frozenset({"day", "connection", "flow", "step", "outcome"})
TESTS, NO_FLOW = "tests and trials", "No flow"
MONEY = frozenset({"cost", "mean"})


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's head: ``sorted`` is the value of aria-sort, ``link`` sorts by it."""

    name: str
    label: str
    sorted: str
    link: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """``kind`` is ``name``, ``money`` or ``count``; ``note`` says more of a name."""

    kind: str
    label: str
    value: Any
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    title: str
    headings: Sequence[Heading]
    rows: Sequence[Sequence[Cell]]
    file: str
    is_cut: bool


@requires("insights.view", scope="rows")
@require_GET
def costs(request: HttpRequest) -> HttpResponse:
    now, asked = timezone.now(), request.GET
    try:
        period = read_period(asked.dict(), now)
    except PeriodUnfit as error:
        context = {"unfit": str(error), "choices": CHOICES, "asked": asked}
        return render(request, "costs/costs.html", context, status=422)
    context = {"choices": CHOICES, "asked": asked, **_describe(request, period, now)}
    return render(request, "costs/costs.html", context)


def _describe(request: HttpRequest, period: Period, now: datetime) -> dict[str, Any]:
    found = reach(request.user, "insights.view")
    total = sum_all(period, found)
    unanswered = count_unanswered(period, found)
    context = {
        "period": period,
        "total": total,
        "unanswered": unanswered,
        "is_narrowed": not found.everywhere,
    }
    if not total.calls:
        return context
    by_day = list_sums("days", period, found, BY_DAY)
    days = fill_days(by_day, period)
    orders = {name: Order.read(name, request.GET.get(name, "")) for name in TITLES}
    rows = {name: list_rows(name, period, found, order) for name, order in orders.items()}
    titles = list_titles([row["flow"] for row in rows["flows"]])
    return {
        **context,
        "by_day": by_day,
        "chart": draw_days(days),
        "a_day": total.cost / len(days),
        "a_call": total.cost / total.calls,
        "tables": [_make_table(name, period, orders, rows[name], titles) for name in TITLES],
        "most_charges": MOST_CHARGES if total.calls > MOST_CHARGES else 0,
    }


def list_rows(table: str, period: Period, found: Reach, order: Order) -> list[Row]:
    """Return the rows of any table of the page. One query."""
    if table == "outcomes":
        return list_outcomes(period, found, order)
    return list_sums(table, period, found, order)


def _make_table(
    name: str,
    period: Period,
    orders: Mapping[str, Order],
    rows: Sequence[Row],
    titles: Mapping[str, str],
) -> Table:
    shown = [column for column in COLUMNS[name] if column != WITHOUT_RUN]
    return Table(
        name,
        TITLES[name],
        [_make_heading(name, column, period, orders) for column in shown],
        [[_make_cell(column, row, titles) for column in shown] for row in rows],
        f"{name}.csv?{period.query}&order={orders[name]}",
        len(rows) == MOST_ROWS,
    )


def _make_heading(table: str, column: str, period: Period, orders: Mapping[str, Order]) -> Heading:
    """Sorting by a column again turns it round; a name begins with A, a number with the most."""
    now = orders[table]
    is_this, is_number = now.column == column, column not in NAMES
    turned = Order(column, not now.descending if is_this else is_number)
    asked = {name: str(order) for name, order in orders.items() if order != Order()}
    query = urlencode({**asked, table: str(turned)})
    direction = "descending" if now.descending else "ascending"
    return Heading(
        column,
        LABELS[column],
        direction if is_this else "",
        f"?{period.query}&{query}#by-{table}",
        is_number,
    )


def _make_cell(column: str, row: Row, titles: Mapping[str, str]) -> Cell:
    value, label = row[column], LABELS[column]
    if column == "step" and not value:
        return Cell("name", label, "", TESTS)
    if column == "flow":
        # Of a table of steps the step says it.
        note = TESTS if row.get(WITHOUT_RUN) and "step" not in row else ""
        return Cell("name", label, titles.get(value, value) or NO_FLOW, note)
    if column == "connection":
        return Cell("name", label, value, TESTS if row[WITHOUT_RUN] else "")
    kind = "name" if column in NAMES else "money" if column in MONEY else "count"
    return Cell(kind, label, value)


@requires("insights.view", scope="rows")
@require_GET
def costs_csv(request: HttpRequest, table: str) -> HttpResponse:
    """Return a table as CSV, in the order that ``order`` asks for."""
    if table not in COLUMNS:
        raise Http404(f"There is no table {table}.")
    try:
        period = read_period(request.GET.dict(), timezone.now())
    except PeriodUnfit as error:
        return HttpResponse(str(error), status=422, content_type="text/plain; charset=utf-8")
    found = reach(request.user, "insights.view")
    usual = str(BY_DAY) if table == "days" else ""
    order = Order.read(table, request.GET.get("order", usual))
    text = write_csv(table, list_rows(table, period, found, order))
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    name = f"cost-{table}-{period.first}-{period.last}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
