"""The step type `document.split`: the documents of one scan, as ranges of its pages."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from flows.documents.classifying import KindName, KindRule
from flows.documents.splitting import split
from flows.steps.base import Json, Result, RunningStep, StepContext, text_of
from flows.steps.document_asking import DocumentConfig, load_document
from flows.steps.registry import register


@register
class DocumentSplit(RunningStep):
    name = "document.split"
    title = "Split document"
    summary = "Takes a scan of many documents apart"
    icon = "split"
    category = "Documents"
    seals_output = True

    class Config(DocumentConfig):
        kinds: list[KindRule] = Field(
            min_length=1,
            max_length=50,
            title="Kinds",
            description="A phrase of a kind in the upper part of a page begins a document.",
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
            "confidence": {"type": "number"},
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

    def run(self, ctx: StepContext, config: Any) -> Result:
        """Leave by `unsure` if it has no page with text, or a part may begin elsewhere."""
        document = load_document(config.document)
        parts = split(document, config.kinds, config.otherwise, keep_blank=config.keep_blank)
        sure = bool(parts) and all(each["confidence"] >= config.threshold for each in parts)
        return Result(output={"parts": parts}, port="done" if sure else "unsure")
