"""Home, search, preferences, the style page and the pages for what went wrong."""

import re
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from tests.factories.people import make_person, signed_in
from workbench.accounts.models import Role, User
from workbench.shell import offers, registry, search
from workbench.shell.checks import check_frame
from workbench.shell.middleware import PersonTimeZone
from workbench.shell.registry import Found, Tab

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
    places = {place.label for place in offers.list_places_for(User.objects.get())}
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


def rail_of(client: Client, path: str) -> tuple[dict[str, str], str]:
    """Return the links of the rail by label, and the label of the place that the page is in."""
    html = client.get(path).content.decode()
    links = re.findall(
        r'class="rail-link" href="([^"]+)"([^>]*)>.*?</svg>\s*(\w+)\s*</a>', html, re.S
    )
    here = [label for _, rest, label in links if "aria-current" in rest]
    return {label: url for url, _, label in links}, " ".join(here)


RAILS = {
    Role.DESIGNER: "Flows Assets Runs Insights Health",
    Role.REVIEWER: "Assets Review",
    Role.LEAD: "Flows Assets Runs Review Insights Health",
    Role.AUDITOR: "Flows Assets Runs Review Insights Audit Admin",
    Role.OPERATOR: "Flows Assets Runs Insights Health",
    Role.ADMIN: "Flows Assets Runs Review Insights Audit Admin Health",
}


@pytest.mark.parametrize("role", RAILS)
def test_each_role_has_its_places(role: Role) -> None:
    links, _ = rail_of(signed_in(make_person("sam.lee", role)), "/")
    assert " ".join(links) == RAILS[role]


@pytest.mark.parametrize(
    ("role", "path", "place"),
    [
        (Role.ADMIN, "/insights/cost/", "Insights"),
        (Role.ADMIN, "/insights/budgets/", "Insights"),
        (Role.LEAD, "/insights/cost/", "Insights"),
        (Role.ADMIN, "/connections/", "Admin"),
        (Role.ADMIN, "/connections/new/", "Admin"),
        (Role.ADMIN, "/accounts/people/roles/", "Admin"),
        (Role.DESIGNER, "/connections/", "Assets"),
        (Role.DESIGNER, "/prompts/", "Assets"),
        (Role.DESIGNER, "/prompts/new/", "Assets"),
    ],
)
def test_a_page_marks_the_place_that_it_is_in(role: Role, path: str, place: str) -> None:
    assert rail_of(signed_in(make_person("sam.lee", role)), path)[1] == place


@pytest.mark.parametrize(
    ("role", "path", "tabs"),
    [
        (Role.ADMIN, "/connections/", ["People", "Roles", "Models"]),
        (Role.ADMIN, "/prompts/", ["Contracts", "Lists", "Policies", "Prompts", "Tables"]),
        (
            Role.DESIGNER,
            "/prompts/",
            ["Contracts", "Lists", "Policies", "Prompts", "Tables", "Models"],
        ),
        (Role.REVIEWER, "/prompts/", ["Contracts", "Lists", "Policies", "Prompts", "Tables"]),
        (
            Role.OPERATOR,
            "/insights/budgets/",
            ["Quality", "Calibration", "Data", "Cost", "Budgets"],
        ),
    ],
)
def test_the_tabs_of_a_place_are_those_that_one_may_open(
    role: Role, path: str, tabs: list[str]
) -> None:
    html = signed_in(make_person("sam.lee", role)).get(path).content.decode()
    found = re.search(r'<nav class="tabs".*?</nav>', html, re.S)
    shown = re.findall(r">(\w+)</a>", found[0]) if found else []
    assert shown == tabs


def test_the_palette_leads_to_each_tab() -> None:
    client = signed_in(make_person("sam.lee", Role.OPERATOR))
    for text, url in {"models": "/connections/", "spent": "/insights/cost/"}.items():
        html = client.get("/search/results/", {"q": text}).content.decode()
        assert f'href="{url}"' in html


def test_a_new_kind_of_asset_is_one_more_tab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_tabs", dict(registry._tabs))
    registry.register_tab(Tab("assets", "Templates", "accounts:sessions", "prompts.view", 20))
    client = signed_in(make_person("sam.lee", Role.REVIEWER))
    links, _ = rail_of(client, "/")
    assert links == {"Assets": "/contracts/", "Review": links["Review"]}
    assert ">Templates</a>" in client.get("/prompts/").content.decode()


def test_a_tab_that_leads_nowhere_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_tabs", {})
    registry.register_tab(Tab("assets", "Tables", "nowhere:at-all", "prompts.view"))
    assert "“Tables” leads nowhere." in {problem.msg for problem in check_frame()}
