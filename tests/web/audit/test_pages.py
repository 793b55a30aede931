"""The ledger's pages."""

import io
import re
import zipfile
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from tests.emptying import guards_lifted
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role, User
from workbench.audit.actions import register_action
from workbench.audit.models import Entry, EntryPayload
from workbench.audit.services import Act, erase_payload, record_many, seal
from workbench.people.services import grant_role

register_action("test.noted", "Noted {text}")
pytestmark = pytest.mark.django_db


@pytest.fixture
def auditor(client: Client, now: datetime) -> User:
    user = User.objects.create_user("ada", display_name="Ada")
    grant_role(user=user, role=Role.AUDITOR, actor=Actor.system("test"), now=now)
    client.force_login(user)
    return user


@pytest.fixture
def noted(auditor: User, now: datetime) -> list[Entry]:
    acts = [
        Act("test.noted", ("case", str(i % 2)), Actor.system(f"robot {i}"), {"text": f"word{i}"})
        for i in range(60)
    ]
    with transaction.atomic():
        entries = record_many(acts[:59], now=now)
    seal(now)
    with transaction.atomic():
        return entries + record_many(acts[59:], now=now + timedelta(days=3))


def words(client: Client, query: str) -> list[str]:
    page = client.get(f"/audit/rows/?{query}").content.decode()
    return re.findall(r"Noted (word\d+)", page)


def test_the_list_shows_the_newest_first_and_pages_on(client: Client, noted: list[Entry]) -> None:
    page = client.get("/audit/?action=test.noted").content.decode()
    seen = re.findall(r"Noted (word\d+)", page)
    assert seen == [f"word{i}" for i in range(59, 9, -1)]
    older = re.search(r'href="([^"]+)" rel="next"', page)
    assert older
    page = client.get(older[1].replace("&amp;", "&")).content.decode()
    assert re.findall(r"Noted (word\d+)", page) == [f"word{i}" for i in range(9, -1, -1)]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("text=word7", 1), ("action=test", 50), ("actor=robot 5", 11), ("actor=system:robot 5", 1),
        ("subject_kind=case&subject_id=1", 30), ("since=2026-03-12", 1),
        ("until=2026-03-10&text=word1", 11),
        ("since=2026-03-11&until=2026-03-12", 0), ("text=nothing-like-it", 0),
    ],
)  # fmt: skip
def test_the_list_is_filtered(client: Client, noted: list[Entry], query: str, count: int) -> None:
    assert len(words(client, query)) == count


def test_a_filter_that_cannot_be_used_says_why(client: Client, auditor: User) -> None:
    response = client.get("/audit/?since=2026-03-12&until=2026-03-01")
    assert response.status_code == 422
    assert "before the first one" in response.content.decode()
    assert client.get("/audit/?since=yesterday").status_code == 422


def test_a_filter_that_finds_nothing_can_be_cleared(client: Client, noted: list[Entry]) -> None:
    assert "Clear the filter" in client.get("/audit/?text=zzz").content.decode()


def test_the_list_takes_the_same_queries_however_many_entries(
    client: Client, noted: list[Entry], django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(5):
        client.get("/audit/")


def test_the_rows_keep_the_address_of_their_page(client: Client, auditor: User) -> None:
    response = client.get("/audit/rows/?text=x")
    assert response.headers["HX-Replace-Url"] == "/audit/?text=x"
    assert b"<html" not in response.content


def test_an_entry_shows_its_chain_and_its_proof(client: Client, noted: list[Entry]) -> None:
    page = client.get(f"/audit/entries/{noted[4].pk}/").content.decode()
    for part in (noted[4].leaf_hash, noted[2].leaf_hash, "word4", "Inclusion proof"):
        assert part in page
    assert f"/audit/entries/{noted[6].pk}/" in page
    assert (
        "waiting for the next block"
        in client.get(f"/audit/entries/{noted[59].pk}/").content.decode()
    )
    assert client.get("/audit/entries/99999999/").status_code == 404


def test_an_erased_entry_says_so(client: Client, noted: list[Entry], now: datetime) -> None:
    erase_payload(entry=noted[3], reason="asked", actor=Actor.system("test"), now=now)
    page = client.get(f"/audit/entries/{noted[3].pk}/").content.decode()
    assert "word3" not in page
    assert "The details were erased" in page
    assert re.search(r"by test, because: asked\b", page)
    said = Entry.objects.get(action="ledger.payload_erased")
    assert f'href="/audit/entries/{said.pk}/"' in page


def test_an_entry_emptied_by_sql_says_that_nobody_erased_it(
    client: Client, noted: list[Entry]
) -> None:
    EntryPayload.objects.filter(entry=noted[3]).update(body=None, salt=None)
    page = client.get(f"/audit/entries/{noted[3].pk}/").content.decode()
    assert "The details are gone" in page


def test_a_subject_has_a_timeline(client: Client, noted: list[Entry]) -> None:
    page = client.get("/audit/subjects/case/1/").content.decode()
    assert len(re.findall(r"Noted word\d+", page)) == 30
    assert client.get("/audit/subjects/case/none/").status_code == 404
    assert client.get("/audit/subjects/ship/1/").status_code == 404


def test_what_people_write_is_shown_as_text(client: Client, auditor: User, now: datetime) -> None:
    text = "<script>alert(1)</script>"
    with transaction.atomic():
        acts = [Act("test.noted", ("case", text), Actor.system(text), {"text": text})]
        [entry] = record_many(acts, now=now)
    for path in ("/audit/", f"/audit/entries/{entry.pk}/"):
        assert "<script>alert" not in client.get(path).content.decode()


def test_verifying_tells_good_from_changed(client: Client, noted: list[Entry]) -> None:
    assert "Nothing was changed" in client.get("/audit/verification/result/").content.decode()
    connection.check_constraints()
    with guards_lifted(), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_entry SET actor_name = 'x' WHERE id = %s", [noted[5].pk])
    page = client.get("/audit/verification/").content.decode()
    assert "The ledger was changed" in page
    assert f"/audit/entries/{noted[5].pk}/" in page


def test_the_export_is_a_bundle_of_the_filter(client: Client, noted: list[Entry]) -> None:
    response = client.post("/audit/export/", {"subject_kind": "case", "subject_id": "1"})
    assert response.headers["Content-Type"] == "application/zip"
    data = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    with zipfile.ZipFile(io.BytesIO(data)) as bundle:
        assert bundle.read("entries.jsonl").count(b"\n") == 30
    entry = Entry.objects.order_by("-id")[0]
    assert (entry.action, entry.actor_name) == ("ledger.exported", "Ada")


def test_an_admin_reads_the_ledger_but_does_not_export_it(client: Client, now: datetime) -> None:
    user = User.objects.create_user("root")
    grant_role(user=user, role=Role.ADMIN, actor=Actor.system("test"), now=now)
    client.force_login(user)
    assert "/audit/export/" not in client.get("/audit/").content.decode()
    assert client.post("/audit/export/").status_code == 403


def test_an_entry_leads_to_the_receipt_of_its_case(client: Client, noted: list[Entry]) -> None:
    page = client.get(f"/audit/entries/{noted[1].pk}/").content.decode()

    assert 'href="/review/cases/1/receipt/"' in page
    assert 'href="/review/cases/1/"' in page
