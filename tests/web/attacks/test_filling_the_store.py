"""Adding files without end, in one comment, to one case or by one person: the disk is shared."""

from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from flows.models import Artifact
from reviews.models import Attachment, Case, Comment
from tests.factories.cases import make_case
from tests.factories.people import signed_in
from tests.factories.queues import make_office
from tests.web.api import Api
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _room(settings: Any) -> None:
    cache.clear()
    settings.MAX_COMMENT_FILES, settings.MAX_COMMENT_BYTES = 3, 100
    settings.MAX_CASE_FILES, settings.MAX_CASE_BYTES = 4, 150
    settings.UPLOAD_BYTES_AN_HOUR = 300


@pytest.fixture
def case() -> Case:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER)
    return make_case(timezone.now())


def content(size: int, mark: str = "a") -> bytes:
    return mark.encode() * size


def comment(case: Case, *files: bytes, who: str = "ada") -> Any:
    sent = [SimpleUploadedFile(f"{n}.txt", each) for n, each in enumerate(files)]
    return signed_in(who).post(
        f"/review/cases/{case.pk}/comments/", {"body": "See these", "files": sent}
    )


def attach(case: Case, size: int, mark: str = "a", client: Client | None = None) -> Any:
    return (client or signed_in("ada")).post(
        f"/api/v1/cases/{case.pk}/attachments?name=a.txt", content(size, mark), "text/plain",
        headers={"X-CSRFToken": "x"},
    )  # fmt: skip


def check_nothing_kept(before: int = 0) -> None:
    """What was refused left no comment, no row of a file and no file itself."""
    assert (Comment.objects.count(), Attachment.objects.count()) == (before, before)
    assert Artifact.objects.count() <= before


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def test_the_files_of_one_comment_are_bounded_in_number(case: Case) -> None:
    refused = comment(case, *(content(1, mark) for mark in "abcd"))
    assert refused.status_code == 422
    assert "at most 3 files" in refused.content.decode()
    check_nothing_kept()


def test_the_files_of_one_comment_are_bounded_together(case: Case) -> None:
    refused = comment(case, content(60), content(41, "b"))
    assert refused.status_code == 413
    text = refused.content.decode()
    assert "more than 100 bytes together" in text
    assert "Send them with several comments" in text
    check_nothing_kept()
    assert comment(case, content(60), content(40, "b")).status_code == 302


def test_a_file_larger_than_a_comment_is_refused_by_the_api(case: Case) -> None:
    refused = attach(case, 101)
    assert code_of(refused) == (413, "comment-too-large")
    assert "MAX_COMMENT_BYTES" in refused.json()["remedy"]
    check_nothing_kept()


def test_the_files_of_a_case_are_bounded_in_number(case: Case) -> None:
    for mark in "abcd":
        assert attach(case, 1, mark).status_code == 201
    for refused in (attach(case, 1, "e"), attach(case, 1, "a")):
        assert code_of(refused) == (413, "case-files-full")
        assert "at most 4 files, and has 4" in refused.json()["detail"]
    on_page = comment(case, content(1, "e"))
    assert on_page.status_code == 413
    assert "Keep the file elsewhere" in on_page.content.decode()
    assert Attachment.objects.count() == Artifact.objects.count() == Comment.objects.count() == 4
    assert attach(make_case(timezone.now()), 1).status_code == 201


def test_the_files_of_a_case_are_bounded_together(case: Case) -> None:
    assert attach(case, 100).status_code == 201
    assert code_of(attach(case, 51, "b")) == (413, "case-files-full")
    assert attach(case, 50, "b").status_code == 201


def test_a_comment_without_files_is_taken_where_files_are_not(case: Case, settings: Any) -> None:
    settings.MAX_CASE_FILES = 0
    assert comment(case).status_code == 302


def test_what_a_person_uploads_in_an_hour_is_bounded_over_comments_and_artifacts(
    case: Case,
) -> None:
    for mark in "ab":
        other = make_case(timezone.now())
        assert attach(other, 100, mark).status_code == 201
    assert attach(case, 60).status_code == 201
    refused = attach(case, 41, "c")
    assert code_of(refused) == (429, "uploads-too-many")
    assert refused["Retry-After"] == "3600"
    on_page = comment(case, content(41, "c"))
    assert on_page.status_code == 429
    assert "Wait until the next hour" in on_page.content.decode()
    # What was refused does not count, and others have hours of their own.
    assert attach(case, 40, "d").status_code == 201
    assert comment(case, content(41, "e"), who="ben").status_code == 302


def test_what_a_program_uploads_in_an_hour_is_bounded(settings: Any) -> None:
    program = Api(Role.OPERATOR)

    def send(size: int, mark: str) -> Any:
        body = content(size, mark)
        return program.client.post("/api/v1/artifacts?name=a", body, content_type="text/plain")

    assert send(200, "a").status_code == 201
    refused = send(101, "b")
    assert code_of(refused) == (429, "uploads-too-many")
    assert "UPLOAD_BYTES_AN_HOUR" in refused.json()["remedy"]
    assert refused["Retry-After"] == "3600"
    kept = Artifact.objects.get()
    assert default_storage.listdir(kept.path[:2])[1] == [kept.digest]
    assert send(100, "c").status_code == 201
