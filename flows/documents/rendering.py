"""Page images of a file: of a PDF, or of an image with one page or many.

Files are given by path, opened in a child process, and their pages written into a folder that the
caller owns: a page is in this process's memory only while somebody reads it.

    with TemporaryDirectory() as folder:
        for page in render_pages(path, Path(folder)):
            send(page.read(), page.media_type)
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from flows.documents.errors import Unreadable
from flows.documents.limits import Limits
from workbench.apart.children import Children, NoAnswer

Json = Any
Form = Literal["image/png", "image/jpeg"]
_FORMS: dict[str, tuple[str, str]] = {"image/png": ("PNG", "png"), "image/jpeg": ("JPEG", "jpg")}
_INSPECTING_SECONDS = 15.0

_children = Children("flows.documents.child", most=2, seconds=20.0, seconds_to_wait=120.0)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a file is by its content, and how many pages it has."""

    media_type: str
    pages: int


@dataclass(frozen=True, slots=True)
class PageImage:
    """A page as an image on disk. ``width`` and ``height`` are in pixels, ``points`` the page's."""

    number: int
    path: Path
    media_type: str
    width: int
    height: int
    points: tuple[float, float]

    def read(self) -> bytes:
        return self.path.read_bytes()


def inspect_file(path: Path, limits: Limits = Limits()) -> FileFacts:
    """Return what the file is. Raises: Unreadable, for what no page can be made of; TooManyAsk."""
    facts = ask_about(path, "inspect", limits, seconds=_INSPECTING_SECONDS)
    if facts["pages"] > limits.most_pages:
        raise Unreadable(
            "too_large",
            f"The file has {facts['pages']:,} pages; at most {limits.most_pages:,} are read.",
            "Send it in parts.",
        )
    return FileFacts(**facts)


def render_pages(
    path: Path,
    folder: Path,
    *,
    numbers: Iterable[int] | None = None,
    dpi: float = 150,
    media_type: Form = "image/png",
    limits: Limits = Limits(),
) -> Iterator[PageImage]:
    """Yield an image of each page, or of those with these numbers (from 1), as each is made.

    They are upright as far as the file itself says how it is to be turned. Raises: Unreadable,
    TooManyAsk.
    """
    pages = inspect_file(path, limits).pages
    for number in numbers if numbers is not None else range(1, pages + 1):
        yield render_page(path, folder, number, dpi=dpi, media_type=media_type, limits=limits)


def render_page(
    path: Path,
    folder: Path,
    number: int,
    *,
    dpi: float = 150,
    media_type: Form = "image/png",
    turned: int = 0,
    skew: float = 0,
    limits: Limits = Limits(),
) -> PageImage:
    """Return an image of one page, turned clockwise. Raises: Unreadable, TooManyAsk."""
    form, suffix = _FORMS[media_type]
    to = folder / f"page-{number}.{suffix}"
    made = ask_about(
        path, "render", limits, page=number,
        to=str(to), dpi=dpi, form=form, turned=turned, skew=skew,
    )  # fmt: skip
    points = (made["points"][0], made["points"][1])
    return PageImage(number, to, media_type, made["width"], made["height"], points)


def ask_about(
    path: Path, what: str, limits: Limits, *, page: int = 0, seconds: float = 0, **arguments: Json
) -> Json:
    """Return the child's answer about a file. Raises: Unreadable, TooManyAsk."""
    request = [what, str(path.resolve()), page, arguments, asdict(limits)]
    try:
        answer = _children.ask(request, seconds=seconds or limits.page_seconds)
    except NoAnswer:
        where = f"Page {page}" if page else "The file"
        raise Unreadable(
            "too_slow", f"{where} takes too long to open, or too much memory.",
            "Print or save it anew from the program that made it, and send that.",
        ) from None  # fmt: skip
    if "error" in answer:
        raise Unreadable(*answer["error"])
    return answer["value"]
