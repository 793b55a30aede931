"""Acts that left no entry before: drafts replaced, shared views, uploads, events."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from flows.services.drafts import create_flow
from tests.factories.people import ACTOR, make_person, signed_in
from tests.factories.queues import make_office
from tests.web.pages import if_match
from workbench.accounts.models import Role
from workbench.audit.models import Entry
from workbench.audit.selectors import payload_of
from workbench.people.services import create_token

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture
def program() -> Client:
    """A client with the token of a person who has every role."""
    scopes = ["flows.view", "flows.edit", "runs.start", "events.send", "cases.view", "cases.assign"]
    made = create_token(
        user=make_person("ada", *Role), name="robot", scopes=scopes, now=timezone.now(),
        actor=ACTOR,
    )  # fmt: skip
    return Client(headers={"Authorization": f"Bearer {made[1]}"})


def only(action: str) -> tuple[Entry, Any]:
    entry = Entry.objects.select_related("payload").get(action=action)
    return entry, payload_of(entry)


def test_a_replaced_draft_is_recorded_by_api_and_page(program: Client) -> None:
    flow = create_flow(
        name="small", title="Small", document=None, author=None, actor=ACTOR, now=timezone.now()
    )
    document = {**flow.draft, "title": "Other"}
    address = "/api/v1/flows/small/draft"
    answer = program.put(address, {"document": document}, JSON, headers=if_match(program, address))
    assert answer.status_code == 200, answer.content
    entry, payload = only("flow.draft_replaced")
    assert (entry.actor_kind, entry.subject_id) == ("token", "small")
    assert payload["revision"] == 1
    text = 'schema: countersign/flow@1\nname: small\ntitle: "By page"\nsteps: {}\nedges: []\n'
    answer = signed_in("ada").post("/flows/small/text/", {"text": text, "revision": "1"})
    assert answer.status_code == 302, answer.content
    assert Entry.objects.filter(action="flow.draft_replaced", actor_kind="user").count() == 1


def test_an_upload_is_recorded_each_time(program: Client) -> None:
    url = "/api/v1/artifacts?name=a.txt"
    answers = [program.post(url, b"hello", "text/plain") for _ in range(2)]
    assert {answer.status_code for answer in answers} == {201}
    entries = Entry.objects.filter(action="artifact.stored")
    assert [entry.subject_seq for entry in entries.order_by("pk")] == [1, 2]
    assert {entry.subject_id for entry in entries} == {answers[0].json()["artifact"]}


def test_an_event_is_recorded_once(program: Client) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "paid", "subject": "42"}
    for _ in range(2):
        answer = program.post("/api/v1/events", event, "application/cloudevents+json")
        assert answer.status_code == 202, answer.content
    entry, payload = only("event.sent")
    assert entry.actor_kind == "token"
    assert (payload["name"], payload["key"]) == ("paid", "42")


def test_a_shared_view_is_recorded_and_ones_own_is_not(program: Client) -> None:
    make_office()
    url = "/api/v1/queues/underwriting/views"
    own = program.post(url, {"name": "Big", "shared": False}, JSON)
    assert own.status_code == 201, own.content
    assert not Entry.objects.filter(action="view.saved").exists()
    known = if_match(program, f"{url}/{own.json()['id']}")
    view = program.post(url, {"name": "Big", "shared": True}, JSON, headers=known).json()["id"]
    assert only("view.saved")[1]["name"] == "Big"
    known = if_match(program, f"{url}/{view}")
    assert program.delete(f"{url}/{view}", headers=known).status_code == 204
    assert only("view.deleted")[0].subject_id == "underwriting"
