"""The program of the processes that open files (flows.documents.rendering asks it).

A request is ``[what, path, page, arguments, limits]``; its answer is ``{value}`` or
``{error: [code, message, remedy]}``.
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flows.documents.errors import Unreadable
from flows.documents.limits import Limits
from flows.documents.mail import take_apart
from flows.documents.ocr.upright import straighten, turn
from flows.documents.opening import make_image, open_file, read_page
from workbench.apart.program import serve

Json = Any
# A page of ``Limits.most_pixels`` in colour with transparency, its copy on white, and the program.
MOST_BYTES = 1536 * 1024 * 1024


def answer(request: Json) -> dict[str, Json]:
    """Return the value, or what is wrong with the file."""
    what, path, page, arguments, limits = request
    try:
        return {"value": _ASKED[what](Path(path), page, Limits(**limits), **arguments)}
    except Unreadable as error:
        return {"error": [error.code, error.message, error.remedy]}


def _inspect(path: Path, _page: int, limits: Limits) -> Json:
    media_type, file = open_file(path, limits)
    try:
        return {"media_type": media_type, "pages": file.page_count}
    finally:
        file.close()


def _render(
    path: Path, page: int, limits: Limits, *,
    to: str, dpi: float, form: str, turned: int = 0, skew: float = 0,
) -> Json:  # fmt: skip
    _, file = open_file(path, limits)
    try:
        image = straighten(turn(make_image(file, page, dpi, limits), turned), skew)
        width, height = file.get_size(page)
    finally:
        file.close()
    if turned % 180:
        width, height = height, width
    image.save(to, form, **({"quality": 85} if form == "JPEG" else {"compress_level": 1}))
    return {"width": image.width, "height": image.height, "points": [width, height]}


def _read_text(path: Path, page: int, limits: Limits) -> Json:
    """Return the text layer of a page of a PDF, None for an image."""
    _, file = open_file(path, limits)
    try:
        layer = read_page(file, page)
        return layer and asdict(layer)
    finally:
        file.close()


def _unpack(path: Path, _page: int, _limits: Limits, *, folder: str) -> Json:
    return take_apart(path, Path(folder))


_ASKED: dict[str, Callable[..., Json]] = {
    "inspect": _inspect,
    "render": _render,
    "text": _read_text,
    "unpack": _unpack,
}

if __name__ == "__main__":
    serve(answer, most_bytes=MOST_BYTES)
