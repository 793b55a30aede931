"""Check files that people add to a case, by their content and not by their name. Pure."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

MOST_BYTES = 10 * 1024 * 1024
# How a file of the type begins. What begins otherwise is text, or is refused.
BEGINNINGS = {
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"OggS": "audio/ogg",
    b"ID3": "audio/mpeg",
    b"\xff\xfb": "audio/mpeg",
}
RIFF_KINDS = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
PLAIN = "text/plain"
BREAKS = "\r\n\t\f"


@dataclass(frozen=True, slots=True)
class NewFile:
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many files may be in one place, and how many bytes these may have together."""

    files: int
    bytes: int


def detect_media_type(content: bytes) -> str:
    """Return the media type of the content, "" if such files may not be added."""
    for beginning, media_type in BEGINNINGS.items():
        if content.startswith(beginning):
            return media_type
    if content[:4] == b"RIFF":
        return RIFF_KINDS.get(content[8:12], "")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return ""
    return "" if any(unicodedata.category(c) == "Cc" and c not in BREAKS for c in text) else PLAIN


def find_problem(files: Sequence[NewFile], most_files: int) -> str:
    """Return why the files cannot be added, "" if they can."""
    if len(files) > most_files:
        return f"Attach at most {most_files} files at a time."
    for file in files:
        if not file.content:
            return f"{file.name} is empty."
        if len(file.content) > MOST_BYTES:
            return f"{file.name} is larger than {MOST_BYTES // 1024 // 1024} MB."
        if not detect_media_type(file.content):
            return f"{file.name} is no PDF, image, audio or plain text."
    return ""


def find_excess(new: Bounds, there: Bounds, most: Bounds) -> str:
    """Return which bound the new files would break with those that are there, "" if none."""
    if there.files + new.files > most.files:
        return f"at most {most.files:,} files, and has {there.files:,}"
    if there.bytes + new.bytes > most.bytes:
        return f"files of at most {most.bytes:,} bytes together, and has {there.bytes:,}"
    return ""
