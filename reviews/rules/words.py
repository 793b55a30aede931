"""The words of a document's pages, which a case lets people select on the image of the page.

They come from the output of ``document.read``; of that a case keeps what is shown.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from flows.documents.model import Line, Page, Place, ReadDocument, Share

Json = Any
# A case is kept whole and loaded whole: the words of further pages are not kept with it.
MOST_PAGES = 50


class ShownLine(BaseModel):
    """A line with its words: each has its text, and its left edge and width on the page."""

    model_config = ConfigDict(extra="forbid")

    at: Place
    words: list[tuple[str, Share, Share]]


class ShownPage(BaseModel):
    """A page. ``turned`` and ``skew`` say how its image is put upright, as ``Page`` has it."""

    model_config = ConfigDict(extra="forbid")

    number: int = Field(ge=1)
    turned: int = 0
    skew: float = 0
    image: dict[str, Json] | None = None
    lines: list[ShownLine] = Field(default_factory=list)


def take_words(given: Json) -> Json:
    """Return the pages of a document that was read; what a case has kept of one stays as it is."""
    if not isinstance(given, Mapping):
        return given or []
    try:
        pages = ReadDocument.model_validate(given).pages
    except ValidationError as error:
        raise ValueError("give the output of a `document.read` step") from error
    return [_take_page(page) for page in pages[:MOST_PAGES]]


def _take_page(page: Page) -> ShownPage:
    return ShownPage(
        number=page.number,
        turned=page.turned,
        skew=page.skew,
        image=page.image,
        lines=[_take_line(line) for line in page.lines],
    )


def _take_line(line: Line) -> ShownLine:
    words = [(word.text, word.at[0], word.at[2]) for word in line.words]
    return ShownLine(at=line.at, words=words)


Words = Annotated[
    list[ShownPage],
    BeforeValidator(take_words, json_schema_input_type=dict[str, Json] | list[ShownPage]),
]
