"""A file as large as is declared is taken by the API, and never held as a whole."""

import hashlib
import io
import tracemalloc
from typing import Any

import pytest

from flows.models import Artifact
from tests.web.api import V1, Api
from tests.web.pages import problem_of
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
MEBIBYTE = 1024 * 1024
SIZE = 20 * MEBIBYTE


class Zeros(io.RawIOBase):
    """A body of so many zeros, which is nowhere as a whole."""

    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int = -1) -> bytes:
        taken = self.left if size < 0 else min(size, self.left)
        self.left -= taken
        return bytes(taken)


@pytest.fixture
def api() -> Api:
    return Api(Role.OPERATOR)


def send(api: Api, size: int, key: str = "", **headers: str) -> Any:
    given = {"Idempotency-Key": key, **headers} if key else headers
    body: dict[str, Any] = {
        "wsgi.input": Zeros(size),
        "CONTENT_LENGTH": str(size),
        "CONTENT_TYPE": "application/pdf",
    }
    return api.client.generic("POST", f"{V1}/artifacts?name=scan.pdf", headers=given, **body)


def test_a_file_of_twenty_mebibytes_is_kept_in_little_memory(api: Api) -> None:
    send(api, 1)  # what the first request imports is not what a file costs
    tracemalloc.start()
    try:
        sent = send(api, SIZE)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sent.status_code == 201, sent.content
    assert sent.json()["artifact"] == hashlib.sha256(bytes(SIZE)).hexdigest()
    assert (sent.json()["size"], Artifact.objects.latest("pk").size) == (SIZE, SIZE)
    assert peak < 6 * MEBIBYTE


def test_a_large_file_sent_again_with_its_key_is_answered_alike(api: Api) -> None:
    first, again = send(api, SIZE, key="scan-1"), send(api, SIZE, key="scan-1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotent-Replayed"] == "true"
    other = send(api, SIZE + 1, key="scan-1")
    assert (other.status_code, problem_of(other)) == (422, "idempotency-key-reused")


def test_a_file_that_is_larger_than_declared_is_refused_and_nothing_is_kept(
    api: Api, settings: Any
) -> None:
    settings.MAX_ARTIFACT_BYTES = MEBIBYTE
    refused = send(api, MEBIBYTE + 1)
    assert (refused.status_code, problem_of(refused)) == (413, "body-too-large")
    assert not Artifact.objects.exists()
