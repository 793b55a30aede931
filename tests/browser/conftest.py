"""Real Chromium against a real ``manage.py serve``. A page that reports an error fails its test."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests import servers
from tests.console import Console, console
from tests.servers import Countersign

# One person for each role; the user name is the role.
PASSWORD = "countersign for tests"
ROLES = ("designer", "reviewer", "lead", "auditor", "operator", "admin")
# One hash for all: to make one takes half a second of a core.
MAKE_PEOPLE = f"""
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from workbench.accounts.models import RoleGrant, User
password = make_password({PASSWORD!r})
for role in {ROLES!r}:
    user = User.objects.create(username=role, email=f"{{role}}@example.com", password=password)
    RoleGrant.objects.create(user=user, role=role, granted_at=timezone.now())
    client = Client()
    client.force_login(user)
    made = Session.objects.filter(pk=client.session.session_key)
    made.update(session_key=f"session-of-{{role}}")
"""
LOGGED_WITHOUT_HARM = "Failed to load resource"  # an answer of 4xx, which tests provoke
REFUSED_BY_POLICY = "Content Security Policy"


@dataclass
class Site:
    """A running server with one person for each role."""

    server: Countersign
    console: Console

    @property
    def url(self) -> str:
        return self.server.url

    def manage(self, *arguments: str) -> str:
        """Run a management command on the site's database."""
        return self.console.manage(*arguments)

    def run(self, code: str) -> str:
        """Run code on the site's database; return what it printed."""
        return self.console.run(code)


@pytest.fixture(scope="session")
def peopled_folder(tmp_path_factory: pytest.TempPathFactory, migrated_folder: Path) -> Path:
    """A COUNTERSIGN_VAR with one person for each role, all signed in; copy it, do not use it."""
    folder = tmp_path_factory.mktemp("peopled")
    shutil.copytree(migrated_folder, folder, dirs_exist_ok=True)
    with console(folder) as open_console:
        open_console.run(MAKE_PEOPLE)
    return folder


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, peopled_folder: Path) -> Iterator[Site]:
    var = tmp_path_factory.mktemp("site")
    shutil.copytree(peopled_folder, var, dirs_exist_ok=True)
    with servers.serve(var) as server, console(var) as open_console:
        yield Site(server, open_console)


@pytest.fixture(scope="session")
def base_url(site: Site) -> str:
    return site.url


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    # Chromium's sandbox refuses to run as root, as tests in containers do.
    return browser_type_launch_args | {"executable_path": chromium, "args": ["--no-sandbox"]}


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """A page whose scripts and content policy must not report an error."""
    reported: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error" and LOGGED_WITHOUT_HARM not in message.text:
            reported.append(message.text)

    page.on("console", on_console)
    page.on("pageerror", lambda error: reported.append(str(error)))
    yield page
    assert not reported, reported


@pytest.fixture(scope="session")
def policy_complaints(browser: Browser) -> list[str]:
    """What the content policy refused, on any page of any context of the session's browser."""
    complaints: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if REFUSED_BY_POLICY in message.text:
            complaints.append(f"{message.location.get('url')}: {message.text}")

    def listen(context: BrowserContext) -> None:
        context.on("console", on_console)

    browser.on("context", listen)
    return complaints


@pytest.fixture(autouse=True)
def the_policy_refuses_nothing(policy_complaints: list[str]) -> Iterator[None]:
    """Fail a test during which any page, also one that it opened by itself, broke the policy."""
    yield
    complaints = list(policy_complaints)
    policy_complaints.clear()
    assert not complaints, complaints


Login = Callable[[Page, str], None]


@pytest.fixture
def login(site: Site) -> Login:
    """Return ``login(page, username)``; the user names are the roles."""
    return partial(come_signed_in, url=site.url)


def come_signed_in(page: Page, username: str, *, url: str) -> None:
    """Give the browser the session of one who has signed in; the form has tests of its own."""
    session = {"name": "sessionid", "value": f"session-of-{username}", "url": url}
    page.context.add_cookies([session])  # type: ignore[list-item]


@pytest.fixture
def axe() -> Callable[[Page], None]:
    """Return ``axe(page)``, which fails if axe finds anything that keeps people out."""

    def check(page: Page) -> None:
        result = Axe().run(page)
        assert result.violations_count == 0, result.generate_report()

    return check


@pytest.fixture
def screens() -> Path:
    """The folder of the screenshots that the docs show."""
    folder = Path(__file__).resolve().parent.parent.parent / "docs" / "screens"
    folder.mkdir(exist_ok=True)
    return folder
