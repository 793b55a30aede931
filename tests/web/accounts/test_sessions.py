"""Sessions end by themselves and by their person, and a guesser slows only the guesser."""

import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.test import Client

from tests.servers import ROOT, environment
from workbench.accounts.idleness import BEGAN, USED
from workbench.accounts.models import User
from workbench.audit.models import Entry

PASSWORD = "correct horse battery"
HERE, ELSEWHERE = "203.0.113.5", "198.51.100.9"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_earlier_tries() -> None:
    cache.clear()


@pytest.fixture
def person() -> User:
    return User.objects.create_user("ada", email="ada@example.test", password=PASSWORD)


def sign_in(address: str = HERE, password: str = PASSWORD, login: str = "ada") -> Client:
    client = Client(REMOTE_ADDR=address, headers={"User-Agent": "Firefox/130.0 (Windows NT)"})
    client.post("/accounts/login/", {"login": login, "password": password})
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/accounts/tokens/").status_code == 200


def age(client: Client, key: str, seconds: float) -> None:
    session = client.session
    session[key] = int(time.time() - seconds)
    session.save()


def test_five_wrong_passwords_slow_the_guesser_and_not_the_owner(person: User) -> None:
    for _ in range(6):
        sign_in(ELSEWHERE, "wrong")
    assert not is_signed_in(sign_in(ELSEWHERE))
    assert is_signed_in(sign_in(HERE))


def test_twenty_wrong_passwords_of_others_do_not_shut_the_door_for_an_office(person: User) -> None:
    for number in range(20):
        sign_in(HERE, "wrong", f"other{number}")
    assert is_signed_in(sign_in(HERE))


def test_a_session_that_is_not_used_ends(person: User, settings: Any) -> None:
    client = sign_in()
    age(client, USED, settings.SESSION_IDLE_SECONDS + 1)
    answer = client.get("/accounts/tokens/")
    assert answer.status_code == 302
    assert "/accounts/login/" in answer.headers["Location"]
    assert "your session was not used" in client.get(answer.headers["Location"]).content.decode()
    assert Entry.objects.filter(action="user.signed_out").count() == 1


def test_a_session_ends_however_much_it_is_used(person: User, settings: Any) -> None:
    client = sign_in()
    age(client, BEGAN, settings.SESSION_LONGEST_SECONDS + 1)
    assert not is_signed_in(client)


def test_a_page_that_refreshes_by_itself_does_not_keep_a_session(person: User) -> None:
    client = sign_in()
    age(client, USED, 600)
    before = client.session[USED]
    client.get("/", headers={"X-Background": "1"})
    assert client.session[USED] == before
    client.get("/")
    assert client.session[USED] > before


def test_a_person_sees_their_sessions_and_ends_one(person: User) -> None:
    here, elsewhere = sign_in(HERE), sign_in(ELSEWHERE)
    other = User.objects.create_user("ben", password=PASSWORD)
    theirs = sign_in(HERE, login="ben")
    text = here.get("/accounts/sessions/").content.decode()
    assert ELSEWHERE in text
    assert "Firefox on Windows" in text
    assert text.count("this one") == 1
    for session in UserSession.objects.filter(user=other):
        here.post("/accounts/sessions/end/", {"session": session.pk})
    assert is_signed_in(theirs)
    row = UserSession.objects.get(user=person, ip=ELSEWHERE)
    here.post("/accounts/sessions/end/", {"session": row.pk})
    assert not is_signed_in(elsewhere)
    assert is_signed_in(here)
    assert Entry.objects.filter(action="user.session_ended").count() == 1


def test_a_person_ends_all_their_other_sessions(person: User) -> None:
    here, *others = sign_in(HERE), sign_in(HERE), sign_in(ELSEWHERE)
    here.post("/accounts/sessions/end/")
    assert is_signed_in(here)
    assert not any(is_signed_in(each) for each in others)


def run_check(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return subprocess.run(
        command, cwd=ROOT, env=environment(tmp_path, **variables), text=True, capture_output=True,
        check=False, timeout=60,
    )  # fmt: skip


def test_a_site_on_https_passes_djangos_checks_for_production(tmp_path: Path) -> None:
    done = run_check(
        tmp_path, SITE_URL="https://desk.example", TRUSTED_PROXIES="10.0.0.0/8",
        ALLOWED_HOSTS="desk.example", SECRET_KEY="k3" * 40 + "abcdefghij",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_site_on_https_without_a_trusted_proxy_is_warned(tmp_path: Path) -> None:
    done = run_check(tmp_path, SITE_URL="https://desk.example", SECRET_KEY="k3" * 40 + "abcdefghij")
    assert "TRUSTED_PROXIES" in done.stderr


def test_the_files_of_the_embedded_default_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    folder.mkdir(mode=0o755)
    script = (
        "from django.core.files.base import ContentFile as C\n"
        "from django.core.files.storage import default_storage as s\n"
        "from django.core.mail import send_mail\n"
        "from workbench.accounts.models import User\n"
        "s.save('aa/b', C(b'x')); send_mail('a', 'b', None, ['a@example.test'])\n"
    )
    variables = {name: v for name, v in environment(folder).items() if name != "SECRET_KEY"}
    for arguments in (["migrate", "-v0"], ["shell", "--no-imports", "-c", script]):
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=variables,
            check=True,
            timeout=90,
        )
    found = [folder, *folder.rglob("*")]
    assert {"countersign.sqlite3", "mail", "artifacts"} <= {each.name for each in found}
    assert [str(p) for p in found if stat.S_IMODE(p.stat().st_mode) & 0o077] == []
