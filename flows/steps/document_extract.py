"""The step type `document.extract`: the fields of a document, by a schema."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, field_validator, model_validator

from flows.documents.extraction.evidence import SYSTEM, make_answer_schema, write_question
from flows.documents.extraction.fields import Extracted, correct, extract_fields
from flows.documents.extraction.rules import MOST_FIELDS, FieldRule, check_locale
from flows.documents.model import ReadDocument
from flows.documents.showing import show_document
from flows.documents.validators import Check, Verdict, judge, list_flags, weigh
from flows.expressions import ExpressionError
from flows.steps.base import Json, Result, StepContext, StepFailure, text_of
from flows.steps.document_asking import AskingConfig, AskingStep, ask_about, load_document
from flows.steps.registry import register

_SCHEMAS: Mapping[str, Mapping[str, Json]] = {
    "text": {"type": ["string", "null"], "maxLength": 2000},
    "code": {"type": ["string", "null"], "maxLength": 200},
    "date": {"type": ["string", "null"], "format": "date"},
    "number": {"type": ["number", "null"]},
    "amount": {"type": ["number", "null"]},
    "integer": {"type": ["integer", "null"]},
}
_FORMATS = {"amount": "money", "number": "number", "integer": "number", "date": "date"}
_SOURCES = {"model": "A model", "person": "A person", "table": "Table"}


@register
class DocumentExtract(AskingStep):
    name = "document.extract"
    title = "Extract fields"
    summary = "Finds a document's fields"
    icon = "scan-search"
    category = "Documents"

    class Config(AskingConfig):
        title: str = Field("Document", title="Title", description="In a case.", max_length=120)
        id: str = Field(
            "document",
            pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,39}$",
            title="Id",
            description="By which a case tells its documents apart.",
        )
        fields: list[FieldRule] = Field(min_length=1, max_length=MOST_FIELDS, title="Fields")
        locale: str = Field(
            "en",
            title="Locale",
            description="How numbers and dates are written: en, en-GB, en-US, de, de-CH, fr, es, "
            "it, nl. What could be read in two ways is not read.",
        )
        checks: list[Check] = Field(
            default_factory=list,
            max_length=50,
            title="Checks",
            description="What fails one is flagged, and goes to people.",
        )
        threshold: float = Field(
            0.9,
            ge=0,
            le=1,
            title="Threshold",
            description="With a field less sure than this, the step leaves by `unsure`.",
        )
        corrected: dict[str, Json] = Field(
            default_factory=dict,
            title="Corrected",
            description="Values that people set before, and that stand.",
            examples=["${ has(steps.fields) ? steps.fields.output.corrected : {} }"],
        )
        corrections: list[dict[str, Json]] = Field(
            default_factory=list,
            title="Corrections",
            description="What people changed in a case.",
            examples=["${ has(steps.review) ? steps.review.output.overrides : [] }"],
        )

        @field_validator("locale")
        @classmethod
        def is_a_locale(cls, locale: str) -> str:
            return check_locale(locale)

        @model_validator(mode="after")
        def names_are_known(self) -> "DocumentExtract.Config":
            keys = [rule.key for rule in self.fields]
            if len(set(keys)) < len(keys):
                raise ValueError("two fields have the same key")
            for check in self.checks:
                for key in check.keys:
                    if key not in keys:
                        raise ValueError(f"a check names {key}, which is no field")
            if any(rule.by == "model" for rule in self.fields) and not self.model:
                raise ValueError("fields are found by a model: give `model`")
            return self

    def ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        return ("done", "unsure")

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        rules = config.get("fields")
        keys = {
            text_of(rule.get("key")): _promise(rule)
            for rule in (rules if isinstance(rules, list) else [])
            if isinstance(rule, Mapping) and rule.get("key")
        }
        sure = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
        properties: dict[str, Json] = {
            "values": {"type": "object", "properties": keys, "required": list(keys)},
            "sure": {
                "type": "object",
                "properties": dict.fromkeys(keys, sure),
                "required": list(keys),
            },
            "confidence": sure,
            "fields": {"type": "array", "items": {"type": "object"}},
            "flags": {"type": "array", "items": {"type": "object"}},
            "corrected": {"type": "object"},
            "document": {"type": "object"},
            "group": {"type": "object"},
        }
        return {"type": "object", "properties": properties, "required": list(properties)}

    def reads_run(self, config: Mapping[str, Json]) -> bool:
        checks = config.get("checks")
        return isinstance(checks, list) and any(
            isinstance(each, Mapping) and each.get("kind") == "rule" for each in checks
        )

    def describe(self, config: Mapping[str, Json]) -> str:
        rules = config.get("fields")
        keys = [
            text_of(each.get("key"))
            for each in (rules if isinstance(rules, list) else [])
            if isinstance(each, Mapping)
        ]
        named = ", ".join(keys)
        model = text_of(config.get("model"))
        return f"{named} · {model}" if named and model else named or "Declare the fields"

    def read(self, ctx: StepContext, config: Any, key: str) -> Result:
        """Leave by `done`, or by `unsure` if a field is missing, doubtful or fails a check."""
        document = load_document(config.document)
        answer, sure, provenance = _ask(ctx, config, key, document)
        found = extract_fields(document, config.fields, config.locale, answer, sure)
        corrected = {
            **config.corrected,
            **{text_of(each.get("field")): each.get("new") for each in config.corrections},
        }
        keys = {rule.key for rule in config.fields}
        corrected = {name: value for name, value in corrected.items() if name in keys}
        found = correct(document, found, config.fields, corrected, config.locale)
        verdicts = _judge(ctx, config, found)
        found = weigh(found, verdicts)
        required = frozenset(rule.key for rule in config.fields if rule.required)
        counted = [each for each in found if each.is_found or each.key in required]
        output = {
            "values": {each.key: each.value for each in found},
            "sure": {each.key: each.confidence for each in found},
            "confidence": _take_least(counted),
            "fields": [each.as_json() for each in found],
            "flags": list(list_flags(found, required, verdicts)),
            "corrected": corrected,
            "document": show_document(config.id, config.title, document, found),
            "group": _show_group(config, found),
        }
        sure_enough = all(
            each.confidence is not None
            and each.confidence >= config.threshold
            and not each.not_found_in_text
            for each in counted
        )
        failed = any(each.holds is False and each.check.level != "info" for each in verdicts)
        port = "done" if counted and sure_enough and not failed else "unsure"
        return Result(output=output, port=port, provenance=provenance)


def _promise(rule: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return the schema of a field's value; a column without a row is a list."""
    one = {k: v for k, v in _SCHEMAS.get(text_of(rule.get("type")) or "text", {}).items()
           if k == "type"}  # fmt: skip
    is_list = rule.get("by") == "table" and not rule.get("row")
    return {"type": ["array", "null"], "items": one} if is_list else one


def _ask(
    ctx: StepContext, config: Any, key: str, document: ReadDocument
) -> tuple[Json, Mapping[str, float] | None, Mapping[str, Json] | None]:
    """Return what the model says of its fields, and how sure it is where it can tell."""
    rules = [rule for rule in config.fields if rule.by == "model"]
    if not rules:
        return None, None, None
    text, schema = write_question(document, rules), make_answer_schema(rules)
    answer, sureness, provenance = ask_about(ctx, config, key, SYSTEM, text, schema)
    sure = dict(sureness.fields)
    if not sure and sureness.confidence is not None:
        # A judge, or the model itself, spoke of the answer as a whole.
        sure = {rule.key: sureness.confidence for rule in rules}
    return answer, sure or None, provenance


def _judge(ctx: StepContext, config: Any, found: Sequence[Extracted]) -> list[Verdict]:
    try:
        return judge(config.checks, found, ctx.bindings)
    except ExpressionError as error:
        raise StepFailure(
            f"Step {ctx.step_id!r}, checks: {error}", kind="expression", retryable=False
        ) from error


def _take_least(counted: Sequence[Extracted]) -> float | None:
    """Return the least confidence; None if a model cannot tell, 0 if nothing was found."""
    if any(each.confidence is None for each in counted):
        return None
    return min((each.confidence or 0.0 for each in counted), default=0.0)


# --- As a case shows it -----------------------------------------------------------------------


def _show_group(config: Any, found: Sequence[Extracted]) -> dict[str, Json]:
    """Return the group of fields, which a reviewer may correct."""
    shown = [_show_field(rule, each) for rule, each in zip(config.fields, found, strict=True)]
    return {"title": config.title, "id": f"{config.id}-fields", "fields": shown}


def _show_field(rule: FieldRule, field: Extracted) -> dict[str, Json]:
    is_list = isinstance(field.value, list)
    place = f"page {field.page}" if field.page else "not on the page"
    source = _SOURCES.get(field.source, "On the page")
    if field.not_found_in_text:
        source, place = "A model", "not in the text"
    return {
        "key": field.key,
        "label": field.name,
        "value": field.value,
        "confidence": field.confidence,
        "source": f"{source}, {place}" if field.is_found else "Not found",
        "format": "" if is_list else _FORMATS.get(rule.type, ""),
        "unit": rule.unit,
        "editable": not is_list,
        "schema": {} if is_list else dict(_SCHEMAS[rule.type]),
    }
