"""What a prompt holds, as plain JSON.

```yaml
description: Sorts a letter.
variables:
  letter: {type: string, title: Letter, sample: "My card is lost."}   # JSON Schema, and two more
  notes: {type: array, required: false}
parts:
  - {role: system, text: "Sort letters."}
  - {role: user, text: "{letter}"}
examples:
  - {variables: {letter: "Where is my money?"}, answer: {topic: payment}}
from_cases: {flow: letters, queue: desk, count: 5}
answer: {type: object, properties: {topic: {enum: [payment, card]}}}  # JSON Schema
parameters: {temperature: 0}
tests:
  - name: A lost card
    variables: {letter: "I lost my card."}                            # samples fill in the rest
    expect: [{kind: schema}, {kind: contains, value: card}]
    recorded: {answer: {topic: card}, of: <digest of the filled text>, model: small}
```
"""

from collections.abc import Mapping
from typing import Any

from flows.assets.kinds import AssetProblem, Content
from workbench.values.schemas import make_validator

Json = Any

ROLES = ("system", "user", "assistant")
# What a test may say of the answer, in words that follow "The answer".
EXPECTATIONS = {
    "schema": "fits the schema",
    "contains": "contains",
    "not_contains": "does not contain",
    "equals": "equals",
    "matches": "matches the pattern",
    "similar": "is similar to",
    "judge": "is good, says a judge:",
}
KEYS = (
    "description", "variables", "parts", "examples", "from_cases", "answer", "parameters", "tests",
)  # fmt: skip
# What a variable says beside its JSON Schema.
OWN_KEYWORDS = frozenset({"required", "sample"})
NAME = "[A-Za-z_][A-Za-z0-9_]{0,63}"
LONGEST = 200_000  # characters of all parts together
MOST_CASES = 20

_TEXT = {"type": "string", "maxLength": LONGEST}
_FORM: Mapping[str, Json] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "description": {"type": "string", "maxLength": 2_000},
        "variables": {
            "type": "object",
            "maxProperties": 100,
            "propertyNames": {"pattern": f"^{NAME}$"},
            "additionalProperties": {
                "type": "object",
                "properties": {"required": {"type": "boolean"}, "title": {"type": "string"}},
            },
        },
        "parts": {
            "type": "array",
            "maxItems": 50,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["role", "text"],
                "properties": {"role": {"enum": list(ROLES)}, "text": _TEXT},
            },
        },
        "examples": {
            "type": "array",
            "maxItems": 50,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["variables", "answer"],
                "properties": {
                    "variables": {"type": "object"},
                    "answer": {},
                    "case": {"type": "integer", "minimum": 1},
                },
            },
        },
        "from_cases": {
            "type": "object",
            "additionalProperties": False,
            "required": ["flow", "count"],
            "properties": {
                "flow": {"type": "string", "minLength": 1, "maxLength": 80},
                "queue": {"type": "string", "maxLength": 80},
                "count": {"type": "integer", "minimum": 1, "maximum": MOST_CASES},
                "only_corrected": {"type": "boolean"},
                "leave_out": {"type": "array", "maxItems": 200, "items": {"type": "string"}},
                "variables": {"type": "object", "additionalProperties": {"type": "string"}},
                "answer": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
        "answer": {"type": "object"},
        "parameters": {"type": "object", "maxProperties": 50},
        "tests": {
            "type": "array",
            "maxItems": 200,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 200},
                    "variables": {"type": "object"},
                    "expect": {
                        "type": "array",
                        "maxItems": 50,
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["kind"],
                            "properties": {
                                "kind": {"enum": list(EXPECTATIONS)},
                                "value": {},
                                "at_least": {"type": "number", "minimum": 0, "maximum": 1},
                            },
                        },
                    },
                    "recorded": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["answer"],
                        "properties": {
                            "answer": {},
                            "of": {"type": "string"},
                            "model": {"type": "string"},
                        },
                    },
                },
            },
        },
    },
}
_VALIDATOR = make_validator(_FORM)


def make_empty() -> dict[str, Json]:
    """Return the draft to begin with: a system and a user part, and one variable."""
    return {
        "description": "",
        "variables": {"text": {"type": "string", "title": "Text"}},
        "parts": [{"role": "system", "text": ""}, {"role": "user", "text": "{text}"}],
        "examples": [],
        "answer": {},
        "parameters": {},
        "tests": [],
    }


def to_normal_form(content: Content) -> dict[str, Json]:
    """Return the content with the keys of its sections in their fixed order; nothing is lost."""
    rest = [key for key in content if key not in KEYS]
    return {key: content[key] for key in (*KEYS, *rest) if key in content}


def check_form(content: Content) -> list[AssetProblem]:
    """Return where the content has not the form of a prompt."""
    return [
        AssetProblem(
            ".".join(map(str, fault.instance_path)) or "content",
            f"{fault.message}.",
            "See docs/prompts.md for the form of a prompt.",
        )
        for fault in _VALIDATOR.iter_errors(dict(content))
    ]


def get_schema_of(variable: Mapping[str, Json]) -> dict[str, Json]:
    """Return a variable's JSON Schema alone."""
    return {key: value for key, value in variable.items() if key not in OWN_KEYWORDS}


def is_required(variable: Mapping[str, Json]) -> bool:
    return variable.get("required") is not False


def make_variables_schema(content: Content) -> dict[str, Json]:
    """Return the JSON Schema of all variables together, for whoever fills the prompt."""
    variables = content.get("variables", {})
    return {
        "type": "object",
        "properties": {
            name: {
                **get_schema_of(each),
                **({"examples": [each["sample"]]} if "sample" in each else {}),
            }
            for name, each in variables.items()
        },
        "required": [name for name, each in variables.items() if is_required(each)],
        "additionalProperties": False,
    }


def get_samples(content: Content) -> dict[str, Json]:
    """Return the sample of each variable that has one."""
    variables = content.get("variables", {})
    return {name: each["sample"] for name, each in variables.items() if "sample" in each}
