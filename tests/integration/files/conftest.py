"""An S3 server, and a store of each kind."""

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from django.core.files.storage import storages

from tests import servers
from workbench.files.storage import SealingStorage

KEYS = [base64.b64encode(bytes([number] * 32)).decode() for number in (1, 2)]
KINDS = ["folder", "encrypted folder", "s3", "encrypted s3"]


@pytest.fixture(scope="module")
def bucket() -> Iterator[servers.Bucket]:
    with servers.s3_server() as bucket, pytest.MonkeyPatch.context() as given:
        for name, value in bucket.credentials.items():
            given.setenv(name, value)
        yield bucket


def get_store() -> SealingStorage:
    return cast(SealingStorage, storages["default"])


def use_store(settings: Any, folder: Path, **given: Any) -> None:
    """Have all files in a store of these settings; without any, in the folder."""
    plain = {"ARTIFACT_STORE": "", "ARTIFACT_KEYS": [], "ARTIFACT_KEYS_FILE": ""}
    for name, value in (plain | given).items():
        setattr(settings, name, value)
    default = {**settings.STORAGES["default"], "OPTIONS": {"folder": folder}}
    settings.STORAGES = {**settings.STORAGES, "default": default}


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> str:
    """Put the files in a store of this kind, and return its kind."""
    kind = str(request.param)
    place = ""
    if kind.endswith("s3"):
        place = request.getfixturevalue("bucket").settings["ARTIFACT_STORE"]
        # A prefix of its own for each test.
        place = place.replace("/kept", f"/{os.path.basename(tmp_path)}")  # noqa: PTH119
    keys = KEYS[:1] if kind.startswith("encrypted") else []
    use_store(settings, tmp_path / "artifacts", ARTIFACT_STORE=place, ARTIFACT_KEYS=keys)
    return kind
