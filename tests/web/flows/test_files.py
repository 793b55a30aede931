"""Files of the start form: sent piece by piece while it is filled in, or with the form itself."""

import hashlib
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from flows.models import Artifact, ArtifactUpload, PartialUpload, Run, RunArtifact
from flows.services import pieces
from tests.factories.flows import make_flow
from tests.factories.people import make_person, signed_in
from tests.web.pages import text_of
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
START, BEGIN = "/flows/loan/start/", "/uploads/"
FILE = {"type": "object", "format": "file", "x-accept": ["application/pdf"]}
SCHEMA = {
    "type": "object",
    "required": ["payslip"],
    "properties": {"payslip": FILE, "others": {"type": "array", "items": FILE, "maxItems": 2}},
    "additionalProperties": False,
}
CONTENT = b"%PDF-1.7\n" + bytes(range(256)) * 100
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def _flow(monkeypatch: pytest.MonkeyPatch) -> None:
    make_flow(input=SCHEMA, samples={})
    monkeypatch.setattr(pieces, "PIECE_BYTES", 10_000)
    monkeypatch.setattr("flows.views.uploads.PIECE_BYTES", 10_000)


def begin(client: Client, size: int = len(CONTENT)) -> Any:
    about = {"name": "slip.pdf", "size": size, "media_type": "application/pdf"}
    return client.post(BEGIN, about)


def put(client: Client, upload: str, offset: int, piece: bytes) -> Any:
    return client.put(
        f"{BEGIN}{upload}/?offset={offset}", piece, content_type="application/octet-stream"
    )


def send(client: Client, content: bytes = CONTENT) -> dict[str, Any]:
    told = begin(client, len(content)).json()
    while "reference" not in told:
        offset = told["received"]
        told = put(client, told["id"], offset, content[offset : offset + 10_000]).json()
    reference: dict[str, Any] = told["reference"]
    return reference


@pytest.mark.django_db(transaction=True)
def test_a_file_that_came_in_pieces_is_given_to_the_run(operator: Client) -> None:
    default_storage.save("pieces/another", ContentFile(b""))
    before = set(default_storage.listdir("pieces")[1])
    reference = send(operator)
    assert reference == {
        "artifact": DIGEST, "media_type": "application/pdf", "name": "slip.pdf",
        "size": len(CONTENT),
    }  # fmt: skip
    posted = {"mode": "form", "f.payslip": json.dumps([reference]), "f.others": ""}
    assert operator.post(START, posted).status_code == 302
    run = Run.objects.get()
    assert run.input == {"payslip": reference}
    assert RunArtifact.objects.get(run=run).artifact.digest == DIGEST
    assert not PartialUpload.objects.exists()
    assert set(default_storage.listdir("pieces")[1]) <= before


def test_after_a_broken_line_it_goes_on_where_it_was(operator: Client) -> None:
    upload = begin(operator).json()["id"]
    put(operator, upload, 0, CONTENT[:10_000])
    assert operator.get(f"{BEGIN}{upload}/").json()["received"] == 10_000
    again = put(operator, upload, 0, CONTENT[:10_000])
    assert (again.status_code, again.json()) == (409, {"received": 10_000})
    put(operator, upload, 10_000, CONTENT[10_000:20_000])
    told = put(operator, upload, 20_000, CONTENT[20_000:]).json()
    assert told["reference"]["artifact"] == DIGEST


def test_what_was_whole_when_the_process_died_is_finished_by_the_next_request(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(operator, 5).json()["id"]
    with monkeypatch.context() as dying:
        dying.setattr("flows.views.uploads.finish_upload", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            put(operator, upload, 0, b"hello")
    told = put(operator, upload, 5, b"").json()
    assert told["reference"]["size"] == 5


@pytest.mark.parametrize("size", [0, -1, 10**18])
def test_a_size_that_is_not_taken_is_refused_before_anything_is_sent(
    operator: Client, size: int
) -> None:
    refused = begin(operator, size)
    assert refused.status_code == 422
    assert "a file may have" in refused.json()["error"]
    assert not PartialUpload.objects.exists()


def test_more_than_was_said_and_too_large_pieces_are_refused(operator: Client) -> None:
    upload = begin(operator, 5).json()["id"]
    assert put(operator, upload, 0, b"too many").status_code == 422
    assert put(operator, upload, 0, b"").status_code == 422
    assert put(operator, upload, 0, b"x" * 10_001).status_code == 422
    assert operator.get(f"{BEGIN}{upload}/").json()["received"] == 0


def test_nobody_sees_or_ends_what_another_person_sends(operator: Client, designer: Client) -> None:
    upload = begin(operator).json()["id"]
    for method in (designer.get, designer.put, designer.delete):
        assert method(f"{BEGIN}{upload}/").status_code == 404
    reviewer = signed_in(make_person("reader", Role.REVIEWER))
    assert reviewer.post(BEGIN, {"name": "a", "size": 1}).status_code == 403
    assert operator.delete(f"{BEGIN}{upload}/").status_code == 200
    assert operator.get(f"{BEGIN}{upload}/").status_code == 404


def test_a_reference_to_what_another_person_uploaded_starts_nothing(
    operator: Client, designer: Client
) -> None:
    reference = send(designer)
    posted = {"mode": "form", "f.payslip": json.dumps([reference])}
    refused = operator.post(START, posted)
    assert refused.status_code == 422
    assert "There is no artifact" in text_of(refused)
    assert not Run.objects.exists()


def test_without_a_script_the_form_sends_the_files_itself(operator: Client) -> None:
    files = [SimpleUploadedFile(f"{n}.pdf", b"pdf%d" % n, "application/pdf") for n in range(3)]
    posted = {"mode": "form", "f.payslip:files": files[0], "f.others:files": files[1:]}
    assert operator.post(START, posted).status_code == 302
    given = Run.objects.get().input
    assert given["payslip"]["name"] == "0.pdf"
    assert [each["name"] for each in given["others"]] == ["1.pdf", "2.pdf"]
    assert ArtifactUpload.objects.count() == 3


def test_files_stay_in_the_form_when_something_else_is_wrong(operator: Client) -> None:
    reference = send(operator)
    refused = operator.post(START, {"mode": "form", "f.others": json.dumps([reference])})
    assert refused.status_code == 422
    page = refused.content.decode()
    assert "Fill this in." in page
    assert re.search(r'name="f\.others" value="[^"]*slip\.pdf', page)
    assert 'enctype="multipart/form-data"' in page


@pytest.mark.parametrize("posted", ["banana", "{}", "[1]", "[[]]", '["a"]'])
def test_what_is_no_list_of_files_starts_nothing(operator: Client, posted: str) -> None:
    refused = operator.post(START, {"mode": "form", "f.payslip": posted})
    assert refused.status_code == 422
    assert not Run.objects.exists()


def test_two_files_where_one_is_asked_for_are_refused(operator: Client) -> None:
    both = [send(operator), send(operator, b"another")]
    refused = operator.post(START, {"mode": "form", "f.payslip": json.dumps(both)})
    assert refused.status_code == 422
    assert "2 files were chosen. Choose one." in text_of(refused)


def test_a_file_that_never_comes_whole_is_forgotten_after_a_day(operator: Client) -> None:
    upload = begin(operator).json()["id"]
    put(operator, upload, 0, CONTENT[:10_000])
    path = PartialUpload.objects.get().pieces[0]
    now = timezone.now()
    pieces.forget_stale_uploads(now + timedelta(hours=23))
    assert default_storage.exists(path)
    pieces.forget_stale_uploads(now + timedelta(hours=25))
    assert not PartialUpload.objects.exists()
    assert operator.get(f"{BEGIN}{upload}/").status_code == 404


def test_the_hourly_limit_is_kept_and_the_pieces_stay(operator: Client, settings: Any) -> None:
    cache.clear()
    settings.UPLOAD_BYTES_AN_HOUR = 10
    upload = begin(operator, 11).json()["id"]
    refused = put(operator, upload, 0, b"x" * 11)
    assert refused.status_code == 429
    settings.UPLOAD_BYTES_AN_HOUR = 100
    assert "reference" in put(operator, upload, 11, b"").json()
    assert Artifact.objects.count() == 1
