"""The program of ``flows.documents.pages``: it draws the pages of one file after the other.

A request is ``[file in Base64, ranges of pages, limits]``; its answer is ``{pages: […]}`` or
``{error: [kind, message]}``.
"""

import base64
import io
from collections.abc import Iterator, Sequence
from typing import Any

import pypdfium2
from PIL import Image

from workbench.apart.program import serve

Json = Any
# The program, a file of 20 MB in both forms, and a page of the largest size.
MOST_MEMORY = 1024 * 1024 * 1024
# Pages of text take less without loss; of a scan, JPEG takes a tenth.
LARGEST_PNG = 1024 * 1024
JPEG_QUALITY = 88
POINTS_AN_INCH = 72
WRONG_PASSWORD = 4


class _Refused(Exception):
    pass


def answer(request: Json) -> Json:
    """Return the pages, or why there are none."""
    encoded, ranges, limits = request
    try:
        return {"pages": list(_draw(base64.b64decode(encoded), ranges, limits))}
    except _Refused as refused:
        return {"error": refused.args}
    except (pypdfium2.PdfiumError, MemoryError, ValueError, OSError):
        message = "it is broken. Open it in a viewer, and print it to a new PDF file."
        return {"error": ["unreadable", message]}


def _draw(content: bytes, ranges: Json, limits: Json) -> Iterator[dict[str, Json]]:
    pdf = _open(content)
    left = limits["most_bytes"]
    for number in _list_numbers(ranges, len(pdf), limits["most_pages"]):
        made = _draw_page(pdf[number - 1], number, limits)
        left -= len(made["content"])
        if left < 0:
            raise _Refused(
                "too_large",
                f"its pages take more than {limits['most_bytes']:,} bytes. Choose fewer pages.",
            )
        yield {**made, "content": base64.b64encode(made["content"]).decode()}


def _open(content: bytes) -> pypdfium2.PdfDocument:
    try:
        pdf = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if error.err_code == WRONG_PASSWORD:
            raise _Refused("unreadable", "it is encrypted. Save it without a password.") from None
        raise
    if len(pdf) == 0:
        raise _Refused("unreadable", "it has no pages.")
    # Else what was typed into a form is not drawn.
    pdf.init_forms()
    return pdf


def _list_numbers(ranges: Json, pages: int, most: int) -> Sequence[int]:
    """Return the numbers of the chosen pages, each once and in order."""
    beyond = [last or first for first, last in ranges if (last or first) > pages]
    if beyond:
        raise _Refused(
            "config", f"it has {pages:,} pages; page {max(beyond)} was chosen. Choose others."
        )
    chosen = {
        number for first, last in ranges or [(1, None)] for number in _span(first, last or pages)
    }
    if len(chosen) > most:
        raise _Refused(
            "too_large",
            f"{len(chosen):,} of its {pages:,} pages would be drawn; at most {most} are. "
            "Choose fewer in `pages`.",
        )
    return sorted(chosen)


def _span(first: int, last: int) -> range:
    return range(first, last + 1)


def _draw_page(page: pypdfium2.PdfPage, number: int, limits: Json) -> dict[str, Json]:
    longest = max(page.get_size())
    if not 0 < longest < float("inf"):
        raise _Refused("unreadable", f"page {number} has no size.")
    scale = min(limits["dpi"] / POINTS_AN_INCH, limits["most_side"] / longest)
    image = page.render(scale=scale).to_pil().convert("RGB")
    media_type, content = _encode(image)
    return {
        "number": number,
        "media_type": media_type,
        "content": content,
        "width": image.width,
        "height": image.height,
    }


def _encode(image: Image.Image) -> tuple[str, bytes]:
    written = io.BytesIO()
    image.save(written, "PNG")
    if written.tell() <= LARGEST_PNG:
        return "image/png", written.getvalue()
    written = io.BytesIO()
    image.save(written, "JPEG", quality=JPEG_QUALITY)
    return "image/jpeg", written.getvalue()


if __name__ == "__main__":
    serve(answer, most_bytes=MOST_MEMORY)
