"""Over the API nobody undoes another's change unknowingly: ETag, If-Match, 412 and 428."""

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from reviews.models import WorkCalendar
from tests.factories.people import ACTOR, person, signed_in
from tests.web.flows.contract import DOCUMENT
from tests.web.pages import if_match, problem_of
from tests.web.revisions.edited import ADMIN, EDITED, Edited, make_people
from workbench.http.revisions import digest
from workbench.secrets.models import Secret
from workbench.secrets.services import delete_secret, set_secret

Json = Any
V1 = "/api/v1"
LISTED = [
    "/connections/{name}",
    "/secrets/{name}",
    "/flows/{name}/triggers/{trigger_id}",
    "/queues/{name}/views/{view_id}",
    "/calendars/{name}",
    "/sla-policies/{name}",
    "/quality/sampling/{policy_id}",
]
WRITES = ("put", "patch", "delete")
SAVED = {name: each for name, each in EDITED.items() if each.one}
REMOVED = {name: each for name, each in EDITED.items() if each.removable}


@pytest.fixture
def adm(db: None) -> Client:
    make_people()
    return signed_in(ADMIN)


def send(client: Client, method: str, url: str, body: Json, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    text = json.dumps(body) if body is not None else ""
    return client.generic(method.upper(), url, text, "application/json", headers=named)


def save(client: Client, edited: Edited, url: str, body: Json, **headers: str) -> Any:
    return send(client, edited.method, url, body, **headers)


# --- The description --------------------------------------------------------------------


def list_writes() -> list[tuple[str, str, Json]]:
    return [
        (method, path, operation)
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
        if method in WRITES
    ]


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    list_writes(),
    ids=[each[2]["operationId"] for each in list_writes()],
)
def test_whoever_changes_an_object_names_its_revision(
    method: str, path: str, operation: Json
) -> None:
    headers = [each["name"] for each in operation["parameters"] if each["in"] == "header"]
    assert "If-Match" in headers
    assert {"412", "428"} <= operation["responses"].keys()
    told = DOCUMENT["paths"][path]["get"]["responses"]["200"]
    assert "ETag" in told["headers"]
    assert method == "delete" or "ETag" in operation["responses"]["200"]["headers"]


def test_every_object_that_is_edited_is_tried_here() -> None:
    assert {path.removeprefix(V1) for _, path, _ in list_writes()} == EDITED.keys()


@pytest.mark.parametrize("path", LISTED)
def test_what_is_listed_has_the_revision_of_the_object_itself(adm: Client, path: str) -> None:
    url = f"{V1}/{EDITED[path].make()}"
    rows = adm.get(url.rpartition("/")[0]).json()["items"]
    assert f'"{rows[0]["revision"]}"' == adm.get(url)["ETag"]


# --- Saving and removing ------------------------------------------------------------------


@pytest.mark.parametrize("path", SAVED)
def test_a_save_without_a_revision_is_refused_with_the_remedy(adm: Client, path: str) -> None:
    edited = SAVED[path]
    url = f"{V1}/{edited.make()}"
    before = adm.get(url).content
    refused = save(adm, edited, url, edited.one)
    assert (refused.status_code, problem_of(refused)) == (428, "revision-missing")
    assert "If-Match" in refused.json()["remedy"]
    assert adm.get(url).content == before


@pytest.mark.parametrize("path", SAVED)
def test_a_save_over_a_newer_revision_is_refused_and_told_of_it(adm: Client, path: str) -> None:
    edited = SAVED[path]
    url = f"{V1}/{edited.make()}"
    old = adm.get(url)["ETag"]
    first = save(adm, edited, url, edited.one, If_Match=old)
    assert first.status_code == 200, first.content
    assert first["ETag"] == adm.get(url)["ETag"] != old
    second = save(adm, edited, url, edited.other, If_Match=old)
    assert (second.status_code, problem_of(second)) == (412, "revision-stale")
    told = second.json()
    assert (f'"{told["revision"]}"', told["changed_by"]) == (first["ETag"], ADMIN)
    assert told["changed_at"]
    assert second["ETag"] == first["ETag"] == adm.get(url)["ETag"]
    assert save(adm, edited, url, edited.other, If_Match=second["ETag"]).status_code == 200


@pytest.mark.parametrize("path", REMOVED)
def test_only_the_known_revision_is_removed(adm: Client, path: str) -> None:
    edited = REMOVED[path]
    url = f"{V1}/{edited.make()}"
    assert send(adm, "delete", url, None).status_code == 428
    assert send(adm, "delete", url, None, If_Match='"0"').status_code == 412
    known = adm.get(url)["ETag"]
    assert send(adm, "delete", url, None, If_Match=known).status_code == 204


@pytest.mark.parametrize("path", SAVED)
def test_a_star_saves_over_whatever_is_there(adm: Client, path: str) -> None:
    edited = SAVED[path]
    url = f"{V1}/{edited.make()}"
    assert save(adm, edited, url, edited.one, If_Match="*").status_code == 200


@pytest.mark.parametrize("condition", ["abc", '"a" "b"', "", "**"])
def test_what_is_no_etag_is_refused(adm: Client, condition: str) -> None:
    edited = EDITED["/calendars/{name}"]
    refused = save(adm, edited, f"{V1}/calendars/office", edited.one, If_Match=condition)
    assert (refused.status_code, problem_of(refused)) == (422, "if-match-invalid")


def test_one_of_several_etags_is_enough_and_a_weak_one_is_not(adm: Client) -> None:
    edited, url = EDITED["/calendars/{name}"], f"{V1}/calendars/office"
    known = adm.get(url)["ETag"]
    assert save(adm, edited, url, edited.one, If_Match=f"W/{known}").status_code == 412
    assert save(adm, edited, url, edited.one, If_Match=f'"x", {known}').status_code == 200


def test_what_is_not_there_is_made_without_a_revision_and_only_once(adm: Client) -> None:
    edited, url = EDITED["/calendars/{name}"], f"{V1}/calendars/new-one"
    assert save(adm, edited, url, edited.one, If_Match='"x"').status_code == 412
    assert not WorkCalendar.objects.filter(name="new-one").exists()
    assert save(adm, edited, url, edited.one, If_None_Match="*").status_code == 200
    assert save(adm, edited, url, edited.other, If_None_Match="*").status_code == 412
    assert save(adm, edited, url, edited.other).status_code == 428


def test_a_view_is_saved_over_by_name_only_with_its_revision(adm: Client) -> None:
    url = f"{V1}/queues/underwriting/views"
    made = send(adm, "post", url, {"name": "High", "priority": 2})
    assert (made.status_code, made["ETag"]) == (201, f'"{made.json()["revision"]}"')
    assert send(adm, "post", url, {"name": " High ", "priority": 3}).status_code == 428
    again = send(adm, "post", url, {"name": "High", "priority": 3}, If_Match=made["ETag"])
    assert (again.status_code, again.json()["filters"]) == (201, {"priority": 3})


def test_a_secret_made_anew_has_another_revision(adm: Client) -> None:
    EDITED["/secrets/{name}"].make()
    known = if_match(adm, f"{V1}/secrets/KEY")
    delete_secret(name="KEY", actor=ACTOR, now=timezone.now())
    set_secret(name="KEY", value="z", uses=["notices"], actor=ACTOR, now=timezone.now())
    assert Secret.objects.get().version == 1
    assert adm.delete(f"{V1}/secrets/KEY", headers=known).status_code == 412


def test_a_refused_save_leaves_the_revision(adm: Client) -> None:
    known = if_match(adm, f"{V1}/calendars/office")
    wrong = {"hours": {"monday": [["17:00", "09:00"]]}}
    answer = adm.put(f"{V1}/calendars/office", wrong, "application/json", headers=known)
    assert answer.status_code == 422
    assert if_match(adm, f"{V1}/calendars/office") == known


def test_who_may_not_know_of_it_learns_nothing_from_a_condition(adm: Client) -> None:
    url = f"{V1}/{EDITED['/queues/{name}/views/{view_id}'].make()}"
    lea = signed_in(person("lea").user)
    for headers in ({}, {"If-Match": "*"}, {"If-Match": '"x"'}):
        assert lea.delete(url, headers=headers).status_code == 404


@pytest.mark.parametrize(("one", "other"), [(5, 5.0), ({"a": 1, "b": 2}, {"b": 2, "a": 1})])
def test_equal_settings_have_one_revision(one: Json, other: Json) -> None:
    assert digest(one) == digest(other)


@pytest.mark.parametrize(("one", "other"), [(5, "5"), ([1, 2], [2, 1]), (None, ""), (0, False)])
def test_other_settings_have_another_revision(one: Json, other: Json) -> None:
    assert digest(one) != digest(other)
