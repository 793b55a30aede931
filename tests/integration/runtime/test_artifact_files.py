"""An artifact's file is whole, whatever was left in its place."""

from datetime import UTC, datetime

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from flows.runtime.artifacts import read_artifact, store_artifact

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 10, tzinfo=UTC)


def test_a_part_of_a_file_is_not_taken_for_it() -> None:
    """As a kill while it is written leaves it, or a copy of the folder at that moment."""
    content = b"a payslip that was being written"
    kept = store_artifact(content=content, media_type="text/plain", name="a", now=NOW)
    path = read_artifact(kept["artifact"])[0].path
    read_artifact(kept["artifact"])[0].delete()
    default_storage.delete(path)
    default_storage.save(path, ContentFile(content[:5]))

    again = store_artifact(content=content, media_type="text/plain", name="a", now=NOW)
    assert read_artifact(again["artifact"])[1] == content
