"""Which pages of a document are meant, written as in a dialog for printing: ``1-3, 7``, ``4-``."""

from collections.abc import Sequence

from flows.documents.errors import Unreadable

_MOST_DIGITS = 6
REMEDY = "Write numbers and ranges from 1, such as `1-3, 7` or `4-`."
# First and last page; None for an open end.
Range = tuple[int, int | None]


class ChoiceUnread(ValueError):
    """The text chooses no pages."""


def read_ranges(written: str) -> list[Range]:
    """Return the ranges of pages in a text, none of them for all. Raises: ChoiceUnread."""
    return [_read_range(part.strip()) for part in written.split(",") if part.strip()]


def choose_pages(ranges: Sequence[Range], pages: int) -> list[int]:
    """Return the numbers of the chosen pages of a file with so many, each once and in order.

    Of ``1-3``, a file of two pages has two. Raises: Unreadable (``no_page``), if it has none.
    """
    spans = [range(first, min(last or pages, pages) + 1) for first, last in ranges or [(1, None)]]
    chosen = sorted({number for span in spans for number in span})
    if not chosen:
        raise Unreadable(
            "no_page", f"The file has {pages:,} pages, and none of them was chosen.",
            "Choose others.",
        )  # fmt: skip
    return chosen


def _read_range(part: str) -> Range:
    first, dash, last = (each.strip() for each in part.partition("-"))
    is_open = bool(dash) and not last
    last = last or first
    if not (_is_number(first) and _is_number(last)) or not 1 <= int(first) <= int(last):
        raise ChoiceUnread(f"`{part}` is no page or range of pages.")
    return int(first), None if is_open else int(last)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
