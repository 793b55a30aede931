"""The watch over web tests sees a change that left no entry."""

from collections.abc import Callable

import pytest
from django.test import Client

from tests.web.recording import watch
from workbench.accounts.models import Role, User
from workbench.people import services


def test_a_change_without_an_entry_is_seen(
    client_of: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(Role.ADMIN)
    monkeypatch.setattr(services, "record", lambda **_: None)
    person = {"username": "eve", "display_name": "Eve", "email": "eve@example.test"}
    with watch(monkeypatch) as unrecorded:
        client.post("/accounts/people/new/", person)
    assert User.objects.filter(username="eve").exists()
    assert len(unrecorded) == 1
    assert "workbench.people.views.person_new" in unrecorded[0]
