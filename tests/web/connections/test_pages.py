"""The pages of connections: who sees them, the form by kind, the card, trying, removing."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from flows.connections.models import Connection
from flows.resilience.models import Breaker
from flows.steps.models import LOCAL
from tests.browsers import post_untouched
from tests.factories.connections import make_connection
from tests.factories.flows import make_flow
from tests.factories.probes import publish_flow
from tests.integration.connections.model_server import ModelServer, serving_a_model, trickle
from tests.web.pages import page, revision_on, text_of
from workbench.accounts.models import Role
from workbench.audit.models import Entry
from workbench.secrets.models import Secret
from workbench.secrets.services import read_secrets
from workbench.secrets.uses import connection_use

pytestmark = pytest.mark.django_db
LIST = "/connections/"


@pytest.fixture
def model(settings: Any) -> Iterator[ModelServer]:
    cache.clear()
    with serving_a_model() as server:
        settings.OUTGOING_ALLOWLIST = [server.address]
        yield server


@pytest.fixture
def admin(client_of: Callable[..., Client]) -> Client:
    return client_of(Role.ADMIN)


def filled(client: Client, url: str, **typed: Any) -> dict[str, Any]:
    """Return what the form at the address posts once something was typed into it."""
    html = page(client, url)
    start = html.index('id="connection-form"')
    posted = dict(post_untouched(html[start : html.index("</form>", start)]).lists())
    return {**posted, **typed}


def actions() -> list[str]:
    """Return what was done to connections and secrets, in order."""
    entries = Entry.objects.filter(action__regex=r"^(connection|secret)\.").order_by("pk")
    return list(entries.values_list("action", flat=True))


# --- Who ---


@pytest.mark.parametrize("role", Role)
def test_who_sees_connections_and_who_changes_them(
    client_of: Callable[..., Client], role: Role
) -> None:
    make_connection()
    client = client_of(role)
    sees = role != Role.REVIEWER
    manages = role == Role.ADMIN
    for path in ("", "rows/", "risk/"):
        assert client.get(f"{LIST}{path}").status_code == (200 if sees else 403)
    for path in ("new/", "new/http/", "risk/edit/"):
        assert client.get(f"{LIST}{path}").status_code == (200 if manages else 403)
    for act in ("switch", "remove", "try"):
        answer = client.post(f"{LIST}risk/{act}/", {"input": "no json"})
        assert (answer.status_code == 403) != manages
    if sees and not manages:
        shown = page(client, f"{LIST}risk/")
        assert "Try it" not in shown
        assert "Remove this connection" not in shown


def test_a_role_for_one_flow_opens_no_connection(client_of: Callable[..., Client]) -> None:
    make_connection()
    assert client_of(Role.DESIGNER, flow="loan").get(LIST).status_code == 403


# --- The list ---


def test_an_empty_list_teaches_the_first_step(admin: Client, designer: Client) -> None:
    assert "Connect a model" in page(admin, LIST)
    shown = page(designer, LIST)
    assert "Administrators add them" in shown
    assert "/connections/new/" not in shown


def test_the_list_shows_state_price_last_error_and_an_overdue_review(auditor: Client) -> None:
    now = timezone.now()
    make_connection("risk", price_call="0.002", card={"review_on": "2020-01-31"})
    make_connection("slow", flows=["a", "b"], card={"review_on": "2999-01-31"})
    make_connection("old", enabled=False, flows=[])
    Breaker.objects.create(
        destination="connection:slow", state="open", failed_at=now,
        retry_at=now + timedelta(seconds=60), last_error="It did not answer <b>in time</b>.",
    )  # fmt: skip
    shown = page(auditor, LIST)
    for text in ("0.002", "Every flow", "2 flows", "No flow", "Paused", "Off"):
        assert text in shown
    assert shown.count("Review overdue") == 1
    assert "&lt;b&gt;in time" in shown


def test_a_connection_behind_a_local_model_of_its_name_says_so(
    auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_connection()
    monkeypatch.setattr(LOCAL, "models", lambda: {"risk": "1"})
    assert "Hidden" in page(auditor, LIST)
    assert "Steps do not reach it" in page(auditor, f"{LIST}risk/")


def test_no_page_calls_out(auditor: Client, model: ModelServer) -> None:
    model.misbehave = trickle
    make_connection(address=model.url)
    for path in ("", "rows/", "risk/"):
        page(auditor, f"{LIST}{path}")
    assert model.asked == []


# --- The form ---


def test_the_form_of_a_kind_adds_a_connection_with_its_key(
    admin: Client, model: ModelServer
) -> None:
    make_flow("loan")
    typed = {
        "title": "Credit risk", "address": model.url, "secret_value": "sk-first-key-1",
        "flows": ["loan"], "price_call": "0.25", "price_input": "1,000.5", "concurrency": "8",
        "f.output_at": "prediction", "f.confidence.how": '"field"', "f.confidence.path": "p",
        "card_owner": "Risk Analytics", "card_review_on": "2027-01-31",
        "input_schema": '{"type": "object"}',
    }  # fmt: skip
    answer = admin.post(f"{LIST}new/http/", filled(admin, f"{LIST}new/http/", **typed))
    assert answer.status_code == 302, text_of(answer)
    row = Connection.objects.get()
    assert (row.name, row.kind, row.flows, row.concurrency) == ("credit-risk", "http", ["loan"], 8)
    assert (float(row.price_call), float(row.price_input)) == (0.25, 1000.5)
    assert row.options["confidence"] == {"how": "field", "path": "p"}
    assert row.options["error_at"] == "error"
    assert row.card == {"owner": "Risk Analytics", "review_on": "2027-01-31"}
    assert row.secret_name == "connection_credit_risk"
    kept = read_secrets([row.secret_name], use=connection_use("credit-risk"))
    assert kept == {"connection_credit_risk": "sk-first-key-1"}
    shown = page(admin, f"{LIST}credit-risk/") + page(admin, f"{LIST}credit-risk/edit/")
    assert "sk-first-key-1" not in shown
    assert actions() == ["secret.set", "connection.created"]


def test_a_form_that_comes_back_untouched_changes_nothing(admin: Client) -> None:
    options = {"output_at": "p", "error_at": "", "body": {"n": 1}}
    make_connection(
        enabled=False, options=options, price_second="0.000001", timeout_seconds=2.5,
        card={"purpose": "One\nTwo"}, flows=["loan", "gone"], parameters={"t": 0},
    )  # fmt: skip
    url = f"{LIST}risk/edit/"
    assert admin.post(url, filled(admin, url)).status_code == 302
    row = Connection.objects.get()
    assert row.options["error_at"] == ""
    assert row.options["body"] == {"n": 1}
    assert (row.flows, row.timeout_seconds) == (["gone", "loan"], 2.5)
    assert row.card == {"purpose": "One\nTwo"}
    assert admin.post(url, filled(admin, url)).status_code == 302
    assert Connection.objects.get().revision == row.revision


def test_an_option_can_be_emptied(admin: Client) -> None:
    make_connection(enabled=False, options={"error_at": "error", "output_at": "p"})
    url = f"{LIST}risk/edit/"
    emptied = {"f.error_at": "", "f.output_at": ""}
    assert admin.post(url, filled(admin, url, **emptied)).status_code == 302
    row = Connection.objects.get()
    assert (row.options.get("error_at"), row.options.get("output_at", "")) == ("", "")


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"address": "http://10.0.0.7/"}, "not allowed"),
        ({"title": " "}, "required"),
        ({"name": "rows"}, "another page"),
        ({"name": "Ä"}, "valid"),
        ({"price_call": "cheap"}, "not a number"),
        ({"price_call": "-1"}, "greater than or equal"),
        ({"timeout_seconds": "9999"}, "less than or equal"),
        ({"concurrency": "1.5"}, "whole"),
        ({"parameters": "[1]"}, "Write an object"),
        ({"parameters": '{"a": NaN}'}, "NaN"),
        ({"input_schema": '{"type": "nothing"}'}, "no JSON Schema"),
        ({"secret_name": "NOBODYS"}, "no secret NOBODYS"),
        ({"f.secret_header": "Host"}, "set by the client"),
        ({"f.output_at": "a b"}, "a b"),
        ({"f.body": "{"}, "JSON"),
        ({"card_review_on": "2026-02-30"}, "2026-02-30"),
        ({"secret_value": "x" * 17_000}, "16384"),
    ],
)
def test_what_does_not_hold_stands_at_its_field_and_nothing_is_saved(
    admin: Client, model: ModelServer, typed: dict[str, str], says: str
) -> None:
    url = f"{LIST}new/http/"
    given = {"title": "Risk", "name": "risk", "address": model.url, **typed}
    answer = admin.post(url, filled(admin, url, **given))
    assert answer.status_code == 422
    assert says in text_of(answer)
    assert "Nothing was saved" in text_of(answer)
    assert not Connection.objects.exists()
    assert not Secret.objects.exists()


def test_a_second_one_of_a_name_is_refused(admin: Client, model: ModelServer) -> None:
    make_connection()
    url = f"{LIST}new/http/"
    answer = admin.post(url, filled(admin, url, title="Risk", address=model.url))
    assert answer.status_code == 422
    assert "There is a connection of that name" in text_of(answer)


def test_a_copy_begins_without_name_and_key(admin: Client) -> None:
    make_connection(title="Credit risk", secret_name="KEY", card={"owner": "Ada"})
    shown = page(admin, f"{LIST}new/http/?copy=risk")
    assert 'value="Ada"' in shown
    assert "Credit risk" not in shown
    assert 'value="KEY"' not in shown


def test_a_kind_that_is_not_there_is_not_found(admin: Client) -> None:
    assert admin.get(f"{LIST}new/pigeon/").status_code == 404
    make_connection(kind="pigeon")
    assert admin.get(f"{LIST}risk/edit/").status_code == 404
    assert page(admin, f"{LIST}risk/")


def test_what_a_person_wrote_is_escaped(admin: Client) -> None:
    script = "<script>alert(1)</script>"
    make_connection(
        title=script, card={"purpose": script}, served_as=script, options={"body": {script: 1}}
    )
    shown = page(admin, LIST) + page(admin, f"{LIST}risk/") + page(admin, f"{LIST}risk/edit/")
    assert script not in shown


# --- Trying ---


def test_a_try_shows_what_a_step_would_get_and_record(admin: Client, model: ModelServer) -> None:
    model.answer = {"label": "<b>yes</b>", "p": 0.875, "v": "7"}
    options = {"confidence": {"how": "field", "path": "p"}, "version_at": "v"}
    # Also one that is off and that no flow may use.
    make_connection(address=model.url, options=options, price_call="0.5", enabled=False, flows=[])
    answer = admin.post(f"{LIST}risk/try/", {"input": '{"amount": 1}'})
    shown = text_of(answer)
    for text in ("It answered", "0.875", "0.5", "What a step would record", "&lt;b&gt;yes"):
        assert text in shown
    assert "{&quot;amount&quot;: 1}" in shown
    part = admin.post(f"{LIST}risk/try/", {"input": "{}"}, headers={"HX-Request": "true"})
    assert text_of(part).lstrip().startswith("<div")
    assert [each.body for each in model.asked] == [{"amount": 1}, {}]
    assert actions() == ["connection.tried"] * 2


def test_a_try_that_fails_says_why_and_whether_the_server_is_up(
    admin: Client, model: ModelServer
) -> None:
    model.status = 503
    make_connection(address=model.url, options={"health_path": "ready"})
    shown = text_of(admin.post(f"{LIST}risk/try/", {"input": "{}"}))
    assert "answered 503" in shown
    assert "The server is not well either" in shown
    assert [each.path for each in model.asked] == ["/predict", "/predict/ready"]
    assert actions() == ["connection.tried"]


def test_a_sample_that_is_no_json_is_not_sent(admin: Client, model: ModelServer) -> None:
    make_connection(address=model.url)
    answer = admin.post(f"{LIST}risk/try/", {"input": "{amount: 1}"})
    assert answer.status_code == 422
    assert "{amount: 1}" in text_of(answer)
    assert model.asked == []


def test_one_person_may_try_only_so_often(
    client_of: Callable[..., Client],
    model: ModelServer,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.MODEL_TRIES_A_MINUTE = 2
    now = timezone.now()
    monkeypatch.setattr("workbench.http.rates.timezone.now", lambda: now)
    make_connection(address=model.url)
    one, other = client_of(Role.ADMIN), client_of(Role.ADMIN)
    url = f"{LIST}risk/try/"
    assert [one.post(url, {"input": "{}"}).status_code for _ in range(3)] == [200, 200, 429]
    assert other.post(url, {"input": "{}"}).status_code == 200
    assert len(model.asked) == 3


# --- Turning off, removing ---


def test_it_is_turned_off_and_on(admin: Client, model: ModelServer) -> None:
    make_connection(address=model.url)
    admin.post(f"{LIST}risk/switch/", {"enabled": "0"})
    assert "It is turned off" in page(admin, f"{LIST}risk/")
    admin.post(f"{LIST}risk/switch/", {"enabled": "1"})
    assert Connection.objects.get().enabled
    assert actions() == ["connection.disabled", "connection.enabled"]


def test_one_that_a_released_version_asks_is_not_removed(admin: Client) -> None:
    make_connection()
    flow = publish_flow("ask -> b", ask={"type": "model.infer", "model": "risk", "input": {}})
    shown = page(admin, f"{LIST}risk/")
    assert "/flows/kit/" in shown
    assert "Remove this connection" not in shown
    known = revision_on(admin, f"{LIST}risk/")
    answer = admin.post(f"{LIST}risk/remove/", {"revision": known}, follow=True)
    assert "asked by what is released of kit" in text_of(answer)
    flow.released = None
    flow.save()
    admin.post(f"{LIST}risk/remove/", {"revision": known})
    assert not Connection.objects.exists()
    assert actions() == ["connection.removed"]
