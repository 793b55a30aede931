"""What may be added to a case."""

import pytest

from reviews.rules.attachments import NewFile, detect_media_type, find_problem


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.4", "application/pdf"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0AVI LIST", ""),
        ("Grüße\n".encode(), "text/plain"),
        ("\ufeffEins\r\n\tzwei\f".encode(), "text/plain"),
        ("10\u00a0000\u202f€, \U0001f469\u200d\U0001f4bb, co\u00adop\u2028".encode(), "text/plain"),
        (b"a\x1b[31m", ""),
        ("a\x85".encode(), ""),
        (b"MZ\x90\x00", ""),
        (b"a\x00b", ""),
    ],
)
def test_a_file_is_what_it_begins_with(content: bytes, kind: str) -> None:
    assert detect_media_type(content) == kind


def test_only_a_few_files_may_be_attached_at_a_time() -> None:
    assert "at most" in find_problem([NewFile("a.txt", b"a")] * 6, 5)
