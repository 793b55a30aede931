"""Budgets and costs over HTTP."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router, Schema, Status
from pydantic import Field

from flows.costs import services
from flows.costs.budgets import (
    BudgetKey,
    BudgetSettings,
    BudgetState,
    describe_budgets,
    find_budget,
    list_states,
    settings_of,
)
from flows.costs.editables import BUDGET
from flows.costs.figures import (
    BY_DAY,
    Order,
    count_unanswered,
    list_outcomes,
    list_sums,
    sum_all,
)
from flows.costs.periods import PeriodUnfit, read_period
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.permissions import reach
from workbench.http.preconditions import edits, shows
from workbench.http.problems import ApiProblem, map_error
from workbench.http.schemas import Page, whole_page
from workbench.http.sign_in import actor_of

router = Router(tags=["costs"])
Kind = Literal["connection", "flow", "all"]
Name = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9_-]{1,80}$", description="Of `all` it is a dash: `-`.")
]
Span = Literal["run", "day", "month"]

map_error(services.BudgetUnknown, status=404, code="not-found", remedy="GET /budgets lists them.")


class BudgetIn(BudgetSettings):
    """What is left out is set to what it begins with."""


class BudgetOut(Schema):
    payer: str = Field(description="connection, flow, or all.")
    name: str = Field(description="Of the connection or flow; empty for all.")
    period: str = Field(description="run (each on its own), day or month, in UTC.")
    amount: float
    warn_at: float
    when_reached: str
    spent: float | None = Field(description="In its period of now; null for each run.")
    share: float | None = Field(description="Of the amount.")
    state: str = Field(description="ok, near (from `warn_at` on) or reached.")
    changed_at: datetime
    changed_by: str
    revision: str


class CostSumOut(Schema):
    cost: float
    calls: int
    input_tokens: int
    output_tokens: int


class CostRowOut(CostSumOut):
    without_run: bool = Field(description="Paid by tests and trials.")


class CostOfDayOut(CostRowOut):
    day: date


class CostOfConnectionOut(CostRowOut):
    connection: str


class CostOfFlowOut(CostRowOut):
    flow: str = Field(description="Empty for tests of prompts and tries of a connection.")


class CostOfStepOut(CostOfFlowOut):
    step: str = Field(description="Empty without a run.")


class CostOfOutcomeOut(Schema):
    flow: str
    outcome: str
    runs: int
    mean: float
    cost: float


class CostsOut(CostSumOut):
    unknown_calls: int = Field(
        description="Given up, or lost with a worker, before it was known what they cost."
    )
    first: date = Field(description="The first day, in UTC.")
    last: date
    days: list[CostOfDayOut] = Field(description="Days on which something was paid.")
    connections: list[CostOfConnectionOut] = Field(description="The 500 that cost most, as below.")
    flows: list[CostOfFlowOut]
    steps: list[CostOfStepOut]
    outcomes: list[CostOfOutcomeOut] = Field(
        description="Of ended runs, with what they led to; of the newest 20,000 payments."
    )


class CostQuery(Schema):
    days: str = Field("", description="7, 30 or 90, until today; 30 by default.")
    first: str = Field("", alias="from", description="The first day, such as 2026-03-01.")
    last: str = Field("", alias="to", description="The last day.")


def _identify(request: HttpRequest, given: Any) -> tuple[str, str, str]:
    key = BudgetKey.read(given["payer"], given["name"], given["period"])
    return key.payer, key.name, key.period


@router.get("/costs", response=CostsOut, operation_id="get_costs")
@requires("insights.view", scope="rows")
def get_costs(request: HttpRequest, wanted: Query[CostQuery]) -> dict[str, Any]:
    """Return what models have cost, of the flows whose insights you may see."""
    asked = {"days": wanted.days, "from": wanted.first, "to": wanted.last}
    try:
        period = read_period(asked, timezone.now())
    except PeriodUnfit as error:
        raise ApiProblem(422, "period-unfit", str(error), "Correct days, from or to.") from error
    found = reach(principal_of(request), "insights.view")
    total = sum_all(period, found)
    return {
        "unknown_calls": count_unanswered(period, found),
        "first": period.first,
        "last": period.last,
        **{name: getattr(total, name) for name in CostSumOut.model_fields},
        "days": list_sums("days", period, found, BY_DAY),
        **{
            table: list_sums(table, period, found, Order())
            for table in ("connections", "flows", "steps")
        },
        "outcomes": list_outcomes(period, found, Order()),
    }


@router.get("/budgets", response=Page[BudgetOut], operation_id="list_budgets")
@requires("connections.view", scope="installation")
def list_budgets(request: HttpRequest) -> dict[str, Any]:
    """List the budgets, and how much is spent of each."""
    return whole_page(_out(state) for state in list_states(timezone.now()))


@router.get("/budgets/{payer}/{name}/{period}", response=BudgetOut, operation_id="get_budget")
@requires("connections.view", scope="installation")
@shows(BUDGET)
def get_budget(request: HttpRequest, payer: Kind, name: Name, period: Span) -> dict[str, Any]:
    """Return a budget, and how much of it is spent."""
    row = find_budget(BudgetKey.read(payer, name, period))
    if row is None:
        raise Http404("There is no such budget.")
    return _out(describe_budgets([row], timezone.now())[0])


@router.put("/budgets/{payer}/{name}/{period}", response=BudgetOut, operation_id="set_budget")
@requires("connections.manage", scope="installation")
@edits(BUDGET, _identify, creates=True)
def set_budget(
    request: HttpRequest, payer: Kind, name: Name, period: Span, body: BudgetIn
) -> dict[str, Any]:
    """Set a budget, or change it."""
    now = timezone.now()
    settings = BudgetSettings.model_construct(**dict(body))
    key = BudgetKey.read(payer, name, period)
    try:
        row = services.set_budget(key=key, settings=settings, actor=actor_of(request), now=now)
    except services.BudgetInvalid as error:
        found = [{"at": error.field, "message": error.problem}]
        raise ApiProblem(
            422, "budget-invalid", error.message, "Correct what errors names.", found
        ) from error
    return _out(describe_budgets([row], now)[0])


@router.delete(
    "/budgets/{payer}/{name}/{period}", response={204: None}, operation_id="remove_budget"
)
@requires("connections.manage", scope="installation")
@edits(BUDGET, _identify)
def remove_budget(request: HttpRequest, payer: Kind, name: Name, period: Span) -> Status[None]:
    """Remove a budget, so that it stops nothing any more."""
    key = BudgetKey.read(payer, name, period)
    services.remove_budget(key=key, actor=actor_of(request), now=timezone.now())
    return Status(204, None)


def _out(state: BudgetState) -> dict[str, Any]:
    row = state.budget
    return {
        "payer": row.payer,
        "name": row.name,
        "period": row.period,
        **settings_of(row),
        "spent": None if state.spent is None else float(state.spent),
        "share": state.share,
        "state": state.state,
        "changed_at": row.changed_at,
        "changed_by": row.changed_by,
        "revision": BUDGET.revision_of(row),
    }
