"""The draft by HTTP: order, acknowledgement, idempotence, refusal, who may."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from flows.graph.json_values import read_json
from flows.graph.operations import normal_form
from flows.models import DraftOperation, Flow
from flows.selectors.drafts import get_draft_at, list_history
from flows.services import editing
from tests.factories.connections import make_connection
from tests.factories.people import make_person, signed_in
from tests.unit.operations.samples import loan
from workbench.accounts.models import Role, User

pytestmark = pytest.mark.django_db
Send = Callable[..., Any]


@pytest.fixture
def flow(now: datetime) -> Flow:
    draft = normal_form(loan())
    return Flow.objects.create(
        name="loan", title="Loan", draft=draft, created_at=now, updated_at=now
    )


@pytest.fixture
def client(flow: Flow, now: datetime) -> Client:
    return signed_in(make_person("ada", Role.DESIGNER))


def sent(client: Client, *operations: Any, since: int = 0) -> Any:
    """Send operations under the ids a1, a2 … or as pairs of id and operation."""
    pairs = [
        each if isinstance(each, tuple) else (f"a{i}", each) for i, each in enumerate(operations)
    ]
    body = {"since": since, "operations": [{"client_id": i, "op": op} for i, op in pairs]}
    return client.post("/flows/loan/edit/operations/send/", json.dumps(body), "application/json")


def title(value: str) -> dict[str, Any]:
    return {"op": "set_flow", "path": "/title", "value": value}


def test_each_edit_gets_a_revision_in_the_order_sent(client: Client, flow: Flow) -> None:
    answer = sent(client, title("One"), title("Two")).json()
    assert [each["revision"] for each in answer["results"]] == [1, 2]
    assert [each["op"]["value"] for each in answer["operations"]] == ["One", "Two"]
    flow.refresh_from_db()
    assert (flow.draft["title"], flow.title, flow.draft_revision) == ("Two", "Two", 2)


def test_a_refused_edit_does_not_stop_those_after_it(client: Client, flow: Flow) -> None:
    answer = sent(client, {"op": "remove_step", "id": "gone"}, title("Two")).json()
    refused, applied = answer["results"]
    assert (refused["status"], refused["code"]) == ("refused", "step_missing")
    assert applied == {"client_id": "a1", "status": "applied", "revision": 1}


def test_an_edit_sent_again_is_applied_once(client: Client, flow: Flow) -> None:
    sent(client, ("x", title("One")), ("y", title("Two")))
    again = sent(client, ("x", title("One")), since=2).json()
    assert again["results"][0]["revision"] == 1
    assert DraftOperation.objects.count() == 2
    flow.refresh_from_db()
    assert flow.draft["title"] == "Two"


def test_a_conflict_names_what_stands_there(client: Client, flow: Flow) -> None:
    stale = {"op": "set_field", "step": "score", "path": "/title", "value": "Mine", "old": "Older"}
    result = sent(client, stale).json()["results"][0]
    assert (result["code"], result["current"]) == ("field_changed", "Credit score")


def test_the_answer_brings_new_faces_of_the_steps_touched(client: Client, flow: Flow) -> None:
    cases = [{"port": "low", "when": "true"}, {"port": "high", "when": "true"}]
    op = {"op": "set_field", "step": "route", "path": "/with/cases", "value": cases}
    assert sent(client, op).json()["faces"]["route"]["ports"] == ["low", "high", "unsure"]


def test_any_point_of_the_history_can_be_restored_and_that_undone(
    client: Client, flow: Flow, now: datetime
) -> None:
    sent(client, title("One"), {"op": "remove_step", "id": "score"}, title("Three"))
    assert client.post("/flows/loan/edit/restore/", {"revision": 1}).status_code == 204
    flow.refresh_from_db()
    assert flow.draft["title"] == "One"
    assert "score" in flow.draft["steps"]
    assert get_draft_at(flow_id=flow.pk, revision=3)["title"] == "Three"
    assert get_draft_at(flow_id=flow.pk, revision=0) == normal_form(loan())


@pytest.mark.parametrize("revision", ["9", "-1", "many", ""])
def test_a_revision_that_never_was_cannot_be_restored(
    client: Client, flow: Flow, revision: str
) -> None:
    assert client.post("/flows/loan/edit/restore/", {"revision": revision}).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        '{"since": 0}',
        '{"since": "0", "operations": []}',
        '{"since": 0, "operations": {}}',
        '{"since": 0, "operations": [{"client_id": "", "op": {}}]}',
        '{"since": 0, "operations": [{"client_id": "x"}]}',
        '{"since": 0, "operations": [{"client_id": "x", "op": {"op": "move", "to": NaN}}]}',
    ],
)
def test_a_body_of_the_wrong_form_is_refused_with_a_reason(
    client: Client, flow: Flow, body: str
) -> None:
    answer = client.post("/flows/loan/edit/operations/send/", body, "application/json")
    assert answer.status_code == 400
    assert answer.json()["remedy"]
    assert not DraftOperation.objects.exists()


def test_a_draft_that_would_grow_too_large_is_refused_whole(client: Client, flow: Flow) -> None:
    big = {"op": "set_flow", "path": "/samples/big", "value": "x" * editing.MAX_DRAFT_BYTES}
    assert sent(client, title("One"), big).status_code == 413
    flow.refresh_from_db()
    assert flow.draft_revision == 0


def test_deeply_nested_batches_are_refused_not_crashed_on(client: Client, flow: Flow) -> None:
    op: dict[str, Any] = title("Deep")
    for _ in range(300):
        op = {"op": "batch", "operations": [op]}
    assert sent(client, op).json()["results"][0]["code"] == "malformed"


@pytest.mark.parametrize(
    ("role", "may_view", "may_edit"),
    [(Role.OPERATOR, 200, 403), (Role.REVIEWER, 403, 403), (Role.DESIGNER, 200, 200)],
)
def test_only_designers_edit(
    flow: Flow, now: datetime, role: Role, may_view: int, may_edit: int
) -> None:
    client = Client()
    client.force_login(make_person("ben", role))
    assert client.get("/flows/loan/edit/").status_code == may_view
    assert client.get("/flows/loan/edit/draft/").status_code == may_view
    assert sent(client, title("Hm")).status_code == may_edit


def test_the_draft_is_sent_with_all_that_draws_it(
    client: Client, flow: Flow, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(6):
        data = client.get("/flows/loan/edit/draft/").json()
    assert data["revision"] == 0
    assert data["faces"]["route"]["ports"] == ["clear", "unsure"]
    assert {"branch", "review.case"} <= {each["name"] for each in data["types"]}
    assert "box" in data["icons"]


def test_the_inspector_has_a_field_for_each_setting(client: Client, flow: Flow) -> None:
    page = client.get("/flows/loan/edit/inspector/?step=route").content.decode()
    for path in (
        "/title",
        "/with/cases/0/port",
        "/with/cases/0/when",
        "/with/otherwise",
        "/retry/factor",
    ):
        assert f'data-path="{path}"' in page
    assert "steps.score.output" in page
    assert client.get("/flows/loan/edit/inspector/?step=gone").status_code == 404
    assert client.get("/flows/loan/edit/inspector/").status_code == 200


def test_the_flow_says_the_priority_of_its_runs(client: Client, flow: Flow) -> None:
    sent(client, {"op": "set_flow", "path": "/lane", "value": "bulk"})
    page = client.get("/flows/loan/edit/inspector/").content.decode()
    assert '<option value="bulk" selected>' in page


def inspected(client: Client, step: str) -> str:
    found: str = client.get(f"/flows/loan/edit/inspector/?step={step}").content.decode()
    return found


def test_the_inspector_says_what_happens_when_a_step_fails(client: Client, flow: Flow) -> None:
    retry = {"max_attempts": 3, "on": ["timeout", "http.5xx"], "not_on": ["HTTP"]}
    sent(
        client,
        {"op": "set_field", "step": "review", "path": "/limit"},
        {"op": "set_field", "step": "score", "path": "/retry", "value": retry},
        {"op": "connect", "edge": "score.error -> review"},
    )
    page = inspected(client, "score")
    assert 'data-path="/retry/on" data-kind="names" value="timeout, http.5xx"' in page
    assert '<option value="review" selected>' in page
    assert '<option value="score"' not in page
    # A problem stands at its field, and nowhere else.
    assert page.count("is not a class of errors") == 1
    assert '<details class="more" data-group="When it fails" open>' in page


def test_only_a_step_that_is_called_can_be_limited(client: Client, flow: Flow) -> None:
    sent(client, {"op": "set_field", "step": "review", "path": "/limit"})
    assert 'data-path="/limit/concurrency"' in inspected(client, "score")
    assert 'data-path="/limit/concurrency"' not in inspected(client, "review")
    # One that is there by mistake can be seen and taken away.
    limit = {"concurrency": 2}
    sent(
        client, ("b", {"op": "set_field", "step": "review", "path": "/limit", "value": limit}),
        since=1,
    )  # fmt: skip
    assert 'data-path="/limit/concurrency"' in inspected(client, "review")


def test_a_step_whose_config_is_nonsense_still_opens(client: Client, flow: Flow) -> None:
    values: list[Any] = ["text", 5, [], {"cases": 3}, {"cases": ["x"], "otherwise": []}, None]
    for value in values:
        sent(
            client,
            (f"n{value}", {"op": "set_field", "step": "route", "path": "/with", "value": value}),
        )
        assert client.get("/flows/loan/edit/inspector/?step=route").status_code == 200
        assert client.get("/flows/loan/edit/draft/").status_code == 200
        assert client.get("/flows/loan/edit/problems/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_get_one_order(flow: Flow, now: datetime) -> None:
    def edit(name: str) -> None:
        for i in range(10):
            wrapped = [{"client_id": f"{name}{i}", "op": title(f"{name}{i}")}]
            editing.apply_operations(flow_id=flow.pk, operations=wrapped, author=None, now=now)
        connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(edit, ["ada", "ben"]))
    revisions = list(DraftOperation.objects.order_by("revision").values_list("revision", flat=True))
    assert revisions == list(range(1, 21))
    flow.refresh_from_db()
    assert flow.draft["title"] == DraftOperation.objects.get(revision=20).operation["value"]


def test_the_history_groups_the_edits_of_one_person_in_one_sitting(
    client: Client, flow: Flow, now: datetime
) -> None:
    ada = User.objects.get(username="ada")
    ben = make_person("ben", Role.DESIGNER)
    for minute, author in enumerate([ada, ada, ben, ada, ada]):
        at = now + timedelta(minutes=minute if minute < 4 else 60)
        edit = [{"client_id": f"m{minute}", "op": title(f"At {minute}")}]
        editing.apply_operations(flow_id=flow.pk, operations=edit, author=author, now=at)
    found = list_history(flow_id=flow.pk)
    told = [(each.author.username, len(each.entries), each.newest["revision"]) for each in found]
    assert told == [("ada", 1, 5), ("ada", 1, 4), ("ben", 1, 3), ("ada", 2, 2)]
    page = client.get(f"/flows/loan/edit/history/?author={ben.pk}").content.decode()
    assert "Restore revision 3" in page
    assert "Restore revision 2" not in page


def test_the_draft_as_it_was_made_can_be_restored(client: Client, flow: Flow) -> None:
    before = flow.draft
    sent(client, title("Two"), {"op": "remove_step", "id": "score"})
    assert "Before the first edit" in client.get("/flows/loan/edit/history/").content.decode()
    assert client.post("/flows/loan/edit/restore/", {"revision": 0}).status_code == 204
    flow.refresh_from_db()
    assert flow.draft == before


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("levels", [60, 100, 300, 600])
@pytest.mark.parametrize(
    "op",
    [
        {"op": "set_flow", "path": "/samples/deep"},
        {"op": "set_field", "step": "score", "path": "/with/deep"},
        {"op": "replace"},
        {"op": "batch"},
    ],
    ids=lambda op: op["op"],
)
def test_what_nests_deeper_than_a_document_may_enters_no_draft(
    client: Client, flow: Flow, op: dict[str, Any], levels: int
) -> None:
    filled = {**op, "value": nested(levels)}
    if op["op"] == "replace":
        filled = {"op": "replace", "document": {**flow.draft, "samples": {"a": nested(levels)}}}
    elif op["op"] == "batch":
        set_it = {"op": "set_flow", "path": "/samples/deep", "value": nested(levels)}
        filled = {"op": "batch", "operations": [title("One"), set_it]}
    refused, applied = sent(client, filled, title("Two")).json()["results"]
    assert refused["code"] == "too_deep"
    assert "levels" in refused["message"]
    assert refused["remedy"].startswith("Flatten it")
    assert applied["status"] == "applied"
    flow.refresh_from_db()
    assert flow.draft == normal_form({**loan(), "title": "Two"})


def test_a_draft_does_not_grow_too_deep_by_steps(client: Client, flow: Flow) -> None:
    codes = []
    for turn in range(8):
        path = "/samples" + "/a" * (turn * 10 + 1)
        sent_now = sent(client, (f"t{turn}", {"op": "set_flow", "path": path, "value": {}}))
        codes.append(sent_now.json()["results"][0].get("code"))
    assert codes == [None] * 6 + ["too_deep"] * 2
    flow.refresh_from_db()
    assert read_json(json.dumps(flow.draft))


def test_the_inspector_offers_the_models_and_prompts_that_the_flow_may_use(
    client: Client, flow: Flow
) -> None:
    make_connection("open", kind="openai", title="Open to all")
    make_connection("closed", kind="openai", flows=["elsewhere"])
    make_connection("scores", kind="http")
    ask = {"type": "llm.chat", "with": {"model": "gone", "routing": {"shares": {"open": 0.5}}}}
    flow.draft["steps"]["ask"] = ask
    flow.save()
    page = client.get("/flows/loan/edit/inspector/?step=ask").content.decode()
    model = page.split('data-path="/with/model"')[1].split("</select>")[0]
    usual, _, refused = model.partition('<optgroup label="Not for this flow">')
    assert 'value="open"' in usual
    assert "Open to all" in usual
    assert 'value="closed"' not in usual
    assert 'value="closed"' in refused
    assert 'value="scores"' not in model
    shares = page.split('data-map="/with/routing/shares"')[1].split("</fieldset>")[0]
    assert 'data-path="/with/routing/shares/open"' in shares
    assert 'value="closed"' in shares
    assert '<option value="open"' not in shares
    assert 'href="/prompts/new/"' in page
    assert 'href="/connections/new/"' not in page
