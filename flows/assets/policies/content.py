"""What a policy holds, as plain JSON.

```yaml
description: Which payments an agent makes without a person.
language: rego            # or cel
source: |                 # a Rego module, or one CEL expression on `input`
  package refunds
  import rego.v1
  allow if input.amount <= data.most
query: data.refunds       # Rego: what is asked; else the module's package
data: {most: 50}          # Rego: the data document
connection: opa-main      # a connection to an OPA server that decides; else this process does
tests:
  - {name: A small one, input: {amount: 10}, allow: true}
  - {name: A large one, input: {amount: 90}, allow: false, reasons: [The amount is above 50.]}
```
"""

from collections.abc import Mapping
from typing import Any

from flows.assets.kinds import AssetProblem, Content
from flows.policies.apart import find_problems
from flows.policies.model import LONGEST_SOURCE, QUERY, Policy
from flows.steps.policies import make_policy
from workbench.values.schemas import make_validator

Json = Any
LANGUAGES = ("rego", "cel")
KEYS = ("description", "language", "source", "query", "data", "connection", "tests")
MOST_TESTS = 200
REGO_HAS = "Empty it, or write the policy in Rego."
_FORM: Mapping[str, Json] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "description": {"type": "string", "maxLength": 2_000},
        "language": {"enum": list(LANGUAGES)},
        "source": {"type": "string", "maxLength": LONGEST_SOURCE},
        "query": {"type": "string", "maxLength": 200, "pattern": f"^({QUERY})?$"},
        "data": {"type": "object"},
        "connection": {"type": "string", "pattern": "^[A-Za-z0-9_-]{0,80}$"},
        "tests": {
            "type": "array",
            "maxItems": MOST_TESTS,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name", "allow"],
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 200},
                    "input": {"type": "object"},
                    "allow": {"type": "boolean"},
                    "reasons": {"type": "array", "items": {"type": "string"}},
                    "obligations": {"type": "object"},
                },
            },
        },
    },
}
_VALIDATOR = make_validator(_FORM)
_SAMPLE = """\
package example

import rego.v1

default allow := false

allow if count(reasons) == 0

reasons contains "The amount is above the limit." if input.amount > data.limit
"""


def make_empty() -> dict[str, Json]:
    """Return the draft to begin with: a module that shows the form of a decision."""
    return {
        "description": "",
        "language": "rego",
        "source": _SAMPLE,
        "query": "",
        "data": {"limit": 100},
        "connection": "",
        "tests": [
            {"name": "Within the limit", "input": {"amount": 100}, "allow": True},
            {
                "name": "Above the limit", "input": {"amount": 101}, "allow": False,
                "reasons": ["The amount is above the limit."],
            },
        ],
    }  # fmt: skip


def to_normal_form(content: Content) -> dict[str, Json]:
    """Return the content with every key, in their order."""
    empty: dict[str, Json] = {
        "description": "", "language": "rego", "source": "", "query": "", "data": {},
        "connection": "", "tests": [],
    }  # fmt: skip
    return {key: content.get(key, empty[key]) for key in KEYS}


def check_form(content: Content) -> list[AssetProblem]:
    return [
        AssetProblem(".".join(map(str, error.instance_path)) or "content", error.message)
        for error in _VALIDATOR.iter_errors(dict(content))
    ]


def list_problems(content: Content) -> list[AssetProblem]:
    """Return what keeps the draft from being published, the source's by line."""
    policy = make_policy("", content).policy
    return [*_find_form_problems(content), *_find_source_problems(policy)]


def _find_form_problems(content: Content) -> list[AssetProblem]:
    found = []
    is_cel = content.get("language") == "cel"
    for field, given in (("query", content.get("query")), ("data", content.get("data"))):
        if is_cel and given:
            found.append(AssetProblem(field, "CEL has none.", REGO_HAS))
    if is_cel and content.get("connection"):
        message = "An OPA server reads no CEL."
        found.append(AssetProblem("connection", message, REGO_HAS))
    names = [test["name"] for test in content.get("tests", [])]
    if len(set(names)) < len(names):
        found.append(AssetProblem("tests", "Two tests have one name.", "Rename one."))
    return found


def _find_source_problems(policy: Policy) -> list[AssetProblem]:
    if not policy.source.strip():
        return [AssetProblem("source", "It is empty.", "Write the rules.")]
    return [
        AssetProblem(f"source, line {line}" if line else "source", message)
        for line, message in find_problems(policy)
    ]
