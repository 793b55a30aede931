"""How outputs keep to their contracts by day, and what would be learned from recorded runs."""

from datetime import date
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router, Schema
from pydantic import Field

from flows.costs.periods import Period, PeriodUnfit, read_period
from flows.drift.learning import TooFewOutputs, learn_contract
from flows.drift.models import FieldFigure
from flows.drift.selectors import ALL, find_watched, list_figures, list_parts
from flows.models import Flow
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.permissions import reach
from workbench.http.problems import ApiProblem
from workbench.http.schemas import Page, whole_page

router = Router(tags=["data quality"])
Step = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.-]{1,80}$")]


class FieldFigureOut(Schema):
    day: date = Field(description="In UTC: the day on which the runs were started.")
    version: int = Field(description="Of the contract.")
    field: str = Field(description="Dotted; empty for an output that is no object.")
    outputs: int
    missing: int
    broken: int = Field(description="Values outside of what the contract expects.")
    breaches: dict[str, int] = Field(description="Of these by kind: type, range, category, stale.")
    mean: float | None = Field(description="Of numbers; of date-times the age in hours.")
    psi: float | None = Field(description="Null on fewer than 50 values.")
    ks: float | None = Field(description="Of numbers and date-times.")
    said: list[str] = Field(description="What breaks the contract: missing, broken, psi, ks.")


class DaysQuery(Schema):
    days: str = Field("", description="7, 30 or 90, until today; 30 by default.")
    first: str = Field("", alias="from", description="The first day, such as 2026-03-01.")
    last: str = Field("", alias="to", description="The last day.")


class FiguresQuery(DaysQuery):
    part: str = Field(
        "", description="version:NUMBER, model:NAME VERSION or trigger:NAME; empty for all."
    )


class ProposalQuery(DaysQuery):
    version: int | None = Field(None, description="Of the flow; left out: any.", ge=1, le=2**31 - 1)


@router.get(
    "/contracts/{name}/figures", response=Page[FieldFigureOut], operation_id="list_drift_figures"
)
@requires("insights.view", scope="rows")
def get_figures(request: HttpRequest, name: str, wanted: Query[FiguresQuery]) -> dict[str, Any]:
    """List the figures of a released contract by day and field."""
    watched = find_watched(name, reach(principal_of(request), "insights.view"))
    if watched is None:
        raise Http404("There is no released contract of that name that you may see.")
    period = _read_period(wanted)
    by, _, part = wanted.part.partition(":")
    chosen = (by, part) if wanted.part else ALL
    if wanted.part and chosen not in list_parts(watched.asset, period):
        raise Http404("There are no outputs of that part in these days.")
    return whole_page(_out(each) for each in list_figures(watched.asset, period, chosen))


@router.get(
    "/flows/{name}/steps/{step}/contract-proposal",
    response=dict[str, Any],
    operation_id="propose_contract",
)
@requires("runs.view", scope="flow:name")
def propose(
    request: HttpRequest, name: str, step: Step, wanted: Query[ProposalQuery]
) -> dict[str, Any]:
    """Return the content of a contract learned from recorded runs. Nothing is saved."""
    if not Flow.objects.filter(name=name).exists():
        raise Http404("There is no such flow.")
    try:
        return learn_contract(name, step, _read_period(wanted), wanted.version)
    except TooFewOutputs as error:
        raise ApiProblem(422, "too-few-outputs", str(error), "Ask for more days.") from error


def _read_period(wanted: DaysQuery) -> Period:
    asked = {"days": wanted.days, "from": wanted.first, "to": wanted.last}
    try:
        return read_period(asked, timezone.now())
    except PeriodUnfit as error:
        raise ApiProblem(422, "period-unfit", str(error), "Correct days, from or to.") from error


def _out(figure: FieldFigure) -> dict[str, Any]:
    names = FieldFigureOut.model_fields.keys() - {"day", "version"}
    return {
        "day": figure.day.day,
        "version": figure.day.number,
        **{name: getattr(figure, name) for name in names},
    }
