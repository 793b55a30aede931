"""The pages and the API of backtests."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from flows.backtest.models import Backtest
from flows.backtest.services import play_part
from flows.models import Flow
from tests.factories.flows import make_flow
from tests.factories.people import make_person
from tests.factories.runs import make_completed_run
from tests.web.api import Api
from tests.web.pages import text_of
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role
from workbench.people.services import create_token

pytestmark = pytest.mark.django_db
HERE = "/flows/loan/backtests/"


@pytest.fixture
def flow() -> Flow:
    """A flow with three runs that ended as settled, and a draft that ends as refused."""
    flow = make_flow()
    for _ in range(3):
        make_completed_run(flow)
    draft = dict(flow.draft)
    settle = {"type": "end", "with": {"outcome": "refused"}}
    flow.draft = {**draft, "steps": {**draft["steps"], "settle": settle}}
    flow.save()
    return flow


def played(client: Client, **form: str) -> Backtest:
    response = client.post(f"{HERE}start/", form)
    assert response.status_code == 302
    made = Backtest.objects.latest("pk")
    while play_part(backtest_id=made.pk, now=timezone.now()):
        pass
    made.refresh_from_db()
    return made


def test_a_backtest_shows_what_flips_from_what_to_what(designer: Client, flow: Flow) -> None:
    made = played(designer, count="500")
    shown = text_of(designer.get(f"{HERE}{made.pk}/"))
    assert 'aria-label="3 runs from settled to refused"' in shown
    assert 'data-changed><span class="num">3</span>' in shown
    assert "hx-trigger" not in shown.partition('id="backtest-head"')[2][:200]


def test_a_running_backtest_tells_how_far_it_is_and_can_be_stopped(
    designer: Client, flow: Flow
) -> None:
    designer.post(f"{HERE}start/", {})
    made = Backtest.objects.get()
    shown = text_of(designer.get(f"{HERE}{made.pk}/"))
    assert 'max="3" value="0"' in shown
    assert f"live:backtest.{made.pk}" in shown
    designer.post(f"{HERE}{made.pk}/cancel/")
    made.refresh_from_db()
    assert made.state == "cancelled"


def test_the_rows_are_narrowed_to_a_kind_and_to_a_pair(designer: Client, flow: Flow) -> None:
    made = played(designer)
    rows = f"{HERE}{made.pk}/rows/"
    assert "No matching runs" in text_of(designer.get(f"{rows}?only=noisy"))
    pair = text_of(designer.get(f"{rows}?only=flipped&was=settled&is=refused"))
    assert pair.count("<tr>") == 4
    assert "No matching runs" in text_of(designer.get(f"{rows}?only=flipped&was=refused"))


def test_the_canvas_marks_the_change_and_counts_the_runs(designer: Client, flow: Flow) -> None:
    made = played(designer)
    data = designer.get(f"{HERE}{made.pk}/canvas.json").json()
    assert data["marks"]["steps"] == {"settle": "changed"}
    assert data["statuses"]["edges"]["fee.done -> settle"] == {"state": "taken", "count": 3}
    assert "3 differ first here" in data["statuses"]["steps"]["settle"]["note"]


def test_a_filter_that_no_run_fits_is_told_and_kept(designer: Client, flow: Flow) -> None:
    response = designer.post(f"{HERE}start/", {"outcome": "zebra"})
    assert response.status_code == 422
    assert 'value="zebra"' in text_of(response)
    assert not Backtest.objects.exists()


def test_a_draft_that_cannot_be_played_is_told(designer: Client, flow: Flow) -> None:
    flow.draft = {**flow.draft, "steps": {"fee": {"type": "no.such"}}}
    flow.save()
    response = designer.post(f"{HERE}start/", {})
    assert response.status_code == 422
    assert "cannot be played yet" in text_of(response)


def test_who_may_only_look_starts_none(auditor: Client, flow: Flow) -> None:
    assert "Start the backtest" not in text_of(auditor.get(HERE))
    assert auditor.post(f"{HERE}start/", {}).status_code == 403


def test_a_backtest_of_another_flow_is_not_found(designer: Client, flow: Flow) -> None:
    made = played(designer)
    make_flow("other")
    assert designer.get(f"/flows/other/backtests/{made.pk}/").status_code == 404


def test_the_list_makes_as_many_queries_for_ten_as_for_one(
    designer: Client, flow: Flow, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for _ in range(10):
        played(designer)
    with django_assert_max_num_queries(7):
        designer.get(HERE)


# --- API ---


def test_a_program_starts_one_reads_it_and_lists_what_flips(flow: Flow) -> None:
    user = make_person("ada", Role.DESIGNER)
    scopes = ["runs.view", "flows.edit"]
    _, secret = create_token(
        user=user, name="ci", scopes=scopes, actor=Actor.user(user), now=timezone.now()
    )
    client = Client(headers={"Authorization": f"Bearer {secret}", "Idempotency-Key": "k1"})
    url = "/api/v1/flows/loan/backtests"
    answer = client.post(url, {"runs": 2}, content_type="application/json")
    assert answer.status_code == 201
    made = answer.json()
    assert (made["state"], made["total"]) == ("running", 2)
    play_part(backtest_id=made["id"], now=timezone.now())
    assert client.get(f"{url}/{made['id']}").json()["summary"]["kinds"]["flipped"] == 2
    page = client.get(f"{url}/{made['id']}/runs?only=flipped&limit=1").json()
    assert page["items"][0]["draft"]["verdict"] == "refused"
    rest = client.get(f"{url}/{made['id']}/runs?only=flipped&cursor={page['next']}").json()
    assert (len(rest["items"]), rest["next"]) == (1, None)
    assert client.get(f"{url}/{made['id']}/runs?cursor=zebra").status_code == 422
    ended = client.post(
        f"{url}/{made['id']}/cancel",
        content_type="application/json",
        headers={"Idempotency-Key": "k2"},
    )
    assert ended.status_code == 409
    assert ended.json()["type"].endswith("backtest-ended")


# --- Answers of models ---------------------------------------------------------------


ANSWERS = {"recorded": 4, "asked": 0, "missing": 2, "stale": 1, "priced": 1, "price": 0.25}


def lacking(client: Client) -> Backtest:
    """Return a backtest of three runs, of which two lack an answer."""
    made = played(client)
    kinds = {**made.summary["kinds"], "flipped": 1, "unanswered": 2}
    made.summary = {**made.summary, "kinds": kinds, "answers": ANSWERS}
    made.save()
    return made


def test_the_page_tells_what_is_missing_and_asks_for_it_within_limits(
    designer: Client, flow: Flow
) -> None:
    made = lacking(designer)
    shown = " ".join(re.sub(r"<[^>]+>", " ", text_of(designer.get(f"{HERE}{made.pk}/"))).split())
    assert "Recorded 4 Asked 0 Missing 2 for about 0.50 Stale 1" in shown
    assert "2 of 3 runs cannot be compared" in shown
    assert "100.0 % of 1" in shown
    assert "2 without answers" in " ".join(text_of(designer.get(HERE)).split())

    sent = {"again": str(made.pk), "calls": "2", "cost": "1.5"}
    response = designer.post(f"{HERE}start/", sent)
    again = Backtest.objects.latest("pk")
    assert response["Location"] == f"{HERE}{again.pk}/"
    assert (again.run_ids, again.document) == (made.run_ids, made.document)
    assert (again.calls_allowed, again.cost_allowed) == (2, 1.5)


@pytest.mark.parametrize("cost", ["-1", "much", "1e999"])
def test_a_cost_that_cannot_be_read_starts_nothing(designer: Client, flow: Flow, cost: str) -> None:
    response = designer.post(f"{HERE}start/", {"cost": cost})
    assert response.status_code == 422
    assert not Backtest.objects.exists()


def test_who_may_only_look_is_not_offered_to_ask(
    designer: Client, auditor: Client, flow: Flow
) -> None:
    made = lacking(designer)
    assert "Ask for what is missing" in text_of(designer.get(f"{HERE}{made.pk}/"))
    assert "Ask for what is missing" not in text_of(auditor.get(f"{HERE}{made.pk}/"))


def test_the_api_counts_the_answers_and_plays_an_earlier_one_again(
    designer: Client, flow: Flow
) -> None:
    made = lacking(designer)
    api = Api(Role.DESIGNER)
    found = api.get(f"/flows/loan/backtests/{made.pk}").json()
    assert found["answers"] == {
        "recorded": 4, "asked": 0, "missing": 2, "stale": 1, "price": 0.5,
    }  # fmt: skip
    started = api.post("/flows/loan/backtests", {"again": made.pk, "calls": 2, "cost": 1.5})
    assert (started.status_code, started.json()["cost_allowed"]) == (201, 1.5)
    assert Backtest.objects.latest("pk").run_ids == made.run_ids
    assert api.post("/flows/loan/backtests", {"again": 999}).status_code == 404
    make_flow("other")
    assert api.post("/flows/other/backtests", {"again": made.pk}).status_code == 404
