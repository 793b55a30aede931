"""Signing in and out: the pages, the second factor, the limit, and what the ledger keeps."""

import re
from typing import Any

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.totp.internal.auth import hotp_value, yield_hotp_counters_from_time
from django.core.cache import cache
from django.test import Client

from workbench.accounts.models import User
from workbench.audit.models import Entry

PASSWORD = "correct horse battery"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_earlier_tries() -> None:
    cache.clear()


@pytest.fixture
def person() -> User:
    return User.objects.create_user("ada", email="ada@example.test", password=PASSWORD)


def sign_in(client: Client, password: str = PASSWORD, login: str = "ada") -> Any:
    return client.post("/accounts/login/", {"login": login, "password": password})


def actions() -> list[str]:
    return list(Entry.objects.order_by("id").values_list("action", flat=True))


@pytest.mark.parametrize("login", ["ada", "ada@example.test"])
def test_a_person_signs_in_by_name_or_address(client: Client, person: User, login: str) -> None:
    assert sign_in(client, login=login).headers["Location"] == "/"
    assert actions() == ["user.signed_in"]
    client.post("/accounts/logout/")
    assert actions() == ["user.signed_in", "user.signed_out"]
    assert client.get("/accounts/tokens/").status_code == 302


def test_a_failed_sign_in_is_recorded_with_its_person(client: Client, person: User) -> None:
    page = sign_in(client, "wrong").content.decode()
    assert 'role="alert"' in page
    entry = Entry.objects.get()
    assert (entry.action, entry.subject_id) == ("user.sign_in_failed", str(person.pk))
    assert "wrong" not in str(entry.payload.body)


def test_a_name_that_is_nobodys_is_not_kept(client: Client, person: User) -> None:
    """People type their password into the first field."""
    sign_in(client, "x", login="hunter2-my-password")
    entry = Entry.objects.get()
    assert entry.subject_id == "unknown"
    assert "hunter2" not in str(entry.payload.body) + bytes(entry.canonical).decode()


def test_guessing_is_slowed_down(client: Client, person: User) -> None:
    for _ in range(5):
        sign_in(client, "wrong")
    page = sign_in(client).content.decode()
    assert "Too many failed login attempts" in page
    assert "_auth_user_id" not in client.session


def test_nobody_signs_up(client: Client) -> None:
    page = client.post("/accounts/signup/", {"username": "eve", "password1": PASSWORD})
    assert "There is no sign-up" in page.content.decode()
    assert not User.objects.exists()


def test_a_second_factor_is_turned_on_and_asked_for(client: Client, person: User) -> None:
    sign_in(client)
    assert (
        client.get("/accounts/2fa/totp/activate/")
        .headers["Location"]
        .startswith("/accounts/reauthenticate/")
    )
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    found = re.search(r'id="secret" readonly value="(\w+)"', page)
    assert found
    secret = found[1]
    code = get_totp(secret)
    assert client.post("/accounts/2fa/totp/activate/", {"code": code}).status_code == 302
    assert get_adapter().is_mfa_enabled(person)
    assert client.get("/accounts/2fa/recovery-codes/").status_code == 200
    client.post("/accounts/logout/")
    assert sign_in(client).headers["Location"].startswith("/accounts/2fa/authenticate/")
    assert "_auth_user_id" not in client.session
    assert "Second factor" in client.get("/accounts/2fa/authenticate/").content.decode()
    client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert "_auth_user_id" not in client.session


def get_totp(secret: str) -> str:
    counter = next(iter(yield_hotp_counters_from_time()))
    return f"{hotp_value(secret, counter):06}"


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/login/", "/accounts/logout/", "/accounts/inactive/", "/accounts/password/reset/",
        "/accounts/password/reset/done/", "/accounts/password/reset/key/1-x/",
        "/accounts/password/reset/key/done/", "/accounts/signup/",
    ],
)  # fmt: skip
def test_the_pages_outside_have_no_inline_script_or_style(client: Client, path: str) -> None:
    response = client.get(path, follow=True)
    page = response.content.decode()
    assert response.status_code == 200
    assert "Countersign" in page
    assert not re.search(r"<script(?![^>]*src)|<style|\sstyle=|\son\w+=", page)


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/password/change/", "/accounts/2fa/", "/accounts/2fa/totp/activate/",
        "/accounts/2fa/recovery-codes/generate/", "/accounts/tokens/",
    ],
)  # fmt: skip
def test_the_pages_of_ones_own_account_open(client: Client, person: User, path: str) -> None:
    sign_in(client)
    response = client.get(path, follow=True)
    assert response.status_code == 200
    assert not re.search(r"<style|\sstyle=|\son\w+=", response.content.decode())
