"""Lists: entries are added, taken out, imported and searched, also a hundred thousand of them."""

import json
import time
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from flows.assets.errors import AssetTestsFailed
from flows.assets.kinds import get_kind
from flows.assets.lists.content import MOST_ENTRIES
from flows.assets.lists.csv_file import CsvFile
from flows.assets.models import Asset
from flows.assets.services import create_asset, publish_asset
from tests.factories.people import ACTOR, make_person, signed_in
from tests.web.api import Api
from tests.web.pages import page, revision_on
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
ENTRIES = [
    {"value": "mailinator.com", "match": "domain", "note": "Throwaway", "until": "2031-01-31"},
    {"value": "=1+1"},
    {"value": "Müller, \"KG\""},
]  # fmt: skip
EDIT = "/lists/blocked/edit/"


@pytest.fixture
def dora() -> Client:
    return signed_in(make_person("dora", Role.DESIGNER))


def make_list(entries: Any = ENTRIES, tests: Any = ()) -> Asset:
    content = {"description": "Who is blocked", "entries": entries, "tests": list(tests)}
    return create_asset(
        kind=get_kind("list"), name="blocked", title="Blocked", content=content, actor=ACTOR,
        now=timezone.now(),
    )  # fmt: skip


def publish(asset: Asset) -> Any:
    asset.refresh_from_db()
    return publish_asset(
        asset_id=asset.pk, revision=asset.draft_revision, note="x", author=None, actor=ACTOR,
        now=timezone.now(),
    )  # fmt: skip


def save(client: Client, **fields: Any) -> Any:
    given = {"title": "Blocked", "description": "Who is blocked", "test-rows": "0"}
    return client.post(EDIT, {**given, "revision": revision_on(client, EDIT), **fields})


def values_of(asset: Asset) -> list[str]:
    asset.refresh_from_db()
    return [each["value"] for each in asset.draft["entries"]]


def test_entries_are_added_replaced_and_taken_out(dora: Client) -> None:
    asset = make_list()
    added = "new.example, domain, Seen today\nMAILINATOR.com,domain,Again\n"
    assert save(dora, add=added, remove="=1+1\n").status_code == 302
    assert values_of(asset) == ['Müller, "KG"', "new.example", "MAILINATOR.com"]
    assert asset.draft["entries"][2] == {
        "value": "MAILINATOR.com",
        "match": "domain",
        "note": "Again",
    }


def test_a_line_that_is_no_entry_is_told_and_nothing_is_lost(dora: Client) -> None:
    asset = make_list()
    answer = save(dora, add="a, b, c, d, e")
    assert answer.status_code == 422
    assert "Line 1 has 5 cells" in answer.content.decode()
    assert "a, b, c, d, e" in answer.content.decode()
    assert len(values_of(asset)) == 3


def test_a_csv_file_goes_out_and_comes_in_without_loss(dora: Client) -> None:
    asset = make_list()
    text = dora.get("/lists/blocked/export/?format=csv").content.decode()
    assert "'=1+1" in text
    assert CsvFile().read(text, asset.draft)["entries"] == ENTRIES
    upload = SimpleUploadedFile("more.csv", b"match;value\r\nprefix;+49 900\r\n")
    given = {"file": upload, "revision": revision_on(dora, EDIT)}
    assert dora.post("/lists/blocked/import/", given).status_code == 302
    asset.refresh_from_db()
    assert asset.draft["entries"] == [{"value": "+49 900", "match": "prefix"}]
    assert asset.draft["description"] == "Who is blocked"


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"value": "a", "until": "31.1.2027"}, "Write it as 2027-01-31"),
        ({"value": "not a domain", "match": "domain"}, "is no domain"),
        ({"value": "MÜLLER, \"kg\""}, "is entry 3 too"),
        ({"value": " "}, "The value is empty"),
    ],
)  # fmt: skip
def test_what_cannot_be_published_is_told(entry: Any, told: str) -> None:
    asset = make_list([*ENTRIES, entry])
    assert told in "\n".join(map(str, get_kind("list").check(asset.draft)))


def test_a_version_is_published_only_if_its_tests_pass(dora: Client) -> None:
    tests = [{"name": "found", "text": "joe@mailinator.com", "found": True},
             {"name": "left", "text": "joe@example.com", "found": False}]  # fmt: skip
    asset = make_list(tests=tests)
    publish(asset)
    assert "2 passed" in page(dora, "/lists/")
    wrong = [{"name": "wrong", "text": "joe@example.com", "found": True}]
    Asset.objects.filter(pk=asset.pk).update(draft={**asset.draft, "tests": wrong})
    with pytest.raises(AssetTestsFailed):
        publish(asset)
    assert "Not found." in page(dora, "/lists/blocked/tests/")
    assert "Ask a model" not in page(dora, "/lists/blocked/tests/")


def test_two_versions_are_compared_by_value(dora: Client) -> None:
    asset = make_list()
    publish(asset)
    save(dora, add="new.example, domain", remove="=1+1")
    shown = page(dora, "/lists/blocked/compare/")
    assert "Entries taken out: 1" in shown
    assert "Entries added: 1" in shown


def test_a_hundred_thousand_entries_stay_usable(dora: Client) -> None:
    """Each page is small and comes in seconds, saving too."""
    entries = [
        {"value": f"host{number}.example.org", "match": "domain"} for number in range(MOST_ENTRIES)
    ]
    asset, began = make_list(entries), time.process_time()
    answer = dora.get("/lists/blocked/?find=host99&page=2")
    assert "host9945.example.org" in answer.content.decode()
    assert len(answer.content) < 100_000
    assert save(dora, add="one-more.example, domain", remove="host5.example.org").status_code == 302
    assert time.process_time() - began < 20
    asset.refresh_from_db()
    assert len(asset.draft["entries"]) == MOST_ENTRIES


def test_more_entries_are_refused() -> None:
    entries = [{"value": "x"}] * (MOST_ENTRIES + 1)
    [problem] = get_kind("list").check_form({"entries": entries})
    assert "at most 100,000 are kept" in str(problem)


def test_lists_go_over_http_and_who_may_not_edit_is_refused() -> None:
    make_list()
    reader = Api(Role.REVIEWER, scopes=["lists.view"])
    assert reader.get("/lists/blocked").json()["draft"]["entries"] == ENTRIES
    given: Any = {"content": {"entries": []}}
    assert reader.put("/lists/blocked/draft", given, etag='"1"').status_code == 403
    writer = Api(Role.DESIGNER, scopes=["lists.view", "lists.edit"])
    answer = writer.put(
        "/lists/blocked/draft", {"content": {"entries": [{"value": 3}]}}, etag='"1"'
    )
    assert answer.status_code == 422
    assert "All of an entry is text" in json.dumps(answer.json())
