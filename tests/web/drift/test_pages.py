"""The pages of data, and learning a contract from recorded runs."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from flows.assets.kinds import get_kind
from flows.assets.models import Asset
from flows.drift.clock import figure_days
from flows.models import Flow
from tests.factories.contracts import make_contract, make_fees, record_outputs
from tests.factories.flows import make_flow
from tests.factories.people import make_person, signed_in
from tests.web.api import Api
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def dora() -> Client:
    return signed_in(make_person("dora", Role.DESIGNER))


@pytest.fixture
def flow() -> Flow:
    return make_flow("loan")


def yesterday() -> Any:
    return timezone.now().date() - DAY


def figure(flow: Flow, mean: float = 20) -> Asset:
    asset = make_contract(learned_from=make_fees(400))
    record_outputs(flow, yesterday(), make_fees(60, seed=2), model="old")
    record_outputs(flow, yesterday() - DAY, make_fees(60, mean=mean), trigger="webhook")
    while figure_days(timezone.now()):
        pass
    return asset


def page(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return answer.content.decode()


def test_the_pages_say_what_to_do_where_there_is_nothing(dora: Client) -> None:
    assert "Learn a contract" in page(dora, "/insights/data/")
    make_contract()
    assert "Not compared yet" in page(dora, "/insights/data/")
    assert "Not compared yet" in page(dora, "/insights/data/fees/")


def test_a_contract_shows_each_field_by_day_with_a_table_behind_the_chart(
    dora: Client, flow: Flow
) -> None:
    figure(flow, mean=40)
    shown = page(dora, "/insights/data/fees/?days=7")
    assert shown.count('<svg class="drift-chart"') == 1
    assert shown.count('class="bar breach"') == 1
    assert "Breaks the contract: " in shown
    assert "As a table" in shown
    assert "style=" not in shown.split("<main")[1]
    part = page(dora, "/insights/data/fees/?days=7&part=model:old+1")
    assert "Model old 1</h2>" in part
    assert 'class="bar breach"' not in part
    assert "All outputs</h2>" in page(dora, "/insights/data/fees/?part=model:none")


def test_the_list_names_the_newest_day_and_what_breaks(dora: Client, flow: Flow) -> None:
    figure(flow)
    assert "Kept" in page(dora, "/insights/data/")


def test_an_odd_period_is_refused_and_what_one_may_not_see_is_not_there(
    dora: Client, flow: Flow
) -> None:
    figure(flow)
    assert "Ask for 7, 30 or 90 days" in page(dora, "/insights/data/fees/?days=8", 422)
    page(dora, "/insights/data/none/", 404)
    olga = signed_in(make_person("olga", Role.DESIGNER, flow="other"))
    page(olga, "/insights/data/fees/", 404)
    assert "Fees" not in page(olga, "/insights/data/").split("<main")[1]


def test_a_contract_is_learned_as_a_draft_edited_and_published(dora: Client, flow: Flow) -> None:
    record_outputs(flow, yesterday(), make_fees(60))
    assert 'value="loan:fee"' in page(dora, "/contracts/learn/")
    given = {"of": "loan:fee", "first": f"{yesterday()}", "last": f"{yesterday()}", "name": "fees"}
    answer = dora.post("/contracts/learn/", given)
    assert (answer.status_code, answer["Location"]) == (302, "/contracts/fees/edit/")
    asset = Asset.objects.get(kind="contract", name="fees")
    assert asset.released is None
    [field] = asset.draft["fields"]
    assert (field["path"], field["type"], field["reference"]["count"]) == ("fee", "number", 60)
    assert dora.post("/contracts/learn/", {**given, "name": ""}).status_code == 302
    assert Asset.objects.filter(kind="contract", name="loan-fee").exists()
    again = dora.post("/contracts/learn/", given)
    assert again.status_code == 422
    assert "Choose another name" in again.content.decode()
    shown = page(dora, "/contracts/fees/edit/")
    assert "learned" in shown
    posted = {
        "title": "Fees", "flow": "loan", "step": "fee", "psi_at_least": "0.3", "ks_at_least": "0.2",
        "window_days": "7", "field-rows": "1", "field-0-path": "fee", "field-0-type": "number",
        "field-0-highest": "45.5", "field-0-missing": "2.5", "revision": "1",
    }  # fmt: skip
    assert dora.post("/contracts/fees/edit/", posted).status_code == 302
    asset.refresh_from_db()
    [edited] = asset.draft["fields"]
    assert edited == {
        "path": "fee", "type": "number", "highest": 45.5, "missing_at_most": 0.025,
        "reference": field["reference"],
    }  # fmt: skip
    assert asset.draft["drift"] == {"psi_at_least": 0.3, "ks_at_least": 0.2, "window_days": 7}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "gave 3 outputs"),
        ({"first": "2026-03-02", "last": "2026-03-01"}, "after the last"),
        ({"first": "2020-01-01"}, "over 366 days"),
        ({"of": "secret:step"}, "not one of the available choices"),
    ],
)
def test_what_cannot_be_learned_is_said_at_its_field(
    dora: Client, flow: Flow, changes: dict[str, str], said: str
) -> None:
    record_outputs(flow, yesterday(), make_fees(3))
    given = {"of": "loan:fee", "first": f"{yesterday()}", "last": f"{yesterday()}", "name": "fees"}
    answer = dora.post("/contracts/learn/", {**given, **changes})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Asset.objects.filter(kind="contract").exists()


def test_the_api_gives_figures_and_proposals(flow: Flow) -> None:
    figure(flow, mean=40)
    api = Api(Role.DESIGNER, scopes=["insights.view", "runs.view"])
    answer = api.get("/contracts/fees/figures?days=7").json()
    assert answer["next"] is None
    first, second, *_ = [each for each in answer["items"] if each["outputs"]]
    assert (first["said"] != [], second["said"]) == (True, [])
    assert api.get("/contracts/fees/figures?part=model:old%201").json()["items"][0]["outputs"] == 60
    assert api.get("/contracts/fees/figures?part=model:x").status_code == 404
    assert api.get("/contracts/none/figures").status_code == 404
    assert api.get("/contracts/fees/figures?days=9").status_code == 422
    proposal = api.get("/flows/loan/steps/fee/contract-proposal?days=7").json()
    assert proposal["fields"][0]["path"] == "fee"
    assert api.get("/flows/none/steps/fee/contract-proposal").status_code == 404
    assert api.get("/flows/loan/steps/none/contract-proposal").status_code == 422


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ({"path": "a", "lowest": 3, "highest": 2}, "The least is above the most."),
        ({"path": "a", "type": "text", "lowest": 3}, "A text has none."),
        ({"path": "b"}, "is there twice"),
        ({"path": "a", "reference": {"count": 3, "points": [2, 1], "at_most": [1, 3]}},
         "It does not count up."),
    ],
)  # fmt: skip
def test_a_contract_that_contradicts_itself_is_not_published(field: Any, said: str) -> None:
    asset = make_contract(released=False, fields=[{"path": "b"}, field])
    assert said in "\n".join(map(str, get_kind("contract").check(asset.draft)))


def test_two_contracts_are_compared_by_field() -> None:
    before, after = (
        make_contract(name, released=False, fields=fields).draft
        for name, fields in (
            ("one", [{"path": "a", "highest": 3}]),
            ("two", [{"path": "a", "highest": 4}, {"path": "b"}]),
        )
    )
    labels = [each.label for each in get_kind("contract").diff(before, after)]
    assert labels == ["Field a", "Field b"]


def test_a_name_that_is_that_of_a_page_is_refused(dora: Client, flow: Flow) -> None:
    record_outputs(flow, yesterday(), make_fees(30))
    given = {"of": "loan:fee", "first": f"{yesterday()}", "last": f"{yesterday()}", "name": "learn"}
    answer = dora.post("/contracts/learn/", given)
    assert answer.status_code == 422
    assert "another page" in answer.content.decode()


def test_a_contract_is_learned_anew_over_the_draft_that_was_seen_and_over_no_other(
    dora: Client, flow: Flow
) -> None:
    asset = make_contract()
    record_outputs(flow, yesterday(), make_fees(60))
    assert 'value="loan:fee" selected' in page(dora, "/contracts/fees/learn/")
    given = {"of": "loan:fee", "first": f"{yesterday()}", "last": f"{yesterday()}"}
    dora.post("/contracts/fees/learn/", {**given, "revision": "7"})
    asset.refresh_from_db()
    assert "reference" not in asset.draft["fields"][0]
    answer = dora.post("/contracts/fees/learn/", {**given, "revision": "1"})
    assert (answer.status_code, answer["Location"]) == (302, "/contracts/fees/edit/")
    asset.refresh_from_db()
    assert asset.draft["fields"][0]["reference"]["count"] == 60
    assert asset.draft["description"] == "What the fee is."
    early = {**given, "first": "2026-01-01", "last": "2026-01-02", "revision": "2"}
    assert dora.post("/contracts/fees/learn/", early).status_code == 422
