"""CloudEvents over HTTP: both modes, once, for those who may."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from flows.models import Event
from tests.factories.flows import make_flow
from tests.web.doors.unfit import UNFIT
from tests.web.pages import if_match
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
STRUCTURED = "application/cloudevents+json"
EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "/shop",
    "type": "order.paid",
    "subject": "order-7",
    "data": {"amount": 5},
}


def send(client: Client, body: Any, content_type: str = STRUCTURED, **headers: str) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return client.post("/api/v1/events", text, content_type, headers=headers)


def test_a_structured_event_is_kept_once(operator: Client) -> None:
    for _ in range(2):
        answer = send(operator, EVENT)
        assert (answer.status_code, answer.json()) == (202, {"id": "/shop#1", "resumed": []})
    event = Event.objects.get()
    assert (event.name, event.key, event.payload) == ("order.paid", "order-7", {"amount": 5})


def test_events_whose_sources_and_ids_join_alike_are_two(operator: Client) -> None:
    for source, id_ in (("a#b", "c"), ("a", "b#c"), ("1#a", "b#c"), ("a#b", "c")):
        assert send(operator, EVENT | {"source": source, "id": id_, "data": id_}).status_code == 202
    assert Event.objects.count() == 3


def test_a_binary_event_has_its_attributes_in_headers(operator: Client) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "2", "ce-source": "/shop",
               "ce-type": "order.paid", "ce-subject": "caf%C3%A9"}  # fmt: skip
    answer = send(operator, {"amount": 5}, "application/json", **headers)
    assert answer.status_code == 202, answer.content
    event = Event.objects.get()
    assert (event.key, event.payload) == ("café", {"amount": 5})


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"id": ""}, "id"),
        ({"type": 7}, "type"),
        ({"source": None}, "source"),
        ({"subject": "x" * 300}, "subject"),
        ({"type": "x" * 130}, "type"),
        ({"data_base64": "AAAA"}, "data_base64"),
        ({"id": "a\0"}, "id"),
    ],
)
def test_what_is_wrong_is_named(operator: Client, change: dict[str, Any], at: str) -> None:
    answer = send(operator, {**EVENT, **change})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["at"] == at
    assert not Event.objects.exists()


def test_an_event_needs_no_data(operator: Client) -> None:
    bare = {name: value for name, value in EVENT.items() if name != "data"}
    for _ in range(2):
        assert send(operator, bare).status_code == 202
    assert Event.objects.get().payload is None


@pytest.mark.parametrize("body", ["{no", "[]", '{"data": NaN}'])
def test_what_is_no_json_object_is_refused(operator: Client, body: str) -> None:
    assert send(operator, body).status_code == 422


@pytest.mark.parametrize("unfit", UNFIT.values(), ids=UNFIT)
def test_an_event_that_cannot_be_kept_is_refused(operator: Client, unfit: str) -> None:
    body = json.dumps({**EVENT, "data": {"amount": "@"}}).replace('"@"', unfit)
    answer = send(operator, body)
    assert answer.status_code == 422
    assert answer.json()["type"].endswith(":event-malformed")
    headers = {f"ce-{name}": str(EVENT[name]) for name in ("specversion", "id", "source", "type")}
    assert send(operator, f"[{unfit}]", "application/json", **headers).status_code == 422
    assert not Event.objects.exists()


def test_an_attribute_in_a_header_that_cannot_be_kept_is_refused(operator: Client) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "a%00", "ce-source": "/shop", "ce-type": "paid"}
    answer = send(operator, {}, "application/json", **headers)
    assert (answer.status_code, answer.json()["errors"][0]["at"]) == (422, "id")


def test_only_who_may_send_events_sends_them(
    auditor: Client, client_of: Callable[..., Client], client: Client
) -> None:
    assert send(client, EVENT).status_code == 401
    assert send(auditor, EVENT).status_code == 403
    # A role for one flow alone: an event may reach any.
    assert send(client_of(Role.OPERATOR, flow="loan"), EVENT).status_code == 403
    assert not Event.objects.exists()


def test_triggers_are_kept_over_the_api(designer: Client, auditor: Client) -> None:
    make_flow("loan")
    body = {"kind": "schedule", "title": "Nightly", "config": {"cron": "0 2 * * *"}, "input": {}}
    url = "/api/v1/flows/loan/triggers"
    assert auditor.post(url, body, "application/json").status_code == 403
    made = designer.post(url, body, "application/json")
    assert made.status_code == 201, made.content
    one = f"{url}/{made.json()['id']}"
    assert made.json()["config"]["missed"] == "skip"
    assert made.json()["next_at"]
    known = if_match(designer, one)
    off = designer.patch(one, {"enabled": False}, "application/json", headers=known).json()
    assert (off["enabled"], off["next_at"]) == (False, None)
    known = if_match(designer, one)
    wrong = designer.patch(one, {"config": {"cron": "no"}}, "application/json", headers=known)
    assert (wrong.status_code, wrong.json()["errors"][0]["at"]) == (422, "cron")
    assert auditor.get(url).json()["items"][0]["title"] == "Nightly"
    assert auditor.get(f"{one}/firings").json()["items"] == []
    hook = {"kind": "webhook", "title": "Hook"}
    assert designer.post(url, hook, "application/json").json()["secret"].startswith("whsec_")
    assert designer.delete(one, headers=known).status_code == 204
    assert designer.get(f"{one}/firings").status_code == 404


def test_a_malformed_event_claims_no_idempotency_key(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.http.gateway.answer_once", None)
    answer = send(operator, {**EVENT, "id": ""}, **{"Idempotency-Key": "k"})
    assert answer.status_code == 422


def test_an_event_may_be_sent_again_corrected_with_its_key(operator: Client) -> None:
    key = {"Idempotency-Key": "k"}
    assert send(operator, {**EVENT, "id": ""}, **key).status_code == 422
    assert send(operator, EVENT, **key).status_code == 202
