"""The functions that the document intake flow calls. STEP_MODULES allows this module."""

import hashlib
import re
from collections.abc import Callable
from typing import Annotated, Any, cast

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from examples.document_intake import rules
from examples.document_intake.page import set_page
from examples.keywords import Reason, Sorted, sort_text
from flows.runtime.artifacts import store_artifact
from flows.steps.base import StepContext
from flows.steps.python import step

Share = Annotated[float, Field(ge=0, le=1)]


class Text(TypedDict):
    text: str
    words: int
    readable: Share
    legible: bool


class Kind(Sorted):
    """``chosen`` is the kind that a person set, else empty. It is not guessed again."""

    chosen: str


class Values(TypedDict):
    """What the document says. A field that was not found is empty."""

    number: str
    date: str
    net: float | None
    vat: float | None
    total: float | None
    iban: str


class Sure(TypedDict):
    """How surely each field was read, 0 to 1; 0 where it was not found."""

    number: Share
    date: Share
    net: Share
    vat: Share
    total: Share
    iban: Share


class Fields(TypedDict):
    """``confidence`` is that of the least certain field that the kind requires.

    ``corrected`` are the values that a person set. They are not read again.
    """

    values: Values
    sure: Sure
    confidence: Share
    corrected: dict[str, Any]


class Checked(TypedDict):
    flags: list[rules.Flag]


class Before(TypedDict):
    """``reference`` names the same document, received earlier; empty if there is none."""

    reference: str
    flags: list[rules.Flag]


class Page(TypedDict):
    documents: list[dict[str, Any]]


class Filed(TypedDict):
    path: str


@with_config(ConfigDict(extra="ignore"))
class Earlier(TypedDict):
    reference: str
    sender: str
    number: str
    total: float | None


@with_config(ConfigDict(extra="ignore"))
class Correction(TypedDict):
    """A field that a reviewer changed."""

    field: str
    new: Any


@step
def read(text: str) -> Text:
    """Tidy the text, and tell whether it is legible."""
    tidy = "\n".join(line.rstrip() for line in text.replace("\t", "    ").splitlines()).strip("\n")
    share = rules.readable_share(tidy)
    legible = share >= rules.LEAST_READABLE and len(tidy) >= rules.LEAST_CHARACTERS
    return Text(text=tidy, words=len(tidy.split()), readable=share, legible=legible)


@step
def kind(text: str, chosen: str, corrections: list[Correction]) -> Kind:
    """Tell what kind of document it is, unless a person has chosen the kind."""
    chosen = next((str(each["new"]) for each in corrections if each["field"] == "kind"), chosen)
    if chosen:
        reason = Reason(label="Chosen by a person", value=chosen, contribution=1.0)
        return Kind(kind=chosen, confidence=1.0, reasons=[reason], chosen=chosen)
    return Kind(**sort_text(text, rules.KINDS, rules.OTHER), chosen="")


@step
def fields(
    text: str, kind: str, corrected: dict[str, Any], corrections: list[Correction]
) -> Fields:
    """Read the values beside their labels, except those that a person has corrected."""
    found = rules.read_fields(text)
    names = list(Values.__annotations__)
    values: dict[str, Any] = dict.fromkeys(names, "") | dict.fromkeys(rules.MONEY)
    values |= {key: each.value for key, each in found.items()}
    sure = dict.fromkeys(names, 0.0) | {key: each.confidence for key, each in found.items()}
    changes = {each["field"]: each["new"] for each in corrections if each["field"] in values}
    corrected = corrected | changes
    values |= corrected
    sure |= dict.fromkeys(corrected, rules.BY_A_PERSON)
    least = min((sure[key] for key in rules.REQUIRED.get(kind, ())), default=0.0)
    return cast(
        Fields, {"values": values, "sure": sure, "confidence": least, "corrected": corrected}
    )


@step
def check(kind: str, values: Values, known_iban: str) -> Checked:
    """Check the document against itself and against what is known of the sender."""
    return Checked(flags=rules.check_flags(kind, values, known_iban))


@step
def before(values: Values, sender: str, earlier: list[Earlier]) -> Before:
    """Find the same document among those received earlier."""
    reference, flags = rules.received_before(values, sender, earlier)
    return Before(reference=reference, flags=flags)


def _preview(title: str, text: str, ctx: StepContext) -> Page:
    """Typeset the page without storing it, for tests and previews."""
    return _page(title, text, lambda content: hashlib.sha256(content).hexdigest())


@step(effects=True, stand_in=_preview)
def page(title: str, text: str, ctx: StepContext) -> Page:
    """Store the document as a page, with the place of each value on it."""

    def keep(content: bytes) -> Any:
        return store_artifact(
            content=content, media_type="application/pdf", name="document.pdf", now=ctx.now
        )

    return _page(title, text, keep)


def _page(title: str, text: str, keep: Callable[[bytes], Any]) -> Page:
    content, boxes = set_page(title, text, rules.read_fields(text))
    shown = {
        "id": "document",
        "title": title,
        "artifact": keep(content),
        "media_type": "application/pdf",
        "text": text,
        "boxes": boxes,
    }
    return Page(documents=[shown])


@step
def file(reference: str, kind: str, sender: str, values: dict[str, Any]) -> Filed:
    """Return the place in the archive: kind, year, sender, number."""
    parts = [
        kind,
        str(values.get("date") or "undated")[:4],
        sender,
        values.get("number") or reference,
    ]
    return Filed(
        path="/".join(re.sub(r"[^\w.-]+", "-", str(part)).strip("-").lower() for part in parts)
    )
