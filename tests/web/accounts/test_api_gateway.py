"""What every API route shares: sign-in, problems, size and type of bodies, idempotency, paging."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError, transaction
from django.test import Client, RequestFactory
from django.utils import timezone
from ninja import Router, Status

from workbench.accounts.actors import Actor
from workbench.accounts.gate import requires
from workbench.accounts.models import IdempotentRequest, Role, User
from workbench.accounts.permissions import SIGNED_IN
from workbench.audit.actions import register_action
from workbench.audit.models import Entry
from workbench.audit.services import record
from workbench.http.errors import add_error_handlers, answer_error
from workbench.http.gateway import GuardedApi, accepts
from workbench.http.idempotency import prune
from workbench.http.problems import ApiProblem, map_error
from workbench.http.schemas import Strict
from workbench.http.sign_in import BearerToken, actor_of
from workbench.people.services import create_token, grant_role, revoke_token

register_action("test.noted", "Noted {text}")
ACTOR = Actor.system("test")


class NoteIn(Strict):
    text: str
    times: int = 1
    fail: str = ""


class NoteAlreadyThere(Exception):
    """There is such a note."""


map_error(NoteAlreadyThere, status=409, code="note-already-there", remedy="Choose another text.")


REFUSED_BY_DATABASE = {
    "too long": DataError("value too long for type character varying(150)"),
    "too large": OverflowError("Python int too large to convert to SQLite INTEGER"),
    "half a pair": UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
}


def make_api() -> GuardedApi:
    """A small API behind the same gate: the gate is tested, not one product route."""
    router = Router()

    @router.post("/notes", response={201: dict[str, int]})
    @requires(SIGNED_IN, scope="own")
    def add_note(request: Any, note: NoteIn) -> Any:
        with transaction.atomic():
            entry = record(
                action="test.noted",
                subject=("user", "1"),
                actor=actor_of(request),
                payload={"text": note.text},
                now=timezone.now(),
            )
        if note.fail == "late":
            raise RuntimeError(note.fail)
        if note.fail in REFUSED_BY_DATABASE:
            raise REFUSED_BY_DATABASE[note.fail]
        if note.fail == "known":
            raise NoteAlreadyThere
        return Status(201, {"entry": entry.pk})

    @router.post("/files", response=dict[str, int])
    @accepts("application/octet-stream", max_bytes=100)
    @requires(SIGNED_IN, scope="own")
    def add_file(request: Any) -> Any:
        return {"size": len(request.body)}

    api = GuardedApi(
        auth=[BearerToken()], docs_url=None, openapi_url="/openapi.json", urls_namespace="gate"
    )
    add_error_handlers(api)
    api.add_router("", router)
    return api


API = make_api()


def call(path: str, method: str = "post", **kwargs: Any) -> Any:
    """Call the small API with a request as Django's handler makes it."""
    request = getattr(RequestFactory(), method)(path, **kwargs)
    request.user = kwargs.get("user") or User()
    for pattern in API.urls[0]:
        match = pattern.resolve(path.lstrip("/"))
        if match:
            return match.func(request, *match.args, **match.kwargs)
    raise AssertionError(path)


@pytest.fixture
def person(db: None) -> User:
    return User.objects.create_user("ada", password="correct horse")


@pytest.fixture
def make_token(person: User) -> Callable[..., str]:
    def make(*scopes: str, **kwargs: Any) -> str:
        return create_token(
            user=person, name="ci", scopes=scopes, now=timezone.now(), actor=ACTOR, **kwargs
        )[1]

    return make


def bearer(secret: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {secret}"}}


def post_note(secret: str, key: str = "", **note: Any) -> Any:
    headers = {"Authorization": f"Bearer {secret}"} | ({"Idempotency-Key": key} if key else {})
    body = json.dumps({"text": "x", **note})
    return call("/notes", data=body, content_type="application/json", headers=headers)


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = json.loads(response.content)
    assert found["type"] == f"urn:countersign:problem:{code}"
    assert found["status"] == status
    assert set(found) == {"type", "title", "status", "detail", "remedy", "errors"}
    return found


# --- Sign-in ------------------------------------------------------------------


@pytest.mark.django_db
def test_without_a_token_the_answer_is_401(client: Client) -> None:
    response = client.get("/api/v1/me")
    found = problem(response, 401, "not-signed-in")
    assert "API tokens" in found["remedy"]
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_a_token_acts_for_its_person_within_its_scopes(
    client: Client, person: User, make_token: Callable[..., str]
) -> None:
    grant_role(user=person, role=Role.AUDITOR, actor=ACTOR, now=timezone.now())
    narrow, wide = make_token("runs.view"), make_token("audit.view", "flows.edit")
    found = client.get("/api/v1/me", **bearer(narrow)).json()
    assert found["username"] == "ada"
    assert found["permissions"] == ["runs.view", "signed_in"]
    problem(client.get("/api/v1/audit/entries", **bearer(narrow)), 403, "not-permitted")
    assert client.get("/api/v1/audit/entries", **bearer(wide)).status_code == 200
    # A scope gives nothing that its person has not.
    assert "flows.edit" not in client.get("/api/v1/me", **bearer(wide)).json()["permissions"]


def test_an_expired_token_says_so_and_how_to_get_a_new_one(
    client: Client, make_token: Callable[..., str]
) -> None:
    secret = make_token(expires_at=timezone.now() - timedelta(days=1))
    found = problem(client.get("/api/v1/me", **bearer(secret)), 401, "token-expired")
    assert "expired at" in found["detail"]
    assert "Make a new token" in found["remedy"]


def test_a_revoked_or_unknown_token_is_refused(
    client: Client, person: User, make_token: Callable[..., str]
) -> None:
    secret = make_token()
    revoke_token(token=person.tokens.get(), actor=ACTOR, now=timezone.now())
    problem(client.get("/api/v1/me", **bearer(secret)), 401, "token-invalid")
    problem(client.get("/api/v1/me", **bearer("csn_nonsense")), 401, "token-invalid")


def test_a_bad_token_is_not_saved_by_a_session(client: Client, person: User) -> None:
    client.force_login(person)
    problem(client.get("/api/v1/me", **bearer("csn_nonsense")), 401, "token-invalid")


def test_a_page_of_this_site_may_use_its_session(client: Client, person: User) -> None:
    client.force_login(person)
    found = client.get("/api/v1/me").json()
    assert found["username"] == "ada"
    assert found["token"] is None


def test_a_session_without_its_csrf_token_changes_nothing(person: User) -> None:
    request = RequestFactory(enforce_csrf_checks=True).post(
        "/notes", data='{"text": "x"}', content_type="application/json"
    )
    request._dont_enforce_csrf_checks = False  # type: ignore[attr-defined]
    request.user = person
    view: Any = next(p for p in API.urls[0] if p.resolve("notes")).callback
    problem(view(request), 403, "csrf-token-missing")
    assert not Entry.objects.filter(action="test.noted").exists()


# --- Errors -------------------------------------------------------------------


def test_what_is_no_route_gets_a_problem(client: Client) -> None:
    problem(client.get("/api/v1/nothing/here"), 404, "not-found")
    problem(client.post("/api/v1/"), 404, "not-found")


def test_a_missing_object_gets_a_problem(
    client: Client, person: User, make_token: Callable[..., str]
) -> None:
    grant_role(user=person, role=Role.AUDITOR, actor=ACTOR, now=timezone.now())
    auth = bearer(make_token("audit.view"))
    problem(client.get("/api/v1/audit/entries/999999", **auth), 404, "not-found")
    problem(client.get("/api/v1/audit/entries/" + "9" * 40, **auth), 404, "not-found")


def test_a_method_that_is_not_there_names_those_that_are(
    client: Client, make_token: Callable[..., str]
) -> None:
    response = client.delete("/api/v1/me", **bearer(make_token()))
    assert "GET" in problem(response, 405, "method-not-allowed")["remedy"]
    assert response["Allow"] == "GET"


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({}, "body/note/text"),
        ({"text": 3}, "body/note/text"),
        ({"text": "x", "times": "2"}, "body/note/times"),
        ({"text": "x", "times": False}, "body/note/times"),
        ({"text": "x", "colour": 1}, "body/note/colour"),
    ],
)
def test_an_invalid_body_names_the_field(
    make_token: Callable[..., str], body: dict[str, Any], at: str
) -> None:
    data = json.dumps(body)
    response = call("/notes", data=data, content_type="application/json", **bearer(make_token()))
    assert problem(response, 422, "request-invalid")["errors"][0]["at"] == at


def test_a_broken_document_is_a_problem(make_token: Callable[..., str]) -> None:
    response = call("/notes", data="{", content_type="application/json", **bearer(make_token()))
    problem(response, 400, "body-unreadable")


def test_a_wrong_content_type_names_the_right_one(make_token: Callable[..., str]) -> None:
    response = call("/notes", data="text=x", content_type="text/plain", **bearer(make_token()))
    assert "application/json" in problem(response, 415, "content-type-unsupported")["remedy"]


def test_a_body_of_ten_megabytes_is_refused_unread(make_token: Callable[..., str]) -> None:
    body = json.dumps({"text": "x" * 10_000_000})
    response = call("/notes", data=body, content_type="application/json", **bearer(make_token()))
    problem(response, 413, "body-too-large")
    assert not Entry.objects.filter(action="test.noted").exists()


def test_a_route_may_take_another_type_up_to_its_own_size(make_token: Callable[..., str]) -> None:
    kwargs = {"content_type": "application/octet-stream", **bearer(make_token())}
    assert json.loads(call("/files", data=b"x" * 100, **kwargs).content) == {"size": 100}
    problem(call("/files", data=b"x" * 101, **kwargs), 413, "body-too-large")


def test_a_declared_exception_gets_its_problem(make_token: Callable[..., str]) -> None:
    found = problem(post_note(make_token(), fail="known"), 409, "note-already-there")
    assert found["detail"] == "There is such a note."
    assert found["remedy"] == "Choose another text."


def test_a_failure_tells_nothing_of_the_inside(
    make_token: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    found = problem(post_note(make_token(), fail="late"), 500, "server-error")
    assert "RuntimeError" not in json.dumps(found)
    assert "RuntimeError" in caplog.text


# --- Idempotency --------------------------------------------------------------


def test_the_same_key_and_body_get_the_same_answer(make_token: Callable[..., str]) -> None:
    secret = make_token()
    first, second = post_note(secret, "k"), post_note(secret, "k")
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert second["Idempotent-Replayed"] == "true"
    assert Entry.objects.filter(action="test.noted").count() == 1


def test_the_same_key_with_another_body_is_refused(make_token: Callable[..., str]) -> None:
    secret = make_token()
    post_note(secret, "k")
    problem(post_note(secret, "k", text="y"), 422, "idempotency-key-reused")
    assert Entry.objects.filter(action="test.noted").count() == 1


def test_the_key_of_another_person_is_another_key(make_token: Callable[..., str]) -> None:
    post_note(make_token(), "k")
    assert post_note(make_token(), "k", text="y").status_code == 201


def test_while_the_first_request_runs_the_second_is_told_to_wait(
    make_token: Callable[..., str],
) -> None:
    secret = make_token()
    post_note(secret, "k")
    IdempotentRequest.objects.update(status=None)
    response = post_note(secret, "k")
    problem(response, 409, "request-in-progress")
    assert response["Retry-After"] == "1"


def test_a_claim_of_a_dead_process_is_taken_over(make_token: Callable[..., str]) -> None:
    secret = make_token()
    post_note(secret, "k")
    long_ago = timezone.now() - timedelta(minutes=10)
    IdempotentRequest.objects.update(status=None, created_at=long_ago)
    assert post_note(secret, "k").status_code == 201
    assert IdempotentRequest.objects.get().status == 201


def test_after_a_failure_nothing_is_done_and_the_key_is_free(
    make_token: Callable[..., str],
) -> None:
    secret = make_token()
    problem(post_note(secret, "k", fail="late"), 500, "server-error")
    assert not Entry.objects.filter(action="test.noted").exists()
    assert post_note(secret, "k").status_code == 201


def test_a_refusal_is_not_kept_and_the_key_is_free(make_token: Callable[..., str]) -> None:
    secret = make_token()
    problem(post_note(secret, "k", fail="known"), 409, "note-already-there")
    assert not IdempotentRequest.objects.exists()
    again = post_note(secret, "k", fail="known")
    assert "Idempotent-Replayed" not in again
    assert post_note(secret, "k").status_code == 201


@pytest.mark.parametrize("fault", REFUSED_BY_DATABASE)
def test_what_only_the_database_refuses_is_the_sender_s_fault_and_leaves_nothing(
    make_token: Callable[..., str], fault: str
) -> None:
    found = problem(post_note(make_token(), "k", fail=fault), 422, "value-refused")
    assert found["remedy"]
    assert not Entry.objects.filter(action="test.noted").exists()
    assert not IdempotentRequest.objects.exists()


@pytest.mark.parametrize("key", ["x" * 201, "a\tb"])
def test_a_key_that_cannot_be_kept_is_refused(make_token: Callable[..., str], key: str) -> None:
    problem(post_note(make_token(), key), 422, "idempotency-key-invalid")


def test_answers_are_forgotten_after_48_hours(make_token: Callable[..., str]) -> None:
    post_note(make_token(), "k")
    assert prune(timezone.now() + timedelta(hours=47)) == 0
    assert prune(timezone.now() + timedelta(hours=49)) == 1


# --- Paging, description ------------------------------------------------------


def test_pages_follow_one_another_without_gap(
    client: Client, person: User, make_token: Callable[..., str]
) -> None:
    grant_role(user=person, role=Role.AUDITOR, actor=ACTOR, now=timezone.now())
    secret = make_token("audit.view")
    for i in range(5):
        post_note(secret, text=str(i))
    seen: list[int] = []
    cursor = ""
    while True:
        url = f"/api/v1/audit/entries?limit=2&cursor={cursor}"
        page = client.get(url, **bearer(secret)).json()
        assert len(page["items"]) <= 2
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert seen == list(Entry.objects.order_by("-id").values_list("id", flat=True))


@pytest.mark.parametrize("query", ["cursor=zzz", "cursor=ImEi", "limit=0", "limit=1000"])
def test_a_bad_page_is_a_problem(
    client: Client, person: User, make_token: Callable[..., str], query: str
) -> None:
    grant_role(user=person, role=Role.AUDITOR, actor=ACTOR, now=timezone.now())
    response = client.get(f"/api/v1/audit/entries?{query}", **bearer(make_token("audit.view")))
    assert response.status_code == 422
    assert response.json()["remedy"]


def test_an_entry_proves_itself_over_the_api(
    client: Client, person: User, make_token: Callable[..., str]
) -> None:
    from workbench.audit.merkle import root_from_proof
    from workbench.audit.services import seal

    grant_role(user=person, role=Role.AUDITOR, actor=ACTOR, now=timezone.now())
    auth = bearer(make_token("audit.view"))
    seal(timezone.now())
    entry = Entry.objects.first()
    assert entry is not None
    found = client.get(f"/api/v1/audit/entries/{entry.pk}", **auth).json()
    assert root_from_proof(found["leaf_hash"], found["proof"]["path"]) == found["proof"]["root"]
    assert client.get("/api/v1/audit/verify", **auth).json()["ok"] is True


def test_the_description_is_served_to_anyone(client: Client) -> None:
    found = client.get("/api/v1/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    assert "/api/v1/audit/entries" in found["paths"]
    assert set(found["components"]["securitySchemes"]) == {"BearerToken", "PageSession"}


def test_problems_are_exceptions_with_their_detail() -> None:
    assert str(ApiProblem(409, "stale", "It changed.")) == "It changed."


@pytest.mark.parametrize(
    "error",
    [
        DataError("value too long"),
        OverflowError("too large"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    ],
)
def test_a_value_that_cannot_be_kept_is_not_the_servers_fault(error: Exception) -> None:
    found = problem(answer_error(RequestFactory().post("/notes"), error), 422, "value-refused")
    assert "openapi.json" in found["remedy"]
