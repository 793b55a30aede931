"""Connections over HTTP: what is set, how it does, and trying it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from flows.connections.models import Connection
from flows.resilience.models import Breaker
from tests.factories.connections import make_connection
from tests.factories.probes import publish_flow
from tests.integration.connections.model_server import ModelServer, serving_a_model
from tests.web.api import V1, Api
from tests.web.pages import problem_of
from workbench.accounts.models import Role
from workbench.audit.models import Entry

SCOPES = ["connections.view", "connections.manage"]
GIVEN: dict[str, Any] = {"title": "Risk", "kind": "http"}


@pytest.fixture
def model(settings: Any) -> Iterator[ModelServer]:
    cache.clear()
    with serving_a_model() as server:
        settings.OUTGOING_ALLOWLIST = [server.address]
        yield server


@pytest.fixture
def api(db: None) -> Api:
    return Api(Role.ADMIN, scopes=SCOPES)


def test_what_is_put_is_what_is_got(api: Api, model: ModelServer) -> None:
    body = {
        **GIVEN, "address": model.url, "flows": ["loan"], "prices": {"call": 0.5},
        "card": {"owner": "Ada", "review_on": "2027-01-31"}, "concurrency": 4,
        "options": {"output_at": "p"}, "enabled": True,
    }  # fmt: skip
    made = api.put("/connections/risk", body)
    assert made.status_code == 200, made.content
    got = api.get("/connections/risk")
    assert got["ETag"] == f'"{made.json()["revision"]}"'
    for name, value in body.items():
        kept = got.json()[name]
        assert kept == value or kept.items() >= value.items()
    assert got.json()["used_by"] == []
    again = api.put("/connections/risk", body, etag=got["ETag"])
    assert again.json()["revision"] == made.json()["revision"]
    (entry,) = Entry.objects.filter(action__startswith="connection.")
    assert entry.action == "connection.created"


@pytest.mark.parametrize(
    ("more", "at"),
    [
        ({"kind": "pigeon"}, "kind"),
        ({"address": "http://10.0.0.7/"}, "address"),
        ({"options": {"nonsense": 1}}, "options.nonsense"),
        ({"flows": ["a b"]}, "flows"),
    ],
)
def test_what_does_not_hold_is_refused_with_field_and_remedy(
    api: Api, model: ModelServer, more: dict[str, Any], at: str
) -> None:
    answer = api.put("/connections/risk", {**GIVEN, "address": model.url, **more})
    assert (answer.status_code, problem_of(answer)) == (422, "connection-invalid")
    assert [each["at"] for each in answer.json()["errors"]] == [at]
    assert answer.json()["remedy"]
    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    "more",
    [
        {"timeout_seconds": 0},
        {"timeout_seconds": "30"},
        {"prices": {"call": -1}},
        {"prices": {"lunch": 1}},
        {"card": {"review_on": "soon"}},
        {"secret": "sk-1"},
        {"title": ""},
    ],
)
def test_a_body_of_another_form_is_refused(
    api: Api, model: ModelServer, more: dict[str, Any]
) -> None:
    answer = api.put("/connections/risk", {**GIVEN, "address": model.url, **more})
    assert answer.status_code == 422
    assert not Connection.objects.exists()


@pytest.mark.django_db
def test_the_list_tells_how_each_does() -> None:
    make_connection("risk")
    make_connection("slow")
    now = timezone.now()
    Breaker.objects.create(
        destination="connection:slow", state="open", retry_at=now, failed_at=now, last_error="Late."
    )
    api = Api(Role.DESIGNER, scopes=SCOPES)
    items = {each["name"]: each["health"] for each in api.get("/connections").json()["items"]}
    assert (items["risk"]["state"], items["risk"]["p50_ms"]) == ("closed", None)
    assert (items["slow"]["state"], items["slow"]["last_error"]) == ("open", "Late.")
    assert api.put("/connections/risk", {}, etag="*").status_code == 403
    assert api.post("/connections/risk/try", {"input": {}}).status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize("scopes", [["flows.view"], ["connections.view"]])
def test_a_token_does_only_what_its_scopes_say(scopes: list[str]) -> None:
    make_connection()
    api = Api(Role.ADMIN, scopes=scopes)
    sees = "connections.view" in scopes
    assert api.get("/connections/risk").status_code == (200 if sees else 403)
    assert api.post("/connections/risk/try", {"input": {}}).status_code == 403


def test_a_try_returns_what_a_step_would_record(api: Api, model: ModelServer) -> None:
    model.answer = {"score": 0.5}
    make_connection(address=model.url, price_call="0.25", flows=[])
    answer = api.post("/connections/risk/try", {"input": {"amount": 1}})
    said = answer.json()
    assert (said["succeeded"], said["output"], said["cost"]) == (True, {"score": 0.5}, 0.25)
    assert said["provenance"]["model"] == "risk"
    model.answer = {"error": "out of memory"}
    failed = api.post("/connections/risk/try", {"input": {}}).json()
    assert (failed["succeeded"], failed["error_kind"]) == (False, "contract")
    assert "out of memory" in failed["error"]
    assert failed["provenance"]["cost"] == 0.25


@pytest.mark.django_db(transaction=True)
def test_a_try_with_a_key_asks_once_and_outside_of_a_transaction(model: ModelServer) -> None:
    from django.db import connection

    inside: list[bool | int] = []

    def answer(_: Any) -> Any:
        # The server answers in a thread of its own: what it can see, others can.
        inside.append(connection.in_atomic_block)
        inside.append(Connection.objects.filter(name="risk").update(title="Seen"))
        connection.close()
        return {"score": 0.5}

    model.answer = answer
    make_connection(address=model.url)
    api = Api(Role.ADMIN, scopes=SCOPES)
    first = api.post("/connections/risk/try", {"input": {}}, key="once")
    again = api.post("/connections/risk/try", {"input": {}}, key="once")
    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    assert (len(model.asked), inside) == (1, [False, 1])
    assert Entry.objects.filter(action="connection.tried").count() == 1


def test_a_person_tries_only_so_often(
    api: Api, model: ModelServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MODEL_TRIES_A_MINUTE = 1
    now = timezone.now()
    monkeypatch.setattr("workbench.http.rates.timezone.now", lambda: now)
    make_connection(address=model.url)
    assert api.post("/connections/risk/try", {"input": {}}).status_code == 200
    refused = api.post("/connections/risk/try", {"input": {}})
    assert (refused.status_code, problem_of(refused)) == (429, "model-tries-too-often")
    assert refused["Retry-After"] == "60"


def test_one_that_is_asked_is_not_removed(api: Api) -> None:
    make_connection()
    publish_flow("ask -> b", ask={"type": "model.infer", "model": "risk", "input": {}})
    assert api.get("/connections/risk").json()["used_by"] == ["kit"]
    headers = {"If-Match": "*"}
    answer = api.client.delete(f"{V1}/connections/risk", headers=headers)
    assert (answer.status_code, problem_of(answer)) == (409, "connection-in-use")
    assert "kit" in answer.json()["detail"]
    assert Connection.objects.exists()


def test_nothing_is_there_under_another_name(api: Api) -> None:
    for path in ("/connections/none", "/connections/none/try"):
        answer = api.post(path, {"input": {}}) if path.endswith("try") else api.get(path)
        assert answer.status_code == 404
