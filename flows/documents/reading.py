"""Read a document page by page: its own text where it has some, else what an engine recognises."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import pypdfium2

from flows.documents.choosing import Range, choose_pages
from flows.documents.errors import Unreadable
from flows.documents.layout import Found, Row, read_lines
from flows.documents.limits import Limits
from flows.documents.model import Line, Page, Place, ReadDocument, Table, Word
from flows.documents.ocr.engines import Engine, find_engine, recognise
from flows.documents.rendering import FileFacts, PageImage, ask_about, inspect_file, render_page
from flows.documents.rules import Rule
from flows.documents.tables import FoundTable, find_tables
from flows.guards.language import find_language

Json = Any
_OCR_DPI = 200.0


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read. ``engine`` ``text`` recognises nothing; without ``ranges`` all pages are read.

    ``keep_image`` is given the image of each page, upright, and returns what refers to it.
    """

    engine: Literal["auto", "text", "tesseract", "rapidocr"] = "auto"
    language: str = ""
    ranges: Sequence[Range] = ()
    keep_image: Callable[[PageImage], dict[str, Json]] | None = None
    image_dpi: float = 110
    limits: Limits = field(default_factory=Limits)
    is_cancelled: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Reading:
    """A document, and how many seconds each of its pages took."""

    document: ReadDocument
    seconds: list[float]


class Cancelled(Exception):
    """Whoever wanted the document does not want it any more."""


def read_document(path: Path, artifact: dict[str, Json], options: ReadOptions) -> Reading:
    """Return what stands in a file. A page that cannot be read says why in ``problem``.

    Raises: Unreadable, if that is so of every page, other than for want of an engine; TooManyAsk,
    Cancelled.
    """
    facts = inspect_file(path, options.limits)
    pages, seconds = [], []
    with TemporaryDirectory(prefix="countersign-pages-") as folder:
        reader = _Reader(path, Path(folder), options)
        for number in choose_pages(options.ranges, facts.pages):
            if options.is_cancelled():
                raise Cancelled
            began = time.monotonic()
            pages.append(reader.read(number))
            seconds.append(round(time.monotonic() - began, 3))
        if reader.refused and len(reader.refused) == len(pages):
            raise reader.refused[0]
    return Reading(_make_document(pages, artifact, facts, reader.list_engines()), seconds)


class _Reader:
    """Reads the pages of one file, with one engine."""

    def __init__(self, path: Path, folder: Path, options: ReadOptions) -> None:
        self._path, self._folder, self._options = path, folder, options
        self._engine: Engine | None = None
        self._missing: Unreadable | None = None
        self._used: list[str] = []
        self._line = 0
        self.refused: list[Unreadable] = []
        if options.engine in {"tesseract", "rapidocr"}:
            self._find_engine()  # whoever names one learns at once that it is not there

    def list_engines(self) -> list[str]:
        return self._used

    def read(self, number: int) -> Page:
        try:
            return self._read(number)
        except Unreadable as error:
            self.refused.append(error)
            return Page(
                number=number, width=0, height=0, source="none", lines=[], problem=str(error)
            )

    def _read(self, number: int) -> Page:
        layer = ask_about(self._path, "text", self._options.limits, page=number)
        wants_text = self._options.engine in {"auto", "text"}
        if layer and (layer["is_blank"] or (layer["is_usable"] and wants_text)):
            self._use(f"pdfium {pypdfium2.version.PYPDFIUM_INFO}")
            words, rules = [Found(*each) for each in layer["words"]], layer["rules"]
            size = layer["width"], layer["height"]
            return self._make_page(
                number, size, words, [Rule(*each) for each in rules],
                source="text", turned=layer["turned"],
            )  # fmt: skip
        return self._recognise(number)

    def _recognise(self, number: int) -> Page:
        limits = self._options.limits
        image = render_page(self._path, self._folder, number, dpi=_OCR_DPI, limits=limits)
        try:
            engine = self._find_engine()
        except Unreadable as missing:
            return self._make_page(
                number, image.points, [], [], source="none", problem=str(missing)
            )
        try:
            found = recognise(engine, image.path, *image.points)
        finally:
            image.path.unlink()
        self._use(engine.label)
        width, height = image.points
        return self._make_page(
            number, (height, width) if found.turned % 180 else (width, height),
            found.words, found.rules, source="ocr", turned=found.turned, skew=found.skew,
        )  # fmt: skip

    def _find_engine(self) -> Engine:
        """Raises: Unreadable."""
        name = self._options.engine
        if name == "text":
            raise Unreadable(
                "no_engine", "The page has no text of its own, and is not to be recognised.",
                "Choose the engine `auto`.",
            )  # fmt: skip
        if self._engine is None:
            self._engine = find_engine(None if name == "auto" else name, self._options.language)
        return self._engine

    def _use(self, engine: str) -> None:
        if engine not in self._used:
            self._used.append(engine)

    def _make_page(
        self,
        number: int,
        size: tuple[float, float],
        words: list[Found],
        rules: list[Rule],
        *,
        source: Literal["text", "ocr", "none"],
        turned: int = 0,
        skew: float = 0.0,
        problem: str | None = None,
    ) -> Page:
        rows = read_lines(words)
        tables = find_tables(rows, rules)
        first = self._line + 1
        self._line += len(rows)
        return Page(
            number=number,
            width=round(size[0], 2),
            height=round(size[1], 2),
            source=source,
            lines=[_make_line(row, first + at, size) for at, row in enumerate(rows)],
            tables=[_make_table(table, first, size) for table in tables],
            confidence=_mean(word.confidence for row in rows for word in row),
            turned=turned,
            skew=skew,
            image=self._keep_image(number, turned, skew),
            problem=problem,
        )

    def _keep_image(self, number: int, turned: int, skew: float) -> dict[str, Json] | None:
        if self._options.keep_image is None:
            return None
        page = render_page(
            self._path, self._folder, number, dpi=self._options.image_dpi,
            media_type="image/jpeg", turned=turned, skew=skew, limits=self._options.limits,
        )  # fmt: skip
        try:
            return self._options.keep_image(page)
        finally:
            page.path.unlink()


def _make_document(
    pages: list[Page], artifact: dict[str, Json], facts: FileFacts, engines: list[str]
) -> ReadDocument:
    text = "\n".join(line.text for page in pages for line in page.lines)
    words = (word.confidence for page in pages for line in page.lines for word in line.words)
    return ReadDocument(
        artifact=artifact,
        media_type=facts.media_type,
        pages=pages,
        text=text,
        language=find_language(text),
        confidence=_mean(words),
        engine=", ".join(engines) or "none",
    )


def _make_line(row: Row, number: int, size: tuple[float, float]) -> Line:
    words = [
        Word(
            text=word.text,
            at=_share(word.left, word.top, word.right, word.bottom, size),
            confidence=round(word.confidence, 3),
        )
        for word in row
    ]
    box = (
        min(word.left for word in row), min(word.top for word in row),
        max(word.right for word in row), max(word.bottom for word in row),
    )  # fmt: skip
    return Line(
        number=number,
        text=" ".join(word.text for word in words),
        at=_share(*box, size),
        confidence=min(word.confidence for word in words),
        words=words,
    )


def _make_table(table: FoundTable, first: int, size: tuple[float, float]) -> Table:
    return Table(
        at=_share(table.left, table.top, table.right, table.bottom, size),
        rows=table.rows,
        lines=[first + at for at in table.lines],
    )


def _share(
    left: float, top: float, right: float, bottom: float, size: tuple[float, float]
) -> Place:
    """Return a box in shares of the page, of which it keeps what stands on the page."""
    width, height = size
    x1, x2 = (min(max(each / width, 0), 1) for each in (left, right))
    y1, y2 = (min(max(each / height, 0), 1) for each in (top, bottom))
    return round(x1, 4), round(y1, 4), round(max(x2 - x1, 0), 4), round(max(y2 - y1, 0), 4)


def _mean(values: Iterator[float]) -> float | None:
    listed = list(values)
    return round(sum(listed) / len(listed), 4) if listed else None
