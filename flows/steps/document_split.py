"""The step type `document.split`: the documents of one scan, as ranges of its pages."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from flows.documents.classifying import KindName, KindRule
from flows.documents.splitting import (
    SYSTEM,
    make_answer_schema,
    split,
    split_as_answered,
    write_question,
)
from flows.steps.base import Json, Result, StepContext, text_of
from flows.steps.document_asking import AskingConfig, AskingStep, ask_about, load_document
from flows.steps.registry import register


@register
class DocumentSplit(AskingStep):
    name = "document.split"
    title = "Split document"
    summary = "Takes a scan of many documents apart"
    icon = "split"
    category = "Documents"

    class Config(AskingConfig):
        kinds: list[KindRule] = Field(
            min_length=1,
            max_length=50,
            title="Kinds",
            description="A phrase of a kind in the upper part of a page begins a document; where "
            "a model is named, it says where one begins.",
        )
        otherwise: KindName = Field(
            "other", title="Otherwise", description="The kind of a part that nothing heads."
        )
        threshold: float = Field(
            0.8,
            ge=0,
            le=1,
            title="Threshold",
            description="With a less certain beginning, the step leaves by `unsure`.",
        )
        keep_blank: bool = Field(
            False, title="Keep blank pages", description="With the part that they end."
        )

    def ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        return ("done", "unsure")

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        part: dict[str, Json] = {
            "number": {"type": "integer"},
            "kind": {"type": "string"},
            "confidence": {"type": ["number", "null"]},
            "first": {"type": "integer"},
            "last": {"type": "integer"},
            "pages": {"type": "array", "items": {"type": "integer"}},
            "reasons": {"type": "array", "items": {"type": "string"}},
            "document": {"type": "object"},
        }
        items = {"type": "object", "properties": part, "required": list(part)}
        return {
            "type": "object",
            "properties": {"parts": {"type": "array", "items": items}},
            "required": ["parts"],
        }

    def describe(self, config: Mapping[str, Json]) -> str:
        kinds = config.get("kinds")
        names = [
            text_of(each.get("kind"))
            for each in (kinds if isinstance(kinds, list) else [])
            if isinstance(each, Mapping)
        ]
        return ", ".join(names) or "Declare the kinds"

    def read(self, ctx: StepContext, config: Any, key: str) -> Result:
        """Leave by `unsure` if it has no page with text, or a part may begin elsewhere."""
        parts, provenance = _split(ctx, config, key)
        least = [-1.0 if each["confidence"] is None else each["confidence"] for each in parts]
        sure = min(least, default=-1.0) >= config.threshold
        port = "done" if sure else "unsure"
        return Result(output={"parts": parts}, port=port, provenance=provenance)


def _split(
    ctx: StepContext, config: Any, key: str
) -> tuple[list[dict[str, Json]], Mapping[str, Json] | None]:
    document = load_document(config.document)
    kinds, otherwise, keep_blank = config.kinds, config.otherwise, config.keep_blank
    if not config.model or not any(page.lines for page in document.pages):
        return split(document, kinds, otherwise, keep_blank=keep_blank), None
    text, schema = write_question(document, kinds), make_answer_schema(kinds, otherwise)
    answer, sureness, provenance = ask_about(ctx, config, key, SYSTEM, text, schema)
    sure = sureness.fields.get("parts", sureness.confidence)
    return split_as_answered(document, answer, sure, otherwise, keep_blank=keep_blank), provenance
