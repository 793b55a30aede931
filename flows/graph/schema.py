"""The published JSON Schema of the flow document."""

import json
from pathlib import Path
from typing import Any

from flows.graph.model import LANES, SCHEMA, Json, Retry
from flows.graph.rules_tests import STATUSES
from flows.graph.view import RemoteReference, schema_validator

__all__ = ["ID", "RemoteReference", "json_schema", "schema_text", "schema_validator"]

ID = "urn:countersign:flow:1"  # not a URL: nothing may be fetched in order to read a flow

_NAME = "^[A-Za-z_][A-Za-z0-9_]{0,79}$"


def json_schema() -> dict[str, Json]:
    """Return the JSON Schema (2020-12) of the document in its plain form.

    It describes a document's form. Validation checks its meaning, such as which configs a step type
    takes and whether every path ends.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "Countersign flow",
        "description": "A flow: steps, their ports, the edges between them, and its contract.",
        "type": "object",
        "required": ["schema", "name"],
        "additionalProperties": False,
        "properties": _document_properties(),
        "$defs": {
            "step": _step_schema(),
            "retry": _retry_schema(),
            "limit": _limit_schema(),
            "cache": _cache_schema(),
            "test": _test_schema(),
            "answers": _answers_schema(),
        },
    }


def schema_text() -> str:
    """Return the schema as it is committed and served."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _document_properties() -> dict[str, Json]:
    return {
        "schema": {"const": SCHEMA},
        "name": {
            "type": "string",
            "pattern": "^[A-Za-z0-9_-]{1,80}$",
            "description": "The flow's own name, in addresses and commands.",
        },
        "title": _describe_text("The name people read."),
        "description": _describe_text("What the flow is for."),
        "lane": {
            "enum": list(LANES),
            "description": "The priority of its runs, where their start names none.",
        },
        "input": {
            "type": "object",
            "description": "A JSON Schema that the input of every run must fit.",
        },
        "output": {
            "type": "object",
            "description": "The run's output. `${ … }` is evaluated when the run ends.",
        },
        "steps": {
            "type": "object",
            "description": "The steps by their names.",
            "propertyNames": {"pattern": _NAME},
            "additionalProperties": {"$ref": "#/$defs/step"},
        },
        "edges": {
            "type": "array",
            "description": "From a step's port to a step.",
            "items": {"type": "string", "pattern": r"^\s*[^\s.>]+\.[^\s.>]+\s*->\s*[^\s.>]+\s*$"},
        },
        "layout": {
            "type": "object",
            "description": "Each step's place on the canvas, [x, y] in pixels.",
            "additionalProperties": {
                "type": "array",
                "prefixItems": [{"type": "number"}, {"type": "number"}],
                "items": False,
                "minItems": 2,
            },
        },
        "notes": _describe_objects("Sticky notes on the canvas."),
        "groups": _describe_objects("Steps that are drawn and collapsed together."),
        "samples": {"type": "object", "description": "Inputs to try the flow with, by name."},
        "tests": {
            "type": "array",
            "description": "Sample inputs with the path and output they must give.",
            "items": {"$ref": "#/$defs/test"},
        },
    }


def _step_schema() -> dict[str, Json]:
    return {
        "type": "object",
        "required": ["type"],
        "additionalProperties": False,
        "properties": {
            "type": {"type": "string", "minLength": 1, "description": "Such as `http.request`."},
            "title": _describe_text("The name on the card."),
            "with": {
                "type": "object",
                "description": "The type's config. `${ … }` is evaluated before the step starts.",
            },
            "retry": {"$ref": "#/$defs/retry"},
            "limit": {"$ref": "#/$defs/limit"},
            "cache": {"$ref": "#/$defs/cache"},
            "timeout_seconds": {"type": "number", "exclusiveMinimum": 0},
            "max_visits": {
                "type": "integer",
                "minimum": 1,
                "description": "How often a run may come here; after that it leaves by `limit`.",
            },
            "compensate": {"type": "string", "description": "The step that undoes this one."},
            "runbook": _describe_text("What to do when it fails, in Markdown."),
        },
    }


def _retry_schema() -> dict[str, Json]:
    kept = Retry()
    seconds: dict[str, Any] = {"type": "number", "minimum": 0}
    classes = {"type": "array", "items": {"type": "string", "minLength": 1}}
    return {
        "type": "object",
        "description": "How failed attempts are repeated.",
        "additionalProperties": False,
        "properties": {
            "max_attempts": {"type": "integer", "minimum": 1, "default": kept.max_attempts},
            "initial_seconds": {**seconds, "default": kept.initial_seconds},
            "factor": {"type": "number", "minimum": 1, "default": kept.factor},
            "max_seconds": {**seconds, "default": kept.max_seconds},
            "jitter": {"type": "number", "minimum": 0, "maximum": 1, "default": kept.jitter},
            "deadline_seconds": {"type": "number", "exclusiveMinimum": 0},
            "on": {
                **classes,
                "description": "Only these errors are tried again: `timeout`, `http.5xx` …",
            },
            "not_on": {**classes, "description": "These errors are not tried again."},
        },
    }


def _limit_schema() -> dict[str, Json]:
    return {
        "type": "object",
        "description": "How many activations may be under way, and begin in a second.",
        "additionalProperties": False,
        "properties": {
            "key": _describe_text(
                "Steps with this key share the limit, such as `${ input.customer }`."
            ),
            "concurrency": {"type": "integer", "minimum": 1},
            "per_second": {"type": "number", "exclusiveMinimum": 0},
        },
    }


def _cache_schema() -> dict[str, Json]:
    return {
        "type": "object",
        "description": "The step is stable: a result may be reused for the same config and input.",
        "additionalProperties": False,
        "properties": {
            "ttl_seconds": {
                "type": "number",
                "exclusiveMinimum": 0,
                "description": "For how long a result may be reused after it was made.",
            },
        },
    }


def _test_schema() -> dict[str, Json]:
    steps = {"type": "array", "items": {"type": "string"}}
    return {
        "type": "object",
        "description": "A sample input, the answers of steps, and what must come out.",
        "additionalProperties": False,
        "properties": {
            "name": _describe_text("The rule that the test holds."),
            "input": {"description": "An input that fits the flow's own, or a sample's name."},
            "stubs": {"$ref": "#/$defs/answers"},
            "decisions": {"$ref": "#/$defs/answers"},
            "expect": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "path": {**steps, "description": "In this order; others may come between."},
                    "not_path": {**steps, "description": "Steps that must not be reached."},
                    "outcome": _describe_text("That of the `end` that is reached."),
                    "output": {"description": "These fields; others may be there."},
                    "status": {"enum": list(STATUSES)},
                    "waits_at": _describe_text("The step at which the run waits."),
                },
            },
        },
    }


def _answers_schema() -> dict[str, Json]:
    answer = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "output": {"description": "What the step gives instead of being played."},
            "port": {"type": "string", "description": "The port it leaves by, else `done`."},
            "error": {"type": ["object", "null"], "description": "It fails: `kind`, `message`."},
        },
    }
    each_visit = {"type": "array", "minItems": 1, "items": answer}
    return {
        "type": "object",
        "description": "By step: one answer, or a list with one for each visit.",
        "additionalProperties": {"anyOf": [answer, each_visit]},
    }


def _describe_text(description: str) -> dict[str, Json]:
    return {"type": "string", "description": description}


def _describe_objects(description: str) -> dict[str, Json]:
    return {
        "type": "object",
        "description": description,
        "additionalProperties": {"type": "object"},
    }


if __name__ == "__main__":  # `python -m flows.graph.schema` writes the committed copy
    Path("docs/flow-document.schema.json").write_text(schema_text(), encoding="utf-8")
