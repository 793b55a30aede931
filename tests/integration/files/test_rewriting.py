"""``artifacts encrypt``: after a rotation, or once it is turned on, nothing stays behind."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from flows.models import Artifact
from flows.runtime.artifacts import open_artifact, read_artifact, store_artifact
from tests.integration.files.conftest import KEYS, get_store, use_store
from workbench.files.rewriting import delete_leftovers, rewrite_all

pytestmark = [pytest.mark.django_db, pytest.mark.own_servers]
NOW = datetime(2026, 3, 10, tzinfo=UTC)
CONTENTS = [os.urandom(100_000) for _ in range(3)]


def keep(content: bytes) -> str:
    kept = store_artifact(content=content, media_type="text/plain", name="a", now=NOW)
    return str(kept["artifact"])


def turn_to(settings: Any, keys: list[str]) -> None:
    folder = settings.STORAGES["default"]["OPTIONS"]["folder"]
    use_store(settings, folder, ARTIFACT_STORE=settings.ARTIFACT_STORE, ARTIFACT_KEYS=keys)


def list_all() -> set[str]:
    folders = {path[:2] for path in Artifact.objects.values_list("path", flat=True)}
    return {f"{folder}/{name}" for folder in folders for name in default_storage.listdir(folder)[1]}


def test_all_is_encrypted_with_the_newest_key(store: str, settings: Any) -> None:
    digests = [keep(content) for content in CONTENTS]
    for keys in ([KEYS[1], KEYS[0]], [KEYS[1]]):
        # The second round finds nothing to do, and reads without the old key.
        turn_to(settings, keys)
        call_command("artifacts", "encrypt")
        for digest, content in zip(digests, CONTENTS, strict=True):
            assert read_artifact(digest)[1] == content
    paths = set(Artifact.objects.values_list("path", flat=True))
    assert all(path.endswith(get_store().suffix) for path in paths)
    assert list_all() == paths


def test_what_was_stopped_goes_on_and_leaves_nothing(settings: Any, tmp_path: Path) -> None:
    use_store(settings, tmp_path)
    digests = [keep(content) for content in CONTENTS]
    before = {artifact.path for artifact in Artifact.objects.all()}
    turn_to(settings, KEYS[:1])
    next(rewrite_all())
    assert len(before & list_all()) == 2
    # Killed before the old file was deleted.
    get_store().kept.save(f"{digests[0][:2]}/{digests[0]}", ContentFile(CONTENTS[0]))
    assert len(list(rewrite_all())) == 2
    assert list(delete_leftovers(timezone.now())) == []
    later = timezone.now() + timedelta(hours=2)
    assert list(delete_leftovers(later)) == [f"{digests[0][:2]}/{digests[0]}"]
    assert not before & list_all()


def test_a_row_that_was_read_before_still_opens(settings: Any, tmp_path: Path) -> None:
    use_store(settings, tmp_path)
    artifact = Artifact.objects.get(digest=keep(CONTENTS[0]))
    turn_to(settings, KEYS[:1])
    call_command("artifacts", "encrypt")
    with open_artifact(artifact) as file:
        assert file.read() == CONTENTS[0]


def test_what_cannot_be_read_stays_and_is_named(
    settings: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    use_store(settings, tmp_path)
    digests = [keep(content) for content in CONTENTS]
    path = Artifact.objects.get(digest=digests[1]).path
    Path(default_storage.path(path)).write_bytes(b"changed")
    turn_to(settings, KEYS[:1])
    with pytest.raises(CommandError, match="1 files stay"):
        call_command("artifacts", "encrypt")
    assert path in capsys.readouterr().err
    assert Artifact.objects.get(digest=digests[1]).path == path
    assert read_artifact(digests[2])[1] == CONTENTS[2]


def test_without_a_key_it_says_how_to_make_one() -> None:
    with pytest.raises(CommandError, match="openssl rand"):
        call_command("artifacts", "encrypt")
