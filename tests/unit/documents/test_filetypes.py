"""A file is what its content says, and nothing else at the same time."""

from pathlib import Path

import pytest
from PIL import Image
from pillow_heif import register_heif_opener

from flows.documents.errors import Unreadable
from flows.documents.filetypes import check_readable, find_media_type
from tests.factories.files import as_bytes, make_pdf, make_zip, write

register_heif_opener()
IMAGE = Image.new("RGB", (60, 40), "red")
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
MAIL = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: Hello\r\n\tworld\r\n\r\nBody"


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (make_pdf("Hello"), "application/pdf"),
        (b"\n" + make_pdf("Hello"), "application/pdf"),
        (as_bytes(IMAGE, "PNG"), "image/png"),
        (as_bytes(IMAGE, "JPEG"), "image/jpeg"),
        (as_bytes(IMAGE, "TIFF"), "image/tiff"),
        (as_bytes(IMAGE, "WEBP"), "image/webp"),
        (as_bytes(IMAGE, "GIF"), "image/gif"),
        (as_bytes(IMAGE, "BMP"), "image/bmp"),
        (as_bytes(IMAGE, "HEIF"), "image/heic"),
        (MAIL, "message/rfc822"),
        (b"<!DOCTYPE html><p>Hello", "text/html"),
        ("Just words: nothing more, naïve".encode(), "text/plain"),
        (make_zip(["a.txt"]), "application/zip"),
        (make_zip(["[Content_Types].xml", "word/document.xml"]), WORD),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1old", "application/x-ole-storage"),
    ],
)  # fmt: skip
def test_the_content_decides_and_not_the_name(
    tmp_path: Path, content: bytes, media_type: str
) -> None:
    assert find_media_type(write(tmp_path, "photo.jpg", content)) == media_type


@pytest.mark.parametrize(
    ("content", "other"),
    [
        (make_pdf("Hello") + make_zip(["a.txt"]), "ZIP"),
        (as_bytes(IMAGE, "PNG") + make_zip(["a.txt"]), "ZIP"),
        (b"%PDF-1.7\n<html><script>1</script></html>\n" + make_pdf("Hello"), "HTML"),
        (b"<html><!--" + make_pdf("Hello"), "PDF"),
        (as_bytes(IMAGE, "JPEG", comment=b"%PDF-1.4 1 0 obj"), "PDF"),
        (as_bytes(IMAGE, "GIF", comment=b"<script>1</script>"), "HTML"),
        (MAIL + make_pdf("Hello"), "PDF"),
    ],
)
def test_what_is_two_things_at_once_is_refused(tmp_path: Path, content: bytes, other: str) -> None:
    with pytest.raises(Unreadable, match=f"{other}.*at once") as refused:
        find_media_type(write(tmp_path, "file", content))
    assert refused.value.code == "ambiguous"


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "empty"), (b"\x00\x01\x02\xff", "unknown_type")]
)
def test_what_is_nothing_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        find_media_type(write(tmp_path, "file.pdf", content))
    assert refused.value.code == code
    assert refused.value.remedy


def test_a_refusal_says_what_to_send_instead() -> None:
    with pytest.raises(Unreadable, match="Save it as a PDF"):
        check_readable(WORD)
    with pytest.raises(Unreadable, match="attachments"):
        check_readable("message/rfc822")
