"""Budgets and costs over HTTP."""

from typing import Any

import pytest

from flows.spending.models import Budget
from tests.factories.charges import pay
from tests.factories.connections import make_connection
from tests.factories.flows import make_flow
from tests.factories.runs import make_run
from tests.web.api import V1, Api
from tests.web.pages import problem_of
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
MONTH = "/budgets/connection/risk/month"
SCOPES = ["connections.view", "connections.manage", "insights.view", "runs.view"]


@pytest.fixture
def api() -> Api:
    return Api(Role.ADMIN, scopes=SCOPES)


def test_a_budget_is_set_read_changed_and_removed(api: Api) -> None:
    make_connection()
    made = api.put(MONTH, {"amount": 50})
    assert made.status_code == 200, made.content
    assert made.json()["state"] == "ok"
    pay(make_run(make_flow()), "45")
    found = api.get(MONTH)
    assert (found.json()["state"], found.json()["spent"]) == ("near", 45)
    assert found.json()["share"] == pytest.approx(0.9)
    changed = api.put(MONTH, {"amount": 45, "when_reached": "warn"}, etag=found["ETag"])
    assert changed.json()["state"] == "reached"
    assert changed.json()["when_reached"] == "warn"
    assert api.get("/budgets").json()["next"] is None
    [listed] = api.get("/budgets").json()["items"]
    assert (listed["name"], f'"{listed["revision"]}"') == ("risk", changed["ETag"])
    removed = api.client.delete(f"{V1}{MONTH}", headers={"If-Match": changed["ETag"]})
    assert removed.status_code == 204
    assert problem_of(api.get(MONTH)) == "not-found"


def test_a_budget_for_everything_has_a_dash_for_its_name(api: Api) -> None:
    assert api.put("/budgets/all/-/run", {"amount": 1}).status_code == 200
    row = Budget.objects.get()
    assert (row.payer, row.name, row.period) == ("all", "", "run")
    found = api.get("/budgets/all/-/run").json()
    assert (found["name"], found["spent"], found["state"]) == ("", None, "ok")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/budgets/connection/nowhere/day", {"amount": 1}, "budget-invalid"),
        ("/budgets/flow/nowhere/day", {"amount": 1}, "budget-invalid"),
        ("/budgets/all/risk/day", {"amount": 1}, "budget-invalid"),
        ("/budgets/all/-/day", {"amount": 0.0000001}, "budget-invalid"),
        ("/budgets/all/-/day", {"amount": 0}, None),
        ("/budgets/all/-/day", {"amount": -1}, None),
        ("/budgets/all/-/day", {"amount": "5"}, None),
        ("/budgets/all/-/day", {}, None),
        ("/budgets/all/-/day", {"amount": 1, "warn_at": 2}, None),
        ("/budgets/all/-/day", {"amount": 1, "when_reached": "explode"}, None),
        ("/budgets/all/-/year", {"amount": 1}, None),
        ("/budgets/team/x/day", {"amount": 1}, None),
    ],
)
def test_a_budget_that_does_not_hold_is_refused_with_the_place(
    api: Api, path: str, body: Any, code: str | None
) -> None:
    make_connection()
    answer = api.put(path, body)
    assert answer.status_code == 422
    if code:
        assert problem_of(answer) == code
    assert answer.json()["errors"]
    assert not Budget.objects.exists()


def test_who_only_sees_budgets_sets_none() -> None:
    designer = Api(Role.DESIGNER, scopes=["connections.view"])
    assert designer.get("/budgets").status_code == 200
    assert designer.put("/budgets/all/-/day", {"amount": 1}).status_code == 403
    assert Api(Role.DESIGNER, scopes=["runs.view"]).get("/budgets").status_code == 403


def test_costs_are_those_of_the_reach(api: Api) -> None:
    loan, claim = make_flow("loan"), make_flow("claim")
    pay(make_run(loan, status="completed", outcome="approved"), "0.042", tokens=(7, 3))
    pay(make_run(claim), "2")
    found = api.get("/costs", days="7").json()
    assert found["cost"] == pytest.approx(2.042)
    assert [each["flow"] for each in found["flows"]] == ["claim", "loan"]
    assert len(found["days"]) == 1
    narrow = Api(Role.DESIGNER, scopes=["insights.view"], flow="loan").get("/costs").json()
    assert (narrow["cost"], narrow["calls"], narrow["input_tokens"]) == (0.042, 1, 7)
    assert narrow["outcomes"] == [
        {"flow": "loan", "outcome": "approved", "runs": 1, "mean": 0.042, "cost": 0.042}
    ]
    assert problem_of(api.get("/costs", days="8")) == "period-unfit"
    assert problem_of(api.client.get(f"{V1}/costs?from=soon")) == "period-unfit"


def test_a_run_has_its_cost(api: Api) -> None:
    run = make_run(make_flow())
    pay(run, "0.5", tokens=(7, 3))
    assert api.get(f"/runs/{run.pk}").json()["cost"] == {
        "cost": 0.5,
        "own": 0.5,
        "calls": 1,
        "tokens": 10,
        "connections": [{"connection": "risk", "cost": 0.5, "own": 0.5, "calls": 1, "tokens": 10}],
    }
