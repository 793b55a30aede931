"""The setting ARTIFACT_STORE names a place, or is refused with what to do."""

import sys
from typing import Any

import pytest

from workbench.files.checks import check_store
from workbench.files.errors import StoreUnfit
from workbench.files.places import S3Place, read_place


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("", None),
        ("s3://papers", S3Place("papers")),
        (
            "s3://papers/a/b/?endpoint=https://s3.example.com:9000&region=eu-central-1",
            S3Place("papers", "a/b", "https://s3.example.com:9000", "eu-central-1"),
        ),
    ],
)
def test_a_place_is_read(given: str, place: S3Place | None) -> None:
    assert read_place(given) == place


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("papers", "names no bucket"),
        ("s3://", "names no bucket"),
        ("https://s3.example.com/papers", "names no bucket"),
        ("s3://key:secret@papers", "credentials"),
        ("s3://papers?endpiont=https://a", "unknown option: endpiont"),
        ("s3://papers?endpoint=s3.example.com", "no scheme"),
        ("s3://papers?region", "cannot be read"),
    ],
)
def test_what_names_no_place_is_refused(given: str, why: str) -> None:
    with pytest.raises(StoreUnfit, match=why) as refused:
        read_place(given)
    assert refused.value.remedy
    assert "secret" not in str(refused.value)


def remake(settings: Any, **given: Any) -> None:
    for name, value in given.items():
        setattr(settings, name, value)
    settings.STORAGES = dict(settings.STORAGES)


def test_a_wrong_setting_is_an_error_of_the_check_with_its_remedy(settings: Any) -> None:
    remake(settings, ARTIFACT_STORE="papers")
    (found,) = check_store()
    assert found.id == "files.E001"
    assert "s3://bucket/prefix" in str(found.hint)
    remake(settings, ARTIFACT_STORE="", ARTIFACT_KEYS=["banana"])
    (found,) = check_store()
    assert "openssl rand" in str(found.hint)
    remake(settings, ARTIFACT_KEYS=[])
    assert check_store() == []


def test_without_the_extra_the_check_says_what_to_install(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "workbench.files.s3", raising=False)
    monkeypatch.setitem(sys.modules, "boto3.exceptions", None)
    remake(settings, ARTIFACT_STORE="s3://papers")
    (found,) = check_store()
    assert "is not installed" in found.msg
    assert "countersign[s3]" in str(found.hint)
