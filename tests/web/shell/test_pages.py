"""Home, search, preferences, the style page and the pages for what went wrong."""

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from tests.factories.people import make_person, signed_in
from workbench.accounts.models import Role, User
from workbench.shell import offers, registry, search
from workbench.shell.middleware import PersonTimeZone
from workbench.shell.registry import Found

pytestmark = pytest.mark.django_db


@pytest.fixture
def client_of_nobody() -> Client:
    return signed_in(make_person("sam.lee"))


@pytest.mark.parametrize(
    "path", ["/", "/home/panels/", "/search/", "/search/results/", "/styleguide/"]
)
def test_a_page_asks_who_is_not_signed_in_to_sign_in(path: str) -> None:
    response = Client().get(path)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/?next=")


@pytest.mark.parametrize("path", ["/", "/search/?q=re", "/styleguide/", "/preferences/"])
def test_a_page_of_the_frame_renders_under_the_content_policy(path: str) -> None:
    response = signed_in(make_person("sam.lee", Role.DESIGNER)).get(path)
    assert response.status_code == 200
    assert "unsafe" not in response["Content-Security-Policy"]


def test_who_has_no_role_is_told_whom_to_ask(client_of_nobody: Client) -> None:
    html = client_of_nobody.get("/").content.decode()
    assert "You have no role yet" in html
    assert 'class="rail-link"' not in html


def test_the_rail_shows_only_what_the_person_may_use() -> None:
    html = signed_in(make_person("sam.lee", Role.AUDITOR)).get("/preferences/").content.decode()
    places = {item.label for item in offers.list_nav_items_for(User.objects.get())}
    shown = {item.label for item in registry.list_nav_items() if f'href="{item.url}"' in html}
    assert shown == places
    assert places < {item.label for item in registry.list_nav_items()}


def test_a_search_finds_places_by_the_start_of_a_word() -> None:
    user = make_person("sam.lee", Role.DESIGNER)
    response = signed_in(user).get("/search/results/", {"q": "fl"})
    assert 'href="/flows/"' in response.content.decode()


def test_a_broken_provider_does_not_close_the_palette(
    client_of_nobody: Client, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def breaks(user: Any, text: str) -> list[Found]:
        raise RuntimeError("index lost")

    def finds(user: Any, text: str) -> list[Found]:
        return [Found(f"Loan <b>{text}</b>", "/x/", "Flow")]

    monkeypatch.setattr(search, "list_search_providers", lambda: [breaks, finds])
    html = client_of_nobody.get("/search/results/", {"q": "loan"}).content.decode()
    assert "Loan &lt;b&gt;loan&lt;/b&gt;" in html
    assert "breaks failed" in caplog.text


def test_a_search_for_one_letter_asks_no_provider(
    client_of_nobody: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "list_search_providers", lambda: pytest.fail("asked"))
    assert "Nothing matches" in client_of_nobody.get("/search/results/?q=q").content.decode()


def test_a_theme_is_kept_and_used_from_the_first_byte(client_of_nobody: Client) -> None:
    response = client_of_nobody.post("/preferences/", {"theme": "dark", "next": "/styleguide/"})
    assert response["Location"] == "/styleguide/"
    assert b'data-theme="dark"' in client_of_nobody.get("/").content


def test_times_are_shown_in_the_zone_of_the_person() -> None:
    user = make_person("sam.lee")
    client = signed_in(user)
    client.post("/preferences/", {"time_zone": "Asia/Kolkata"})
    user.refresh_from_db()
    assert user.time_zone == "Asia/Kolkata"
    assert " IST" in client.get("/styleguide/").content.decode()


@pytest.mark.parametrize("form", [{"theme": "neon"}, {"time_zone": "Mars/Base"}])
def test_a_preference_that_does_not_exist_changes_nothing(
    client_of_nobody: Client, form: dict[str, str]
) -> None:
    response = client_of_nobody.post("/preferences/", form)
    assert response.status_code == 422
    assert "Nothing was changed" in response.content.decode()
    assert "theme" not in response.cookies
    assert User.objects.get().time_zone == "UTC"


@pytest.mark.parametrize("wanted", ["https://elsewhere.example/", "//elsewhere.example", ""])
def test_preferences_lead_to_no_other_site(client_of_nobody: Client, wanted: str) -> None:
    response = client_of_nobody.post("/preferences/", {"theme": "dark", "next": wanted})
    assert response["Location"] == "/preferences/"


def test_a_missing_page_tells_what_to_do(client_of_nobody: Client) -> None:
    response = client_of_nobody.get("/no/such/page/")
    assert response.status_code == 404
    assert "Search" in response.content.decode()


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (OperationalError("connection refused"), 503, "The database does not respond"),
        (OperationalError("database or disk is full"), 503, "The disk is full"),
        (RuntimeError("ours"), 500, "Something broke on our side"),
    ],
)
def test_the_error_page_asks_the_database_nothing(
    error: Exception,
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: Any,
) -> None:
    def breaks(self: Any, request: Any) -> None:
        raise error

    # The session is read before any view: that is where a page meets a database that is away.
    monkeypatch.setattr(PersonTimeZone, "__call__", breaks)
    client = Client(raise_request_exception=False)
    with django_assert_num_queries(0):
        response = client.get("/")
    assert response.status_code == status
    assert said in response.content.decode()
    assert ("Retry-After" in response) == (status == 503)


def test_the_page_for_what_is_not_there_asks_the_database_nothing(
    django_assert_num_queries: Any,
) -> None:
    client = signed_in(make_person("sam.lee", Role.DESIGNER))
    # The session and the person, for their time zone; none for the page.
    with django_assert_num_queries(2):
        assert client.get("/no/such/page/").status_code == 404
    with django_assert_num_queries(0):
        assert Client().get("/no/such/page/").status_code == 404


def test_a_form_of_a_page_that_is_out_of_date_says_so() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_person("sam.lee"))
    response = client.post("/preferences/", {"theme": "dark"})
    assert response.status_code == 403
    assert "out of date" in response.content.decode()


def test_the_frame_costs_one_query_for_the_grants(
    django_assert_num_queries: Any, client_of_nobody: Client
) -> None:
    # Session, person, grants.
    with django_assert_num_queries(3):
        client_of_nobody.get("/search/results/")


def test_home_shows_the_panels_of_what_the_person_may_use(
    client_of_nobody: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_panels", {})
    context = {"icon": "inbox", "title": "Three cases", "text": "wait"}
    registry.register_home_panel("shell/_empty.html", lambda request: context, None)
    registry.register_home_panel("shell/_error.html", lambda request: {"title": "X"}, "audit.view")
    registry.register_home_panel("shell/_notice.html", lambda request: None, None)
    html = client_of_nobody.get("/home/panels/").content.decode()
    assert "Three cases" in html
    assert "error-state" not in html
    assert "notice" not in html
