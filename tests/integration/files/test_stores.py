"""Artifacts are the same in a folder and in an S3 store, plain and encrypted."""

import hashlib
import io
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files import File
from django.core.files.storage import default_storage

from flows.models import Artifact
from flows.runtime.artifacts import (
    ArtifactFiles,
    open_artifact,
    read_artifact,
    store_artifact,
    store_file,
)
from flows.steps.files import FileMissing
from tests.integration.files.conftest import get_store
from tests.servers import Bucket
from workbench.files.checks import check_store_answers
from workbench.files.errors import FileDamaged

pytestmark = [pytest.mark.django_db, pytest.mark.own_servers]
NOW = datetime(2026, 3, 10, tzinfo=UTC)
CONTENT = os.urandom(9 * 1024 * 1024)  # more than one part of an upload
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def keep(content: bytes = CONTENT) -> Artifact:
    kept = store_artifact(content=content, media_type="text/plain", name="a", now=NOW)
    return Artifact.objects.get(digest=kept["artifact"])


def list_kept() -> list[str]:
    try:
        return default_storage.listdir(DIGEST[:2])[1]
    except FileNotFoundError:
        return []


def test_what_is_stored_is_read_whole_and_in_part(store: str, tmp_path: Path) -> None:
    artifact = keep()
    assert read_artifact(DIGEST)[1] == CONTENT
    ArtifactFiles().copy(DIGEST, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == CONTENT
    with open_artifact(artifact) as file:
        for start, size in ((8_500_000, 700_000), (0, 10), (len(CONTENT) - 5, 100), (70_000, 1)):
            file.seek(start)
            assert file.read(size) == CONTENT[start : start + size]
    with get_store().kept.open(artifact.path) as raw:
        assert (raw.read(1000) == CONTENT[:1000]) is not store.startswith("encrypted")
    assert check_store_answers() == []


def test_the_same_content_is_kept_once(store: str) -> None:
    assert keep().path == keep().path
    assert len(list_kept()) == 1


def test_what_breaks_off_leaves_nothing(store: str) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            taken = super().read(size)
            if self.tell() > len(CONTENT) - 100_000:
                raise OSError("the line broke")
            return taken

    with pytest.raises(OSError, match="the line broke"):
        store_file(
            file=File(Broken(CONTENT), "a"), digest=DIGEST, size=len(CONTENT),
            media_type="", name="a", now=NOW,
        )  # fmt: skip
    assert not Artifact.objects.exists()
    assert list_kept() == []


@pytest.mark.parametrize("other", [CONTENT[:-1], CONTENT + b"x", b"y" + CONTENT[1:], b""])
def test_another_content_than_its_address_is_not_kept(store: str, other: bytes) -> None:
    with pytest.raises(FileDamaged):
        store_file(
            file=File(io.BytesIO(other), "a"), digest=DIGEST, size=len(CONTENT),
            media_type="", name="a", now=NOW,
        )  # fmt: skip
    assert not Artifact.objects.exists()
    assert list_kept() == []


def replace(path: str, content: bytes) -> None:
    get_store().kept.delete(path)
    get_store().kept.save(path, File(io.BytesIO(content), "a"))


@pytest.mark.parametrize("how", ["changed", "cut off"])
def test_a_file_that_was_changed_is_refused_and_stored_anew(
    store: str, how: str, tmp_path: Path
) -> None:
    artifact = keep()
    with get_store().kept.open(artifact.path) as raw:
        kept = raw.read()
    replace(artifact.path, kept[:-5] if how == "cut off" else kept[:-5] + b"other")
    with pytest.raises(FileDamaged):
        read_artifact(DIGEST)
    with pytest.raises(FileMissing):
        ArtifactFiles().copy(DIGEST, tmp_path / "copy")
    if how == "cut off":
        assert keep().path != artifact.path
        assert read_artifact(DIGEST)[1] == CONTENT


def test_a_missing_file_is_stored_anew(store: str) -> None:
    default_storage.delete(keep().path)
    with pytest.raises(FileNotFoundError):
        read_artifact(DIGEST)
    keep()
    assert read_artifact(DIGEST)[1] == CONTENT


def test_a_store_that_refuses_is_named_at_the_start(settings: Any, bucket: Bucket) -> None:
    wrong = bucket.settings["ARTIFACT_STORE"].replace("papers", "others")
    settings.ARTIFACT_STORE = wrong
    settings.STORAGES = dict(settings.STORAGES)
    (found,) = check_store_answers()
    assert found.id == "files.W001"
    assert "s3://others/kept" in found.msg
    assert "AWS_ACCESS_KEY_ID" in str(found.hint)
