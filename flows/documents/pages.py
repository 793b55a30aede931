"""Pages of a PDF file as images, drawn in a process of their own.

A PDF is a program by whoever sent it: time, memory, pages, pixels and bytes are bounded, and no
process draws a second file after one that may have harmed it.
"""

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from workbench.apart.children import Children, NoAnswer, TooManyAsk

Json = Any
MOST_PAGES = 20
MOST_BYTES = 20 * 1024 * 1024
_SECONDS, _SECONDS_TO_WAIT = 30.0, 60.0
_MOST_DIGITS = 6
_children = Children(
    "flows.documents.page_program",
    most=2,
    seconds=_SECONDS,
    seconds_to_wait=_SECONDS_TO_WAIT,
    keep=False,
)


class PagesRefused(ValueError):
    """The file's pages cannot be drawn. ``kind`` is unreadable, too_large, config or busy."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class PageLimits:
    """What the pages of one file may come to. No side of an image is longer than ``most_side``."""

    most_pages: int = MOST_PAGES
    most_bytes: int = MOST_BYTES
    dpi: int = 150
    most_side: int = 2000


@dataclass(frozen=True, slots=True)
class Page:
    """A page as an image, upright. ``number`` counts from 1."""

    number: int
    media_type: str
    content: bytes
    width: int
    height: int


def is_pdf(content: bytes) -> bool:
    """Return whether the file says of itself that it is a PDF."""
    return b"%PDF-" in content[:1024]


def draw_pages(
    content: bytes, chosen: str = "", limits: PageLimits = PageLimits()
) -> Sequence[Page]:
    """Return the chosen pages of a PDF file, such as ``1-3, 7-``; all of them if none are chosen.

    Raises: PagesRefused.
    """
    ranges = read_ranges(chosen)
    request = [base64.b64encode(content).decode(), ranges, asdict(limits)]
    try:
        answer = _children.ask(request)
    except TooManyAsk:
        raise PagesRefused("busy", "Too many files are being drawn. Try it again.") from None
    except NoAnswer:
        raise PagesRefused(
            "unreadable",
            "it took too long to draw, or too much memory. Choose fewer pages, or print it to a "
            "new PDF file.",
        ) from None
    if "error" in answer:
        raise PagesRefused(*answer["error"])
    return [
        Page(**{**each, "content": base64.b64decode(each["content"])}) for each in answer["pages"]
    ]


def read_ranges(chosen: str) -> list[tuple[int, int | None]]:
    """Return first and last page of each range; last is None for an open one.

    Raises: PagesRefused.
    """
    return [_read_range(part.strip()) for part in chosen.split(",") if part.strip()]


def _read_range(part: str) -> tuple[int, int | None]:
    first, dash, last = (each.strip() for each in part.partition("-"))
    is_open = bool(dash) and not last
    last = last or first
    are_numbers = _is_number(first) and _is_number(last)
    if not are_numbers or not 1 <= int(first) <= int(last):
        raise PagesRefused(
            "config", f"`{part}` chooses no pages. Write them as in 1-3, 5: from 1, low to high."
        )
    return int(first), None if is_open else int(last)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
