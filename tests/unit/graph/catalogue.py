"""A small catalogue of step types, so that these tests stand on flows.graph alone."""

from collections.abc import Mapping
from typing import Any

from flows.graph.model import Step
from flows.graph.problems import Problem
from flows.graph.rework import Asking
from flows.graph.validation import TypeFacts

Config = Mapping[str, Any]


def _branch_ports(config: Config) -> tuple[str, ...]:
    cases = config.get("cases")
    named = [case["port"] for case in cases] if isinstance(cases, list) else []
    return tuple(dict.fromkeys([*named, config.get("otherwise", "otherwise")]))


def _check(step: Step) -> list[Problem]:
    if step.config.get("value") != "cursed":
        return []
    return [Problem("error", "work.cursed", step.id, "with.value", "It is cursed.", "Lift it.")]


def _asking(config: Config) -> Asking:
    return Asking(frozenset({"rework"}), alone=frozenset(config.get("after_rework", ())))


def _facts(name: str, properties: Config, **more: Any) -> TypeFacts:
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    required = more.pop("required", [])
    output = more.pop("output", {})
    ports = more.pop("ports", lambda _: ("done",))
    return TypeFacts(
        name=name,
        ports=ports,
        config_schema={**schema, "required": required},
        output_schema=lambda _: output,
        **more,
    )


WHEN = {"type": "string", "format": "cel"}
CASE = {"type": "object", "properties": {"port": {"type": "string"}, "when": WHEN}}
OPEN = {"type": "object", "properties": {"confidence": {"type": "number"}}}
CLOSED = {**OPEN, "additionalProperties": False}

CATALOGUE = {
    facts.name: facts
    for facts in (
        _facts("work", {"value": {}, "times": {"type": "integer"}, "headers": {"type": "object"}},
               output=OPEN, check=_check, secret_places=lambda _: ("headers",)),
        _facts("score", {"model": {"type": "string"}}, required=["model"], output=CLOSED),
        _facts("branch", {"cases": {"type": "array", "items": CASE}, "otherwise": {},
                          "inclusive": {"type": "boolean"}}, ports=_branch_ports),
        _facts("join", {"mode": {}, "n": {"type": "integer"}}),
        _facts("review.case", {"queue": {}, "sla": {}, "form": {}, "after_rework": {}},
               ports=lambda _: ("approved", "rejected", "rework", "expired"), waits=True,
               required=["sla"], asking=_asking),
        _facts("login", {"pin": {"type": "string"}}, secret_fields=("pin",),
               secret_places=lambda _: ("pin",)),
        _facts("end", {"outcome": {}}, ports=lambda _: ()),
    )
}  # fmt: skip
