"""The functions that the document intake flow calls. STEP_MODULES allows this module."""

import hashlib
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from examples.document_intake import rules
from examples.document_intake.page import set_page
from examples.language.reader import FieldReader
from flows.runtime.artifacts import store_artifact
from flows.steps.base import StepContext
from flows.steps.language import register_language_provider
from flows.steps.python import step

# The model that finds the fields until yours is connected.
register_language_provider(FieldReader())

Share = Annotated[float, Field(ge=0, le=1)]


class Legible(TypedDict):
    words: int
    readable: Share
    legible: bool


class Before(TypedDict):
    """``reference`` names the same document, received earlier; empty if there is none."""

    reference: str
    flags: list[rules.Flag]


class Typeset(TypedDict):
    """``document`` is as ``document.read`` gives it."""

    document: dict[str, Any]


class Filed(TypedDict):
    path: str


@with_config(ConfigDict(extra="ignore"))
class Earlier(TypedDict):
    reference: str
    sender: str
    number: str
    total: float | None


def _preview(title: str, text: str, ctx: StepContext) -> Typeset:
    """Typeset the page without storing it, for tests and previews."""
    return _typeset(title, text, lambda content: {"artifact": hashlib.sha256(content).hexdigest()})


@step(effects=True, stand_in=_preview)
def typeset(title: str, text: str, ctx: StepContext) -> Typeset:
    """Set a text that came without a file as pages, and store them."""

    def keep(content: bytes) -> dict[str, Any]:
        return store_artifact(
            content=content, media_type="application/pdf", name="document.pdf", now=ctx.now
        )

    return _typeset(title, text, keep)


def _typeset(title: str, text: str, keep: Callable[[bytes], dict[str, Any]]) -> Typeset:
    tidy = "\n".join(line.rstrip() for line in text.replace("\t", "    ").splitlines()).strip("\n")
    content, pages = set_page(title, tidy)
    return Typeset(
        document={
            "artifact": keep(content),
            "media_type": "application/pdf",
            "pages": pages,
            "text": "\n".join(line["text"] for page in pages for line in page["lines"]),
            "confidence": 1.0,
            "engine": "typeset 1",
        }
    )


@step
def legible(text: str) -> Legible:
    """Tell whether the text is one that can be worked with."""
    share = rules.readable_share(text)
    enough = share >= rules.LEAST_READABLE and len(text) >= rules.LEAST_CHARACTERS
    return Legible(words=len(text.split()), readable=share, legible=enough)


@step
def before(values: dict[str, Any], sender: str, earlier: list[Earlier]) -> Before:
    """Find the same document among those received earlier."""
    reference, flags = rules.received_before(values, sender, earlier)
    return Before(reference=reference, flags=flags)


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
