"""Backtests over HTTP."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field

from flows.api.finding import Id, find_flow
from flows.backtest import services
from flows.backtest.models import Backtest, BacktestRun
from flows.backtest.selectors import (
    RowFilter,
    choose_runs,
    count_answers,
    list_backtests,
    list_rows,
)
from flows.models import Flow
from flows.selectors.run_filters import RunFilters
from workbench.accounts.gate import requires
from workbench.http.problems import ApiProblem, map_error
from workbench.http.schemas import (
    MOST_ROWS,
    Page,
    Strict,
    decode_cursor,
    encode_cursor,
    page_by_id,
)
from workbench.http.sign_in import actor_of, person_of

Json = Any
router = Router(tags=["backtests"])

map_error(services.NoRuns, status=409, code="no-runs", remedy="Widen the filter.")
map_error(services.BacktestEnded, status=409, code="backtest-ended", remedy="Start another one.")


class BacktestIn(Strict):
    """The recorded runs over which the draft is played, and how models answer."""

    runs: int = Field(500, ge=1, le=services.MOST_RUNS, description="How many of the last runs.")
    version: int | None = Field(None, ge=1, le=2**31 - 1)
    state: Literal["", "completed", "failed", "waiting"] = ""
    outcome: str = Field("", max_length=80)
    started_from: datetime | None = None
    started_to: datetime | None = None
    models: Literal["recorded", "again"] = "recorded"
    calls: int = Field(
        0, ge=0, le=services.MOST_CALLS, description="How often models may be called."
    )
    cost: float = Field(0, ge=0, description="No call begins past this cost; 0 is no limit.")
    again: int | None = Field(
        None, ge=1, le=2**63 - 1,
        description="An earlier backtest: its document and runs are played, to ask what it lacks.",
    )  # fmt: skip


class AnswersOut(Schema):
    recorded: int = Field(description="Questions whose answer was on record.")
    asked: int
    missing: int = Field(description="Their runs are of the kind `unanswered`.")
    stale: int = Field(description="Recorded before the model's connection was last changed.")
    price: float | None = Field(description="About what asking the missing ones would cost.")


class BacktestOut(Schema):
    id: int
    state: str = Field(description="running, completed, cancelled or failed.")
    draft_revision: int
    baseline_version: int | None = Field(
        description="Played beside the draft; null without a release."
    )
    chosen: str
    total: int
    done: int
    calls_made: int
    calls_allowed: int
    cost: float
    cost_allowed: float
    answers: AnswersOut
    summary: dict[str, Any] = Field(
        description="kinds, matrix[baseline][draft], lanes, first, steps, exits, assumed, noisy; "
        "but for kinds and answers, of runs that are not `unanswered`."
    )
    created_at: datetime
    finished_at: datetime | None


class BacktestLaneOut(Schema):
    verdict: str
    people: int
    seconds: float
    cost: float
    path: list[str]
    assumed: list[str]
    problem: str


class BacktestRunOut(Schema):
    run: int
    kind: str = Field(description="flipped, rerouted, changed, same or unanswered.")
    noisy: bool = Field(description="The baseline itself differs from the record.")
    first_step: str
    recorded: BacktestLaneOut
    baseline: BacktestLaneOut
    draft: BacktestLaneOut


@router.get("/flows/{name}/backtests", response=Page[BacktestOut], operation_id="list_backtests")
@requires("runs.view", scope="flow:name")
def list_all(request: HttpRequest, name: str, cursor: str = "", limit: int = 50) -> dict[str, Any]:
    """List the backtests of a flow, newest first."""
    return page_by_id(
        list_backtests(find_flow(name)), cursor=cursor, limit=limit, to_item=_backtest_out
    )


@router.post("/flows/{name}/backtests", response={201: BacktestOut}, operation_id="start_backtest")
@requires("flows.edit", scope="flow:name")
def start(request: HttpRequest, name: str, body: BacktestIn) -> Status[Any]:
    """Start to play the draft over recorded runs; read it until its state is not running."""
    flow = find_flow(name)
    earlier = _find_backtest(name, body.again) if body.again else None
    if earlier is not None:
        choice = services.choose_again(earlier, calls=body.calls, cost=body.cost)
    else:
        choice = _choose(flow, body)
    started = services.start_backtest(
        flow=flow, choice=choice, author=person_of(request), actor=actor_of(request),
        now=timezone.now(), document=earlier.document if earlier else None,
    )  # fmt: skip
    return Status(201, _backtest_out(started))


def _choose(flow: Flow, body: BacktestIn) -> services.Choice:
    filters = RunFilters(
        flow=flow.name, version=body.version, state=body.state, outcome=body.outcome,
        started_from=body.started_from, started_to=body.started_to,
    )  # fmt: skip
    return services.Choice(
        choose_runs(flow, filters, most=body.runs),
        f"the last {body.runs:,} runs, by API",
        ask_again=body.models == "again",
        calls_allowed=body.calls,
        cost_allowed=body.cost,
    )


@router.get(
    "/flows/{name}/backtests/{backtest_id}", response=BacktestOut, operation_id="get_backtest"
)
@requires("runs.view", scope="flow:name")
def get_one(request: HttpRequest, name: str, backtest_id: Id) -> dict[str, Any]:
    """Return a backtest: its progress, and its results so far."""
    return _backtest_out(_find_backtest(name, backtest_id))


@router.get(
    "/flows/{name}/backtests/{backtest_id}/runs",
    response=Page[BacktestRunOut],
    operation_id="list_backtest_runs",
)
@requires("runs.view", scope="flow:name")
def list_runs_of(
    request: HttpRequest,
    name: str,
    backtest_id: Id,
    only: Literal[
        "", "flipped", "rerouted", "changed", "same", "unanswered", "noisy", "differs"
    ] = "",
    cursor: str = "",
    limit: int = 50,
) -> dict[str, Any]:
    """List the runs that were played, by id, each with its three lanes."""
    if not 1 <= limit <= MOST_ROWS:
        raise ApiProblem(
            422, "limit-out-of-range", f"limit is {limit}.", f"Ask for 1 to {MOST_ROWS} rows."
        )
    beyond = decode_cursor(cursor) if cursor else 0
    if type(beyond) is not int or not 0 <= beyond < 2**63:
        raise ApiProblem(422, "cursor-invalid", "That is not a cursor.", "Pass `next` of a page.")
    rows, more = list_rows(
        _find_backtest(name, backtest_id), RowFilter(only), beyond=beyond, most=limit
    )
    following = encode_cursor(rows[-1].run_id) if more else None
    return {"items": [_row_out(row) for row in rows], "next": following}


@router.post(
    "/flows/{name}/backtests/{backtest_id}/cancel",
    response=BacktestOut,
    operation_id="cancel_backtest",
)
@requires("flows.edit", scope="flow:name")
def cancel(request: HttpRequest, name: str, backtest_id: Id) -> dict[str, Any]:
    """Stop a backtest; its results so far are kept."""
    backtest = _find_backtest(name, backtest_id)
    actor = actor_of(request)
    services.cancel_backtest(backtest_id=backtest.pk, actor=actor, now=timezone.now())
    return _backtest_out(_find_backtest(name, backtest_id))


def _find_backtest(name: str, backtest_id: int) -> Backtest:
    found = list_backtests(find_flow(name)).filter(pk=backtest_id).first()
    if found is None:
        raise Http404(f"Flow {name} has no backtest {backtest_id}.")
    return found


def _backtest_out(backtest: Backtest) -> dict[str, Any]:
    return {
        "id": backtest.pk,
        "state": backtest.state,
        "draft_revision": backtest.draft_revision,
        "baseline_version": backtest.baseline.number if backtest.baseline else None,
        "chosen": backtest.chosen,
        "total": backtest.total,
        "done": backtest.done,
        "calls_made": backtest.calls_made,
        "calls_allowed": backtest.calls_allowed,
        "cost": backtest.cost,
        "cost_allowed": backtest.cost_allowed,
        "answers": asdict(count_answers(backtest)),
        "summary": backtest.summary,
        "created_at": backtest.created_at,
        "finished_at": backtest.finished_at,
    }


def _row_out(row: BacktestRun) -> dict[str, Any]:
    named = {"run": row.run_id, "kind": row.kind, "noisy": row.noisy, "first_step": row.first_step}
    return {**named, **row.lanes}
