"""What a file is, by its content; its name and what its sender says of it count for nothing.

A file that is two things at once is refused: what one program reads in it, another would not see.
"""

import re
import zipfile
from os import SEEK_END
from pathlib import Path
from typing import IO

from flows.documents.errors import Unreadable

PDF, TIFF, HEIC, MAIL = "application/pdf", "image/tiff", "image/heic", "message/rfc822"
UNKNOWN = "application/octet-stream"
_ZIP = "application/zip"
# Of these the content says only that it is text.
_KINDS_OF_TEXT = frozenset(
    {"text/csv", "text/markdown", "text/calendar", "text/xml", "application/json",
     "application/xml", "application/yaml"}
)  # fmt: skip

# What is recognised by its first bytes.
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", PDF),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),
    (b"MM\x00+", TIFF),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"PK\x03\x04", _ZIP),
    (b"PK\x05\x06", _ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"{\\rtf", "application/rtf"),
)
# What says that it is one of these and is not recognised as such is not.
_TOLD_BY_CONTENT = frozenset({each for _, each in _MAGIC} | {HEIC, MAIL, "image/webp", "text/html"})
# The kinds of HEIF by the brand of their first box.
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})
_MARKUP = re.compile(rb"<!doctype\s+html|<html|<script|<svg|<\?php", re.IGNORECASE)
_HEADER = re.compile(rb"([A-Za-z-]{2,40}):[ \t]?[^\r\n]*\r?\n")
_MAIL_HEADERS = frozenset(
    {"from", "to", "subject", "date", "received", "return-path", "mime-version", "message-id",
     "delivered-to", "reply-to", "content-type", "cc", "sender", "x-mailer"}
)  # fmt: skip
# What a ZIP of an office program has, and what it is.
_OFFICE = (
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    (b"mimetypeapplication/vnd.oasis.opendocument", "application/vnd.oasis.opendocument"),
)
_HEAD, _TAIL = 4096, 65_536
# Within which a reader of PDF looks for its mark, and a browser for markup.
_SNIFFED = 1024

_SAVE_AS_PDF = "Save it as a PDF, and send that."
_REMEDIES = {
    MAIL: "Take it apart by `document.unpack`, or send its attachments by themselves.",
    _ZIP: "Unpack it, and send each file by itself.",
    "text/html": "Print the page to a PDF, and send that.",
    "text/plain": "Give its text to the step that needs it; there is nothing to recognise in it.",
}


def find_media_type(path: Path) -> str:
    """Return the media type of the file by its content.

    It is not unpacked or decoded. Raises: Unreadable, for an empty file, for one of no known type,
    and for one that is of two types.
    """
    with path.open("rb") as file:
        return _find_type(file)


def _find_type(file: IO[bytes]) -> str:
    size = file.seek(0, SEEK_END)
    if not size:
        raise Unreadable("empty", "The file is empty.", "Send it again.")
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(max(size - _TAIL, 0))
    tail = file.read()
    media_type = _find_by_start(head)
    _refuse_two_types(file, media_type, head, tail)
    return _find_office(head, tail) if media_type == _ZIP else media_type


def settle_type(file: IO[bytes], said: str) -> str:
    """Return as what a file that comes in is kept: by its content, where that tells.

    What its sender says counts for text, whose kinds look alike, and for what is not known here,
    such as a recording. The file is at its start afterwards.

    Raises: Unreadable, for an empty file, and for one that is of two types.
    """
    said = said.partition(";")[0].strip().lower()
    try:
        found = _find_type(file)
    except Unreadable as unknown:
        if unknown.code != "unknown_type":
            raise
        return UNKNOWN if said in _TOLD_BY_CONTENT or not said else said
    finally:
        file.seek(0)
    return said if found == "text/plain" and said in _KINDS_OF_TEXT else found


def is_readable(media_type: str) -> bool:
    """Return whether pages can be made of a file of that type."""
    return media_type == PDF or media_type.startswith("image/")


def check_readable(media_type: str) -> None:
    """Raises: Unreadable, for a type that no page can be made of."""
    if not is_readable(media_type):
        raise Unreadable(
            "unsupported_type",
            f"The file is of the type {media_type}; PDF and images are read.",
            _REMEDIES.get(media_type, _SAVE_AS_PDF),
        )


def _find_by_start(head: bytes) -> str:
    if media_type := _find_by_magic(head):
        return media_type
    if _is_mail(head):
        return MAIL
    if _MARKUP.search(head[:_SNIFFED]):
        return "text/html"
    # Readers of PDF take up to 1,024 bytes before its mark; spaces there mean nothing else.
    if head[:_SNIFFED].lstrip().removeprefix(b"\xef\xbb\xbf").startswith(b"%PDF-"):
        return PDF
    if _is_text(head):
        return "text/plain"
    raise Unreadable(
        "unknown_type", "The file is of no type that is known here.",
        "Send a PDF, or an image: PNG, JPEG, TIFF, HEIC, WebP, GIF or BMP.",
    )  # fmt: skip


def _find_by_magic(head: bytes) -> str:
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return HEIC if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS else ""


def _is_mail(head: bytes) -> bool:
    """Return whether the file begins as an e-mail: with two or more of the usual headers."""
    names, at = set(), 0
    while (found := _HEADER.match(head, at)) is not None:
        names.add(found[1].decode("ascii").lower())
        at = found.end()
        while head[at : at + 1] in (b" ", b"\t"):  # the header goes on
            at = head.find(b"\n", at) + 1 or len(head)
    return len(names & _MAIL_HEADERS) >= 2  # noqa: PLR2004 - one alone may be any text


def _is_text(head: bytes) -> bool:
    try:
        # The last character may have been cut.
        head[:-4].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", head)


def _refuse_two_types(file: IO[bytes], media_type: str, head: bytes, tail: bytes) -> None:
    """Raises: Unreadable, if the file can be read as something else too."""
    start = head[:_SNIFFED]
    others = []
    if media_type != PDF and b"%PDF-" in start:
        others.append("PDF")
    if media_type != "text/html" and _has_markup(media_type, start):
        others.append("HTML")
    if media_type != _ZIP and b"PK\x05\x06" in tail and _opens_as_zip(file):
        others.append("ZIP")
    if others:
        raise Unreadable(
            "ambiguous",
            f"The file is {media_type} and {' and '.join(others)} at once.",
            "Print or save it anew from the program that made it, and send that.",
        )


def _has_markup(media_type: str, start: bytes) -> bool:
    """Text and e-mail may speak of markup, which is then no page."""
    return media_type not in {MAIL, "text/plain"} and bool(_MARKUP.search(start))


def _opens_as_zip(file: IO[bytes]) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return bool(archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def _find_office(head: bytes, tail: bytes) -> str:
    """Return what a ZIP is by the names in it, without unpacking it."""
    for name, media_type in _OFFICE:
        if name in head or name in tail:
            return media_type
    return _ZIP
