"""The step type `document.classify`: what kind of document it is."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from flows.documents.classifying import (
    SYSTEM,
    KindName,
    KindRule,
    Sorted,
    make_answer_schema,
    sort_by_phrases,
    take_answer,
    write_question,
)
from flows.steps.base import Json, Result, StepContext, text_of
from flows.steps.document_asking import AskingConfig, AskingStep, ask_about, load_document
from flows.steps.registry import register

MOST_KINDS = 50


@register
class DocumentClassify(AskingStep):
    name = "document.classify"
    title = "Classify document"
    summary = "Tells what kind of document it is"
    icon = "tags"
    category = "Documents"

    class Config(AskingConfig):
        kinds: list[KindRule] = Field(
            min_length=1,
            max_length=MOST_KINDS,
            title="Kinds",
            description="By their phrases; where a model is named, it chooses among them.",
        )
        otherwise: KindName = Field(
            "other", title="Otherwise", description="The kind of what is none of them."
        )
        threshold: float = Field(
            0.8,
            ge=0,
            le=1,
            title="Threshold",
            description="With less confidence, the step leaves by `unsure`.",
        )
        chosen: str = Field(
            "",
            title="Chosen",
            description="The kind that a person chose, which stands.",
            max_length=40,
        )

        @model_validator(mode="after")
        def kinds_are_distinct(self) -> "DocumentClassify.Config":
            names = [rule.kind for rule in self.kinds]
            if len(set(names)) < len(names):
                raise ValueError("two kinds have the same name")
            if not self.model and not any(rule.phrases for rule in self.kinds):
                raise ValueError("give the kinds `phrases`, or name a `model`")
            return self

    def ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        return ("done", "unsure")

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        sure = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
        items = {"type": "array", "items": {"type": "object"}}
        properties: dict[str, Json] = {
            "kind": {"type": "string"},
            "confidence": sure,
            "scores": {"type": "object", "additionalProperties": {"type": "number"}},
            "evidence": items,
            "reasons": items,
            "chosen": {"type": "string"},
        }
        return {"type": "object", "properties": properties, "required": list(properties)}

    def describe(self, config: Mapping[str, Json]) -> str:
        kinds = config.get("kinds")
        names = [
            text_of(each.get("kind"))
            for each in (kinds if isinstance(kinds, list) else [])
            if isinstance(each, Mapping)
        ]
        return ", ".join(names) or "Declare the kinds"

    def read(self, ctx: StepContext, config: Any, key: str) -> Result:
        """Leave by `done`, or by `unsure` below the threshold."""
        if config.chosen:
            reason = {"label": "Chosen by a person", "value": config.chosen, "contribution": 1.0}
            found = {"kind": config.chosen, "confidence": 1.0, "scores": {config.chosen: 1.0},
                     "evidence": [], "reasons": [reason], "chosen": config.chosen}  # fmt: skip
            return Result(output=found)
        sorted_, provenance = _sort(ctx, config, key)
        sure = sorted_.confidence is not None and sorted_.confidence >= config.threshold
        output = {**sorted_.as_json(), "chosen": ""}
        return Result(output=output, port="done" if sure else "unsure", provenance=provenance)


def _sort(ctx: StepContext, config: Any, key: str) -> tuple[Sorted, Mapping[str, Json] | None]:
    document = load_document(config.document)
    if not config.model:
        return sort_by_phrases(document, config.kinds, config.otherwise), None
    text = write_question(document, config.kinds)
    schema = make_answer_schema(config.kinds, config.otherwise)
    answer, sureness, provenance = ask_about(ctx, config, key, SYSTEM, text, schema)
    confidence = sureness.fields.get("kind", sureness.confidence)
    return take_answer(document, answer, confidence, config.otherwise), provenance
