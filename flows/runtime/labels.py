"""What an artifact is called: by whoever uploaded it, and by each run that holds it.

The content says nothing of it. Were its name kept with it, whoever first stored the same content
would choose what others see, and others would see what the first called it.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Json = Any
LONGEST_NAME, LONGEST_MEDIA_TYPE = 200, 120
UNKNOWN_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Label:
    """The name and the media type of an artifact for one who has it; "" where nothing was said."""

    name: str = ""
    media_type: str = ""

    @classmethod
    def of(cls, name: Json, media_type: Json) -> "Label":
        """Return what was said as it is kept: shortened, and without characters of control."""
        return cls(_clean(name, LONGEST_NAME), _clean(media_type, LONGEST_MEDIA_TYPE))

    def filled_from(self, other: "Label") -> "Label":
        """Return this label, with what the other says where this one says nothing."""
        return Label(self.name or other.name, self.media_type or other.media_type)


Labels = Mapping[str, Label]
NOTHING: Labels = MappingProxyType({})


def _clean(said: Json, longest: int) -> str:
    if not isinstance(said, str):
        return ""
    kept = "".join(" " if unicodedata.category(each) in {"Cc", "Cs"} else each for each in said)
    return kept.strip()[:longest]


def list_labels(value: Json) -> dict[str, Label]:
    """Return what the references in a JSON value call their artifacts, the first of each digest."""
    found: dict[str, Label] = {}
    for reference in _list_references(value):
        said = Label.of(reference.get("name"), reference.get("media_type"))
        # Cases take a digest with either prefix.
        digest = reference["artifact"].removeprefix("artifact:").removeprefix("sha256:")
        found[digest] = found.get(digest, Label()).filled_from(said)
    return found


def _list_references(value: Json) -> Iterator[Mapping[str, Json]]:
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Mapping):
            if isinstance(current.get("artifact"), str):
                yield current
            waiting += reversed(list(current.values()))
        elif isinstance(current, list):
            waiting += reversed(current)


def label_as_said(digests: Iterable[str], value: Json, known: Labels) -> dict[str, Label]:
    """Return a label for each digest: what the value says of it, else what is known."""
    wanted = list(digests)
    said = list_labels(value) if wanted else {}
    return {each: said.get(each, Label()).filled_from(known.get(each, Label())) for each in wanted}


def agree(said: Iterable[tuple[str, str, str]]) -> dict[str, Label]:
    """Return the label of each digest, empty where its holders call it differently.

    ``said`` has the digest, the name and the media type by each holder.
    """
    found: dict[str, set[Label]] = {}
    for digest, name, media_type in said:
        found.setdefault(digest, set()).add(Label(name, media_type))
    return {
        digest: labels.pop() if len(labels) == 1 else Label() for digest, labels in found.items()
    }
