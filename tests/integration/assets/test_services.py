"""Assets: drafts, versions, releases, the ledger; the source that steps fill prompts from."""

import threading
from typing import Any

import pytest
from django.db import IntegrityError, connections
from django.utils import timezone

from flows.assets import contents as contents_module
from flows.assets import services
from flows.assets.contents import CONTENTS
from flows.assets.errors import (
    AssetDraftChanged,
    AssetExists,
    AssetInUse,
    AssetInvalid,
    AssetTestsFailed,
    AssetUnchanged,
)
from flows.assets.ledger_check import check_releases, check_versions
from flows.assets.models import Asset, AssetVersion
from flows.assets.selectors import find_released_numbers, list_assets
from flows.steps.prompts import UnknownPrompt, VariablesRefused, get_prompt_source
from tests.factories.people import ACTOR
from tests.factories.prompts import (
    TRIAGE,
    change_prompt,
    make_prompt,
    make_prompted_flow,
    publish_prompt,
    reword,
)
from workbench.audit.models import Entry
from workbench.audit.selectors import sentence_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_is_cached() -> None:
    CONTENTS.forget()


def save(asset: Asset, **changes: Any) -> Asset:
    return services.save_draft(
        asset_id=asset.pk, title=None, content={**asset.draft, **changes}, actor=ACTOR,
        now=timezone.now(),
    )  # fmt: skip


def release(version: AssetVersion) -> Asset:
    return services.release_version(version_id=version.pk, actor=ACTOR, now=timezone.now())


def test_each_act_is_told_by_the_ledger() -> None:
    asset = make_prompt()
    first = asset.released
    reword(asset, "Anew: {letter} {notes}")
    assert first is not None
    release(first)
    for archived in (True, False):
        services.archive_asset(
            asset_id=asset.pk, archived=archived, actor=ACTOR, now=timezone.now()
        )

    entries = Entry.objects.filter(subject_kind="prompt", subject_id="triage").order_by("pk")
    assert [each.action for each in entries] == [
        "asset.created", "asset.published", "asset.released", "asset.changed", "asset.published",
        "asset.released", "asset.rolled_back", "asset.archived", "asset.restored",
    ]  # fmt: skip
    assert [sentence_of(each) for each in entries][4:7] == [
        "Published version 2: Changed", "Released version 2", "Rolled back from version 2 to 1",
    ]  # fmt: skip
    assert [*check_versions(), *check_releases()] == []


def test_the_ledger_finds_a_version_that_was_changed_and_a_release_that_was_not_made() -> None:
    asset = make_prompt()
    reword(asset, "Anew: {letter} {notes}")
    AssetVersion.objects.filter(number=1).update(content={**TRIAGE, "description": "Other"})
    Asset.objects.update(released=AssetVersion.objects.get(number=1))
    assert [each.code for each in check_versions()] == ["record-changed"]
    assert [each.code for each in check_releases()] == ["record-changed"]


def test_the_keys_keep_their_order_on_every_database() -> None:
    asset = make_prompt()
    assert list(asset.draft["variables"]) == ["letter", "notes"]
    backwards = dict(reversed(asset.draft["variables"].items()))
    saved = save(asset, variables=backwards)
    saved.refresh_from_db()
    assert saved.draft_revision == 2
    assert list(saved.draft["variables"]) == ["notes", "letter"]


def test_a_draft_that_is_saved_as_it_is_makes_no_revision() -> None:
    asset = make_prompt()
    assert save(asset).draft_revision == 1
    assert not Entry.objects.filter(action="asset.changed").exists()


def test_names_are_unique_within_a_kind() -> None:
    make_prompt()
    with pytest.raises(AssetExists):
        make_prompt()
    with pytest.raises(IntegrityError):
        AssetVersion.objects.create(
            asset=Asset.objects.get(), number=1, content={}, digest="", published_at=timezone.now()
        )


@pytest.mark.parametrize(
    "content",
    [{"parts": 7}, {"parts": [{"role": "user", "text": "a\0b"}]}, {"description": "x" * 600_000}],
)
def test_what_cannot_be_kept_is_refused_and_nothing_is_saved(content: Any) -> None:
    asset = make_prompt()
    with pytest.raises(AssetInvalid) as refused:
        save(asset, **content)
    assert refused.value.problems[0].remedy
    asset.refresh_from_db()
    assert (asset.draft_revision, asset.draft) == (1, TRIAGE)


def test_only_the_draft_that_was_looked_at_is_published() -> None:
    asset = make_prompt(publish=False)
    stale = asset.draft_revision
    save(asset, description="Other")
    asset.draft_revision = stale
    with pytest.raises(AssetDraftChanged):
        publish_prompt(asset, "Stale")
    assert not AssetVersion.objects.exists()


def test_a_draft_with_a_problem_or_a_failing_test_is_not_published() -> None:
    unused = make_prompt("unused", publish=False, parts=[{"role": "user", "text": "Hello"}])
    with pytest.raises(AssetInvalid):
        publish_prompt(unused, "Unused variables")
    wrong = {**TRIAGE["tests"][0], "recorded": {"answer": {"topic": "other"}}}
    failing = make_prompt("failing", publish=False, tests=[wrong])
    with pytest.raises(AssetTestsFailed) as refused:
        publish_prompt(failing, "It fails")
    assert "A lost card" in refused.value.problems[0].field
    assert not AssetVersion.objects.exists()


def test_an_unchanged_draft_is_not_published_twice() -> None:
    asset = make_prompt()
    with pytest.raises(AssetUnchanged):
        publish_prompt(asset, "Again")
    assert asset.released is not None
    assert asset.released.tests == {"passed": 1, "failed": 0, "skipped": 0, "stale": 0}


def test_of_two_who_publish_at_once_one_makes_the_version() -> None:
    asset = make_prompt(publish=False)
    done: list[object] = []

    def publish() -> None:
        try:
            done.append(publish_prompt(asset, "At once").number)
        except (AssetUnchanged, IntegrityError) as error:
            done.append(type(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=publish) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(map(str, done)) == ["1", str(AssetUnchanged)]


def test_what_a_released_flow_uses_is_not_archived() -> None:
    asset = make_prompt()
    make_prompted_flow()
    with pytest.raises(AssetInUse, match="letters"):
        services.archive_asset(asset_id=asset.pk, archived=True, actor=ACTOR, now=timezone.now())


def test_what_is_archived_has_no_released_version_for_new_flows() -> None:
    asset = make_prompt()
    assert find_released_numbers(["prompt/triage", "prompt/absent"]) == {"prompt/triage": 1}
    services.archive_asset(asset_id=asset.pk, archived=True, actor=ACTOR, now=timezone.now())
    assert find_released_numbers(["prompt/triage"]) == {"prompt/triage": None}
    assert list(list_assets("prompt")) == []
    assert [each.name for each in list_assets("prompt", archived=True)] == ["triage"]


# --- Where steps get prompts from --------------------------------------------------------


def test_steps_fill_a_version_by_its_number_or_the_released_one() -> None:
    asset = make_prompt()
    change_prompt(asset, release=False, parts=[{"role": "user", "text": "{letter}{notes}"}])
    source = get_prompt_source()
    given = {"letter": "Hello", "notes": []}
    assert source.fill("triage", None, given).label == "triage@1"
    filled = source.fill("triage", 2, given)
    assert (filled.label, filled.messages[-1].text) == ("triage@2", "Hello[]")
    assert source.find_variables("triage", None)["required"] == ["letter"]
    with pytest.raises(VariablesRefused):
        source.fill("triage", 1, {})


def test_an_unknown_prompt_or_version_is_told() -> None:
    make_prompt("ready", publish=False)
    for name, number, said in (
        ("absent", None, "no prompt"), ("ready", None, "no released"), ("ready", 3, "version 3"),
    ):  # fmt: skip
        with pytest.raises(UnknownPrompt, match=said):
            get_prompt_source().fill(name, number, {})


def test_a_version_is_read_once_and_what_is_released_once_a_second(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = make_prompt()
    source, given = get_prompt_source(), {"letter": "x"}
    with django_assert_num_queries(2):
        source.fill("triage", None, given)
    with django_assert_num_queries(0):
        for number in (None, 1):
            source.fill("triage", number, given)
    reword(asset, "{letter}{notes}")
    monkeypatch.setattr(contents_module, "RELEASED_SECONDS", 0.0)
    assert source.fill("triage", None, given).label == "triage@2"
