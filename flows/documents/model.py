"""A document as it was read: pages, lines and words, each with its place and its confidence.

The output of ``document.read``, and what every later step of a document works on. A place is
``[left, top, width, height]`` in shares of the page as it is shown, which is upright: 0 to 1 from
the upper left corner, as the boxes of a case's documents are.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Json = Any
Share = Annotated[float, Field(ge=0, le=1)]
Place = tuple[Share, Share, Share, Share]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Word(Part):
    text: str
    at: Place
    confidence: Share


class Line(Part):
    """A line in reading order. ``number`` counts through the document from 1.

    ``confidence`` is that of its least certain word.
    """

    number: int
    text: str
    at: Place
    confidence: Share
    words: list[Word]


class Table(Part):
    """Rows of cells. A cell that spans several stands in the first, the others are empty."""

    at: Place
    rows: list[list[str]]
    # The numbers of the lines that stand in it.
    lines: list[int] = []


class Page(Part):
    """A page. ``width`` and ``height`` are in points, upright.

    ``source`` says whether the text was in the file or was recognised. ``turned`` and ``skew`` are
    the degrees by which the page was turned to put it right. ``image`` refers to an artifact.
    """

    number: int
    width: float
    height: float
    source: Literal["text", "ocr", "none"]
    lines: list[Line]
    tables: list[Table] = []
    confidence: Share | None = None
    turned: int = 0
    skew: float = 0.0
    image: dict[str, Json] | None = None


class ReadDocument(Part):
    """A document. ``artifact`` refers to the file; ``text`` has its lines in reading order.

    ``confidence`` is the mean over the words, None for a document without any. ``engine`` names
    what read it, with its version.
    """

    artifact: dict[str, Json]
    media_type: str
    pages: list[Page]
    text: str
    language: str | None = None
    confidence: Share | None = None
    engine: str
