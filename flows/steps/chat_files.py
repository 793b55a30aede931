"""The files of `llm.chat`: images as they are, PDF files as images of their pages."""

from collections.abc import Sequence
from typing import Any

from flows.documents.pages import MOST_PAGES, PageLimits, PagesRefused, draw_pages, is_pdf
from flows.steps.base import StepFailure
from flows.steps.files import FileMissing, RunFile, get_file_source, read_digest
from flows.steps.language import Part

PDF = "application/pdf"
MOST_FILE_BYTES = 20 * 1024 * 1024


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
    pages_left = MOST_PAGES
    bytes_left = MOST_FILE_BYTES - sum(len(each.content) for each in files if not _is_pdf(each))
    for file in files:
        if not _is_pdf(file):
            parts.append(Part(data=file.content, media_type=file.media_type, name=file.name))
            continue
        drawn = _draw(file, pages, PageLimits(most_pages=pages_left, most_bytes=bytes_left))
        pages_left -= len(drawn)
        bytes_left -= sum(len(each.data) for each in drawn)
        parts += drawn
    return parts


def _is_pdf(file: RunFile) -> bool:
    return file.media_type == PDF or is_pdf(file.content)


def _draw(file: RunFile, pages: str, limits: PageLimits) -> list[Part]:
    """Return the pages of a PDF file as images. Raises: StepFailure."""
    name = file.name or "a PDF file"
    try:
        drawn = draw_pages(file.content, pages, limits)
    except PagesRefused as refused:
        is_busy = refused.kind == "busy"
        raise StepFailure(
            f"{name}: {refused}", kind="timeout" if is_busy else refused.kind, retryable=is_busy
        ) from refused
    return [
        Part(data=each.content, media_type=each.media_type, name=f"{name}, page {each.number}")
        for each in drawn
    ]


def _refuse_size(size: int) -> StepFailure:
    return StepFailure(
        f"The files have {size:,} bytes; at most {MOST_FILE_BYTES:,} are sent. "
        "Send fewer, or smaller ones.",
        kind="too_large",
        retryable=False,
    )
