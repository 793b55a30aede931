"""The files of `llm.chat`: images as they are, PDF files as images of their pages."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from flows.documents.choosing import REMEDY, ChoiceUnread, choose_pages, read_ranges
from flows.documents.errors import Unreadable
from flows.documents.limits import Limits
from flows.documents.rendering import inspect_file, render_pages
from flows.steps.base import StepFailure
from flows.steps.files import FileMissing, RunFile, get_file_source, read_digest
from flows.steps.language import Part
from workbench.apart.children import TooManyAsk

PDF = "application/pdf"
JPEG: Final = "image/jpeg"
MOST_FILE_BYTES = 20 * 1024 * 1024
MOST_PAGES, DPI = 20, 150
# Models scale larger images down.
LIMITS = Limits(most_bytes=MOST_FILE_BYTES, most_side=2_000)


def read_files(given: Sequence[Any], pages: str = "") -> list[Part]:
    """Return the files, if the run holds them, with the chosen pages of PDF files as images.

    Raises: StepFailure.
    """
    digests, source = [read_digest(each, "files") for each in given], get_file_source()
    try:
        size = sum(source.size_of(each) for each in digests)
        if size > MOST_FILE_BYTES:
            raise _refuse_size(size)
        return _make_parts([source.read(each) for each in digests], pages)
    except FileMissing as error:
        raise StepFailure(str(error), kind="artifact", retryable=False) from error


def _make_parts(files: Sequence[RunFile], pages: str) -> list[Part]:
    """Return the files as they are sent, whose pages and bytes are counted together."""
    parts: list[Part] = []
    for file in files:
        if file.media_type == PDF or file.content[:1024].find(b"%PDF-") >= 0:
            drawn = sum(part.media_type == JPEG for part in parts)
            parts += _draw_pages(file, pages, MOST_PAGES - drawn)
        else:
            parts.append(Part(data=file.content, media_type=file.media_type, name=file.name))
    if (size := sum(len(part.data or b"") for part in parts)) > MOST_FILE_BYTES:
        raise _refuse_size(size)
    return parts


def _draw_pages(file: RunFile, chosen: str, most: int) -> list[Part]:
    """Return the chosen pages of a PDF as images. Raises: StepFailure."""
    name = file.name or "a PDF file"
    try:
        with TemporaryDirectory(prefix="countersign-pages-") as folder:
            path = Path(folder) / "file"
            path.write_bytes(file.content)
            numbers = choose_pages(read_ranges(chosen), inspect_file(path, LIMITS).pages)
            if len(numbers) > most:
                raise _refuse_pages(name, len(numbers))
            images = render_pages(
                path, Path(folder), numbers=numbers, dpi=DPI, media_type=JPEG, limits=LIMITS
            )
            return [
                Part(data=each.read(), media_type=JPEG, name=f"{name}, page {each.number}")
                for each in images
            ]
    except ChoiceUnread as unread:
        raise StepFailure(f"{unread} {REMEDY}", kind="config", retryable=False) from unread
    except Unreadable as refused:
        kind = {"too_large": "too_large", "no_page": "config"}.get(refused.code, "unreadable")
        raise StepFailure(f"{name}: {refused}", kind=kind, retryable=False) from refused
    except TooManyAsk:
        raise StepFailure("Too many documents are being read.", kind="busy") from None


def _refuse_pages(name: str, pages: int) -> StepFailure:
    return StepFailure(
        f"{name}: {pages:,} pages would be sent; at most {MOST_PAGES} of all files together are. "
        "Choose fewer in `pages`.",
        kind="too_large",
        retryable=False,
    )


def _refuse_size(size: int) -> StepFailure:
    return StepFailure(
        f"The files have {size:,} bytes; at most {MOST_FILE_BYTES:,} are sent. "
        "Send fewer, or smaller ones.",
        kind="too_large",
        retryable=False,
    )
