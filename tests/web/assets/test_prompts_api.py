"""Prompts over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from flows.assets.models import Asset, AssetVersion
from flows.steps import language
from flows.steps.language import ChatAnswer
from flows.steps.models import Provenance
from tests.factories.prompts import TRIAGE, make_prompt, make_prompted_flow, reword
from tests.web.api import Api
from tests.web.pages import problem_of
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
SCOPES = ["prompts.view", "prompts.edit", "flows.view"]


@pytest.fixture
def api() -> Api:
    return Api(Role.DESIGNER, scopes=SCOPES)


def test_a_prompt_goes_its_whole_way(api: Api) -> None:
    made = api.post("/prompts", {"name": "triage", "title": "Triage", "content": TRIAGE})
    assert made.status_code == 201, made.content
    assert made.json()["problems"] == []
    assert api.post("/prompts", {"name": "triage"}).status_code == 409

    shown = api.get("/prompts/triage")
    assert (shown["ETag"], shown.json()["draft"]) == ('"1"', TRIAGE)
    changed = {**TRIAGE, "description": "Other"}
    saved = api.put("/prompts/triage/draft", {"content": changed}, etag='"1"')
    assert (saved.status_code, saved["ETag"]) == (200, '"2"')

    body = {"note": "First"}
    assert api.post("/prompts/triage/versions", body).status_code == 428
    assert problem_of(api.post("/prompts/triage/versions", body, etag='"1"')) == "revision-stale"
    published = api.post("/prompts/triage/versions", body, etag='"2"')
    assert published.status_code == 201
    assert published.json()["tests"]["passed"] == 1
    again = api.post("/prompts/triage/versions", body, etag='"2"')
    assert problem_of(again) == "nothing-changed"

    versions = api.get("/prompts/triage/versions").json()
    assert [each["number"] for each in versions["items"]] == [1]
    assert versions["next"] is None
    assert api.get("/prompts/triage/versions/1").json()["content"] == changed
    assert api.get("/prompts/triage").json()["released_version"] == 1


def test_an_older_version_is_released_again(api: Api) -> None:
    asset = make_prompt()
    reword(asset, "Anew: {letter} {notes}")
    answer = api.post("/prompts/triage/releases", {"version": 1})
    assert answer.json()["released_version"] == 1
    assert api.post("/prompts/triage/releases", {"version": 9}).status_code == 404


def test_the_flows_that_use_it_and_their_pins_are_told(api: Api) -> None:
    make_prompt()
    make_prompted_flow()
    assert api.get("/prompts/triage").json()["used_by"] == [
        {"flow": "letters", "flow_version": 1, "number": 1}
    ]
    assert api.get("/flows/letters/versions/1").json()["pins"] == {"prompt/triage": 1}
    refused = api.post("/prompts/triage/archive", {})
    assert (refused.status_code, problem_of(refused)) == (409, "asset-in-use")


@pytest.mark.parametrize(
    ("content", "at"),
    [({"parts": 7}, "parts"), ({"more": 1}, "content"), ({"variables": {"a": 1}}, "variables.a")],
)
def test_what_is_no_prompt_is_refused_with_the_field(api: Api, content: Any, at: str) -> None:
    make_prompt()
    answer = api.put("/prompts/triage/draft", {"content": content}, etag='"1"')
    assert (answer.status_code, problem_of(answer)) == (422, "asset-invalid")
    assert answer.json()["errors"][0]["at"] == at
    assert Asset.objects.get().draft_revision == 1


def test_problems_and_failing_tests_keep_a_draft_from_publication(api: Api) -> None:
    make_prompt("unused", publish=False, parts=[{"role": "user", "text": "Hello"}])
    refused = api.post("/prompts/unused/versions", {"note": "x"}, etag='"1"')
    assert problem_of(refused) == "asset-invalid"
    assert "variables.letter" in [each["at"] for each in refused.json()["errors"]]
    wrong = {**TRIAGE["tests"][0], "recorded": {"answer": {"topic": "other"}}}
    make_prompt("failing", publish=False, tests=[wrong])
    failed = api.post("/prompts/failing/versions", {"note": "x"}, etag='"1"')
    assert problem_of(failed) == "asset-tests-failed"
    assert failed.json()["errors"][0]["at"] == "tests.A lost card"
    assert not AssetVersion.objects.exists()


def test_tests_run_on_recorded_answers_and_need_calls_for_a_model(api: Api) -> None:
    make_prompt()
    ran = api.post("/prompts/triage/tests", {}).json()
    assert (ran["passed"], ran["failed"], ran["calls"]) == (1, 0, 0)
    assert [each["passed"] for each in ran["results"][0]["checks"]] == [True, True]
    refused = api.post("/prompts/triage/tests", {"model": "small"})
    assert refused.json()["errors"][0]["at"] == "calls"


@pytest.mark.django_db(transaction=True)
def test_tests_hold_no_transaction_while_they_ask_a_model(
    api: Api, monkeypatch: pytest.MonkeyPatch, deliver_outbox: Callable[[], int]
) -> None:
    inside: list[bool] = []

    class Watching:
        name = "watching"

        def language_models(self) -> dict[str, str]:
            return {"small": "1"}

        def chat(self, request: Any) -> ChatAnswer:
            inside.append(connection.in_atomic_block)
            return ChatAnswer('{"topic": "card"}', (), "stop", Provenance("watching", "small", "1"))

    monkeypatch.setitem(language._PROVIDERS, "watching", Watching())
    make_prompt()
    asked = {"model": "small", "calls": 1}
    first = api.post("/prompts/triage/tests", asked, key="once")
    again = api.post("/prompts/triage/tests", asked, key="once")
    assert (first.status_code, inside, first.content) == (202, [], again.content)
    deliver_outbox()
    found = api.client.get(first["Location"]).json()
    assert (found["state"], found["passed"], found["calls"]) == ("completed", 1, 1)
    assert inside == [False]


def test_models_are_asked_only_so_often_and_recorded_answers_always(
    api: Api, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MODEL_TRIES_A_MINUTE = 1
    cache.clear()
    now = timezone.now()
    monkeypatch.setattr("workbench.http.rates.timezone.now", lambda: now)
    make_prompt()
    asked = {"model": "absent", "calls": 1}
    assert api.post("/prompts/triage/tests", asked).status_code == 202
    refused = api.post("/prompts/triage/tests", asked)
    assert (refused.status_code, problem_of(refused)) == (429, "model-tries-too-often")
    assert api.post("/prompts/triage/tests", {}).status_code == 200


def test_the_list_is_paged_and_searched(api: Api) -> None:
    for name in ("one", "two", "three"):
        make_prompt(name)
    first = api.get("/prompts", limit=2).json()
    assert [each["name"] for each in first["items"]] == ["three", "two"]
    rest = api.get("/prompts", limit=2, cursor=first["next"]).json()
    assert [each["name"] for each in rest["items"]] == ["one"]
    assert [each["name"] for each in api.get("/prompts", text="tw").json()["items"]] == ["two"]


def test_rights_are_those_of_the_scopes_and_the_person() -> None:
    make_prompt()
    reader = Api(Role.DESIGNER, scopes=["prompts.view"])
    assert reader.get("/prompts/triage").status_code == 200
    assert reader.put("/prompts/triage/draft", {"content": TRIAGE}, "*").status_code == 403
    reviewer = Api(Role.REVIEWER, scopes=SCOPES)
    assert reviewer.get("/prompts").status_code == 200
    assert reviewer.post("/prompts", {"name": "x"}).status_code == 403
    assert Api(Role.DESIGNER).get("/prompts").status_code == 403
    assert reader.get("/prompts/absent").status_code == 404


def test_a_model_is_asked_in_the_background_and_can_be_stopped(
    api: Api, monkeypatch: pytest.MonkeyPatch, deliver_outbox: Callable[[], int]
) -> None:
    make_prompt()
    asked = api.post("/prompts/triage/tests", {"model": "absent", "calls": 2, "cost": 1})
    run = asked.json()
    assert (asked.status_code, run["state"], run["done"], run["total"]) == (202, "running", 0, 1)
    assert (run["calls_allowed"], run["cost_allowed"], run["results"]) == (2, 1, [])
    another = api.post("/prompts/triage/tests", {"model": "absent", "calls": 2})
    assert (another.status_code, problem_of(another)) == (409, "tests-under-way")

    stopped = api.post(f"/prompts/triage/tests/{run['id']}/stop")
    assert stopped.json()["state"] == "cancelled"
    again = api.post(f"/prompts/triage/tests/{run['id']}/stop")
    assert (again.status_code, problem_of(again)) == (409, "tests-ended")
    deliver_outbox()
    found = api.get(f"/prompts/triage/tests/{run['id']}").json()
    assert (found["state"], found["done"], found["calls"]) == ("cancelled", 0, 0)
    assert api.get("/prompts/triage/tests/99").status_code == 404
    make_prompt("other")
    assert api.get(f"/prompts/other/tests/{run['id']}").status_code == 404


def test_who_only_reads_asks_and_stops_nothing(api: Api) -> None:
    make_prompt()
    reader = Api(Role.REVIEWER, scopes=["prompts.view"])
    asked = {"model": "absent", "calls": 1}
    assert reader.post("/prompts/triage/tests", asked).status_code == 403
    run = api.post("/prompts/triage/tests", asked).json()["id"]
    assert reader.get(f"/prompts/triage/tests/{run}").status_code == 200
    assert reader.post(f"/prompts/triage/tests/{run}/stop").status_code == 403
