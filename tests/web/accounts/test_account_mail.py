"""Mails about an account: their links lead to the configured site, whatever the request says."""

import re
from email.message import Message
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from tests.servers import MailSink
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role, User
from workbench.people.services import add_person, grant_role
from workbench.values.refusals import ValueRefused

pytestmark = pytest.mark.django_db
SITE = "https://countersign.example.com"
FORGED = [
    {"HTTP_HOST": "evil.example"},
    {"HTTP_HOST": "evil.example:8000"},
    {"HTTP_HOST": "countersign.example.com.evil.example"},
    {"HTTP_X_FORWARDED_HOST": "evil.example"},
    {"HTTP_FORWARDED": "host=evil.example"},
    {"HTTP_HOST": "evil.example", "HTTP_X_FORWARDED_HOST": "evil.example"},
]


@pytest.fixture(autouse=True)
def site(settings: Any, mail_sink: MailSink) -> None:
    cache.clear()
    settings.SITE_URL = SITE
    settings.ALLOWED_HOSTS = ["*"]  # The worst that a proxy could let through.
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mail_sink.port


def text_of(message: Message) -> str:
    payload = message.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return f"{message['Subject']}\n{payload.decode()}"


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_host_does_not_stand_in_the_mail_of_a_reset(
    client: Client, mail_sink: MailSink, forged: dict[str, str]
) -> None:
    address = "ada@example.test"
    User.objects.create_user("ada", email="ada@example.test", password="correct horse battery")
    client.post("/accounts/password/reset/", {"email": address}, **forged)  # type: ignore[arg-type]
    [message] = mail_sink.messages
    text = text_of(message)
    assert message["To"] == address
    assert "evil.example" not in text
    links = re.findall(r"https?://\S+", text)
    assert links
    assert all(link.startswith(f"{SITE}/accounts/") for link in links), links


def test_an_address_that_is_nobodys_gets_no_mail(client: Client, mail_sink: MailSink) -> None:
    answer = client.post("/accounts/password/reset/", {"email": "nobody@example.test"})
    assert answer.status_code == 302  # as for everybody, so that nobody learns who has an account
    assert mail_sink.messages == []


def test_the_link_in_the_mail_sets_a_new_password(client: Client, mail_sink: MailSink) -> None:
    person = User.objects.create_user("ada", email="ada@example.test", password="old horse battery")
    client.post("/accounts/password/reset/", {"email": person.email}, HTTP_HOST="evil.example")
    [link] = re.findall(rf"{SITE}(\S+)", text_of(mail_sink.messages[0]))
    form = client.get(link, follow=True)
    new = "another horse battery"
    client.post(form.request["PATH_INFO"], {"password1": new, "password2": new})
    person.refresh_from_db()
    assert person.check_password(new)


@pytest.mark.parametrize(
    "address", ["a@x.test,b@x.test", "A <a@x.test>", "a@x.test\nBcc: b@x.test"]
)
def test_a_person_has_one_address(client: Client, address: str, now: Any) -> None:
    adm = User.objects.create_user("adm")
    grant_role(user=adm, role=Role.ADMIN, actor=Actor.system("t"), now=now)
    client.force_login(adm)
    form = {"username": "eve", "display_name": "Eve", "email": address}
    assert client.post(reverse("accounts:person_new"), form).status_code == 422
    with pytest.raises(ValueRefused):
        add_person(username="eve", display_name="", email=address, actor=Actor.system("t"), now=now)
    assert not User.objects.filter(username="eve").exists()
