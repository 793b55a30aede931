"""Admin > People, and one's own API tokens."""

import re
from typing import Any

import pytest
from django.test import Client

from tests.factories.people import make_person
from workbench.accounts.models import ApiToken, Role, RoleGrant, User
from workbench.audit.models import Entry

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client: Client) -> User:
    user = make_person("root", Role.ADMIN)
    client.force_login(user)
    return user


def last_entry() -> Entry:
    entry = Entry.objects.order_by("-id").first()
    assert entry is not None
    return entry


def test_the_list_finds_people_and_names_their_roles(client: Client, admin: User) -> None:
    make_person("ada", Role.REVIEWER, queue="loans")
    make_person("grace")
    page = client.get("/accounts/people/?q=ad").content.decode()
    assert "Reviewer · loans" in page
    assert "grace" not in page
    assert "Nobody found" in client.get("/accounts/people/rows/?q=zzz").content.decode()


def test_the_list_takes_the_same_queries_however_many_people(
    client: Client, admin: User, django_assert_max_num_queries: Any
) -> None:
    for i in range(20):
        make_person(f"p{i}", Role.REVIEWER)
    with django_assert_max_num_queries(6):
        client.get("/accounts/people/")


def test_an_admin_adds_a_person_who_then_signs_in(client: Client, admin: User) -> None:
    page = client.post("/accounts/people/new/", {"username": "ada", "display_name": "Ada L."})
    found = re.search(r'id="secret" readonly value="([^"]+)"', page.content.decode())
    assert found
    assert last_entry().action == "user.added"
    assert Client().login(username="ada", password=found[1])
    assert "no-store" in page.headers["Cache-Control"]


def test_a_name_that_is_taken_is_told(client: Client, admin: User) -> None:
    response = client.post("/accounts/people/new/", {"username": "root"})
    assert response.status_code == 422
    assert "already exists" in response.content.decode()


def test_a_role_is_granted_and_revoked_and_both_are_recorded(client: Client, admin: User) -> None:
    ada = make_person("ada")
    url = "/accounts/people/by-name/ada/grants/"
    client.post(url, {"role": "reviewer", "flow_name": "", "queue_name": "loans"})
    grant = RoleGrant.objects.get(user=ada)
    assert (grant.role, grant.queue_name, grant.granted_by) == ("reviewer", "loans", admin)
    entry = last_entry()
    assert (entry.action, entry.subject_id, entry.actor_id) == (
        "role.granted",
        str(ada.pk),
        str(admin.pk),
    )
    client.post(f"{url}{grant.pk}/revoke/")
    assert not ada.grants.exists()
    assert last_entry().action == "role.revoked"


def test_an_unknown_role_changes_nothing(client: Client, admin: User) -> None:
    make_person("ada")
    response = client.post("/accounts/people/by-name/ada/grants/", {"role": "king"})
    assert response.status_code == 422
    assert RoleGrant.objects.count() == 1


def test_the_last_admin_stays(client: Client, admin: User) -> None:
    url = "/accounts/people/by-name/root/"
    response = client.post(f"{url}grants/{admin.grants.get().pk}/revoke/")
    assert response.status_code == 409
    assert "Make another person an admin first" in response.content.decode()
    assert client.post(f"{url}active/", {"active": "no"}).status_code == 409
    admin.refresh_from_db()
    assert admin.is_active
    assert admin.grants.count() == 1
    assert last_entry().action == "user.signed_in"


def test_an_admin_of_one_flow_manages_nobody(client: Client) -> None:
    client.force_login(make_person("ada", Role.ADMIN, flow="loans"))
    assert client.get("/accounts/people/").status_code == 403
    url = "/accounts/people/by-name/ada/grants/"
    assert client.post(url, {"role": "admin"}).status_code == 403
    assert RoleGrant.objects.count() == 1


def test_a_deactivated_person_and_their_tokens_stop(client: Client, admin: User) -> None:
    ada = make_person("ada", Role.AUDITOR)
    theirs = Client()
    theirs.force_login(ada)
    client.post("/accounts/people/by-name/ada/active/", {"active": "no"})
    assert last_entry().action == "user.deactivated"
    assert theirs.get("/audit/").status_code == 302


# --- Tokens -------------------------------------------------------------------


def test_a_tokens_secret_is_shown_once_and_not_kept(client: Client) -> None:
    client.force_login(make_person("ada", Role.AUDITOR))
    data = {"name": "nightly", "lifetime": "30", "scopes": ["audit.view"]}
    page = client.post("/accounts/tokens/", data).content.decode()
    found = re.search(r'value="(csn_[^"]+)"', page)
    assert found
    secret = found[1]
    token = ApiToken.objects.get()
    assert secret not in repr(vars(token))
    assert secret not in client.get("/accounts/tokens/").content.decode()
    assert secret not in str(last_entry().payload.body)
    headers = {"Authorization": f"Bearer {secret}"}
    assert Client().get("/api/v1/audit/entries", headers=headers).status_code == 200
    client.post(f"/accounts/tokens/{token.pk}/revoke/")
    assert last_entry().action == "token.revoked"
    assert Client().get("/api/v1/audit/entries", headers=headers).status_code == 401
    assert last_entry().action == "token.refused"


def test_a_token_cannot_have_more_than_its_person(client: Client) -> None:
    client.force_login(make_person("ada", Role.AUDITOR))
    response = client.post("/accounts/tokens/", {"name": "x", "scopes": ["flows.edit"]})
    assert response.status_code == 422
    assert not ApiToken.objects.exists()


def test_nobody_revokes_the_token_of_another(client: Client) -> None:
    client.force_login(make_person("ada"))
    client.post("/accounts/tokens/", {"name": "x"})
    client.force_login(make_person("eve"))
    token = ApiToken.objects.get()
    assert client.post(f"/accounts/tokens/{token.pk}/revoke/").status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None
