"""What people change in how they sign in, and in what they see, is in the ledger."""

import re

import pytest
from allauth.mfa.totp.internal.auth import hotp_value, yield_hotp_counters_from_time
from django.core import mail
from django.core.cache import cache
from django.test import Client

from workbench.accounts.models import User
from workbench.audit.models import Entry
from workbench.audit.selectors import payload_of, sentence_of

PASSWORD = "correct horse battery"
NEW = "battery staple horse"
pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client) -> User:
    cache.clear()
    user = User.objects.create_user("ada", email="ada@example.test", password=PASSWORD)
    client.post("/accounts/login/", {"login": "ada", "password": PASSWORD})
    return user


def told() -> list[str]:
    entries = Entry.objects.select_related("payload").order_by("pk")
    return [sentence_of(entry) for entry in entries if entry.action != "user.signed_in"]


def all_bodies() -> str:
    return "".join(str(entry.payload.body) for entry in Entry.objects.select_related("payload"))


def test_a_change_of_password_is_recorded_without_it(client: Client, ada: User) -> None:
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert client.post("/accounts/password/change/", form).status_code == 302
    assert told() == ["ada changed the password"]
    bodies = all_bodies()
    assert PASSWORD not in bodies
    assert NEW not in bodies


def test_a_reset_by_a_link_is_recorded_as_by_link(ada: User) -> None:
    client = Client()
    client.post("/accounts/password/reset/", {"email": "ada@example.test"})
    found = re.search(r"/accounts/password/reset/key/\S+", str(mail.outbox[0].body))
    assert found
    page = client.get(found[0], follow=True)
    form = {"password1": NEW, "password2": NEW}
    assert client.post(page.redirect_chain[-1][0], form).status_code == 302
    entry = Entry.objects.get(action="user.password_reset")
    assert (entry.actor_kind, entry.subject_id) == ("link", str(ada.pk))


def test_the_second_factor_on_off_and_its_codes_are_recorded(client: Client, ada: User) -> None:
    secret = _turn_on(client)
    client.post("/accounts/2fa/recovery-codes/generate/")
    client.post("/accounts/2fa/totp/deactivate/")
    assert told() == [
        "ada turned on an authenticator app",
        "ada turned on recovery codes",
        "ada turned off recovery codes",
        "ada turned on recovery codes",
        "ada turned off an authenticator app",
        "ada turned off recovery codes",
    ]
    assert secret not in all_bodies()


def test_wrong_second_factors_leave_one_entry(client: Client, ada: User) -> None:
    _turn_on(client)
    client.post("/accounts/logout/")
    client.post("/accounts/login/", {"login": "ada", "password": PASSWORD})
    for _ in range(3):
        client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert told().count("ada gave a wrong second factor") == 1


def _turn_on(client: Client) -> str:
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    found = re.search(r'id="secret" readonly value="(\w+)"', page)
    assert found
    code = f"{hotp_value(found[1], next(iter(yield_hotp_counters_from_time()))):06}"
    client.post("/accounts/2fa/totp/activate/", {"code": code})
    return found[1]


def test_a_change_of_the_time_zone_is_recorded_once(client: Client, ada: User) -> None:
    for _ in range(2):
        client.post("/preferences/", {"time_zone": "Europe/Berlin"})
    entry = Entry.objects.get(action="user.time_zone_changed")
    assert payload_of(entry)["time_zone"] == "Europe/Berlin"
    ada.refresh_from_db()
    assert ada.time_zone == "Europe/Berlin"
