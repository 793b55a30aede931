"""Where fields stand on the documents of a case, as people mark it.

A place is ``{document, page, at}``: ``at`` is left, top, width and height in shares of the upright
page. It stands for all places that the field had before.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from reviews.rules.documents import find_page, list_documents
from reviews.rules.layout import Key, Share

Json = Any
At = tuple[Share, Share, Share, Share]
# What rounding a share may add to the end of a page.
_ROUNDING = 0.001
_REMEDY = "Mark it on a page of a document of this case, or leave it out."
# Four shares, and the names around them; a longer one is no place.
MOST_CHARACTERS = 400


class Place(BaseModel):
    """A place that a person marks."""

    model_config = ConfigDict(extra="forbid")

    document: Key
    page: int = Field(1, ge=1, le=100_000)
    at: At = Field(description="Left, top, width and height in shares of the upright page.")

    @field_validator("at")
    @classmethod
    def lies_on_the_page(cls, at: At) -> At:
        left, top, width, height = at
        if width <= 0 or height <= 0:
            raise ValueError("a place has a width and a height")
        if left + width > 1 + _ROUNDING or top + height > 1 + _ROUNDING:
            raise ValueError("the place goes beyond the page")
        return at


def find_place_problems(
    places: Mapping[str, Json], shown: Mapping[str, Json], editable: Collection[str]
) -> dict[str, str]:
    """Return what is wrong with marked places, by ``places.income``."""
    documents = {each["id"] for each in list_documents(shown)}
    problems = {}
    for key, given in places.items():
        if key not in editable:
            problems[f"places.{key}"] = f"The place of {key} cannot be changed on this case."
        elif (place := read_place(given)) is None:
            problems[f"places.{key}"] = f"This is no place on a page. {_REMEDY}"
        elif place.document not in documents:
            problems[f"places.{key}"] = f"There is no document {place.document}. {_REMEDY}"
    return problems


def read_place(given: Json) -> Place | None:
    try:
        return Place.model_validate(given)
    except ValidationError:
        return None


def list_marked(places: Mapping[str, Json], shown: Mapping[str, Json]) -> list[dict[str, Json]]:
    """Return the places as a decision keeps them, ``[{field, document, page, at, text}]``.

    ``text`` are the words that were read there, not what anyone says of it.
    """
    documents = {each["id"]: each for each in list_documents(shown)}
    found = []
    for key, given in sorted(places.items()):
        place = Place.model_validate(given)
        text = read_text(documents[place.document], place.page, place.at)
        found.append({"field": key, **place.model_dump(mode="json"), "text": text})
    return found


def read_text(document: Mapping[str, Json], page: int, at: At) -> str:
    """Return the words whose middles lie in a place, in reading order; "" without any."""
    left, top, width, height = at
    words = []
    for line in find_page(document, page).get("lines") or ():
        _, above, _, high = line["at"]
        if top <= above + high / 2 <= top + height:
            words += [text for text, start, wide in line["words"]
                      if left <= start + wide / 2 <= left + width]  # fmt: skip
    return " ".join(words)


def join_marked(marked: Iterable[Iterable[Mapping[str, Json]]]) -> list[Mapping[str, Json]]:
    """Return the places of several decisions, oldest first; the last one of a field stands."""
    return list({each["field"]: each for places in marked for each in places}.values())


def move_boxes(
    documents: Iterable[Mapping[str, Json]], marked: Iterable[Mapping[str, Json]]
) -> list[dict[str, Json]]:
    """Return the documents with the marked places as the only boxes of their fields."""
    placed = {each["field"]: each for each in marked}
    return [
        {
            **document,
            "boxes": [
                *(box for box in document.get("boxes") or () if box["key"] not in placed),
                *(
                    {"key": key, "page": each["page"], "at": each["at"], "text": each["text"]}
                    for key, each in placed.items()
                    if each["document"] == document["id"]
                ),
            ],
        }
        for document in documents
    ]
