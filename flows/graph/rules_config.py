"""Rules on names, types and configs."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from flows.graph.json_values import Path, format_path
from flows.graph.model import Json, Step
from flows.graph.problems import Problem, error, find_closest, suggest, warning
from flows.graph.view import View, schema_validator, walk_texts

CHECKPOINT = "review.case"
# Types that the engine plays itself, and those among them that have a region of steps.
_PLAYED = frozenset({"join", "end", "cancel", "turn", "compensate"})
_WITH_REGION = frozenset({"cancel", "turn"})

_STEP_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}\Z")
_FLOW_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}\Z")
_RESERVED = frozenset({"true", "false", "null", "in"})  # CEL cannot read `steps.in`


def check_flow_name(view: View) -> Iterator[Problem]:
    if not _FLOW_NAME.match(view.document.name):
        yield error(
            "flow.name",
            "",
            "name",
            f"{view.document.name!r} is not a valid name for a flow.",
            "Use up to 80 letters, digits, hyphens and underscores.",
        )


def check_step_names(view: View) -> Iterator[Problem]:
    for name in view.steps:
        if not _STEP_NAME.match(name) or name in _RESERVED:
            yield error(
                "step.name",
                name,
                "",
                f"{name!r} is not a valid name for a step.",
                "Use letters, digits and `_`, but none of in, true, false, null.",
            )


def check_types(view: View) -> Iterator[Problem]:
    free = [name for name, facts in view.catalogue.items() if not facts.part_of]
    for name, step in view.steps.items():
        facts = view.catalogue.get(step.type)
        if facts is None:
            yield error(
                "step.unknown_type",
                name,
                "type",
                f"There is no step type {step.type!r}.",
                suggest(step.type, free),
                fix=_fix_type(free, name, step.type),
            )
        elif facts.part_of:
            yield error(
                "step.part_only",
                name,
                "type",
                f"`{step.type}` is a part that a step of type `{facts.part_of}` makes of itself.",
                f"Use a step of type `{facts.part_of}` in its place.",
            )


def _fix_type(free: Iterable[str], name: str, wrong: str) -> list[dict[str, str]] | None:
    near = find_closest(wrong, free)
    return [{"op": "set_field", "step": name, "path": "/type", "value": near}] if near else None


def check_input_schema(view: View) -> Iterator[Problem]:
    """Check that the input is a JSON Schema that refers to nothing outside itself."""
    try:
        if view.document.input:
            schema_validator(view.document.input)
    except ValueError as reason:
        yield error(
            "flow.input_schema",
            "",
            "input",
            f"This is not a JSON Schema: {_shorten(reason)}",
            "Correct it; definitions belong under its own `$defs`.",
        )


def _shorten(reason: Exception) -> str:
    return str(reason).splitlines()[0][:200].rstrip(".") + "."


def check_configs(view: View) -> Iterator[Problem]:
    """Check each config against its type's schema. A text with ``${ … }`` may become anything."""
    for name, step in view.steps.items():
        facts = view.facts(name)
        if facts is None:
            continue
        for fault in schema_validator(facts.config_schema).iter_errors(dict(step.config)):
            path = tuple(fault.instance_path)
            kind = type(fault.kind).__name__.rsplit("_", maxsplit=1)[-1]
            if _may_become_right(fault.instance, kind) or _is_missing_sla(
                step, kind, fault.message
            ):
                continue
            yield _describe_fault(step, path, kind, fault, facts.config_schema)


def _may_become_right(value: Json, kind: str) -> bool:
    if isinstance(value, str):
        return "${" in value
    return kind in {"AnyOf", "OneOfNotValid", "OneOfMultipleValid", "Enum", "Not"} and any(
        "${" in text for _, text in walk_texts(value)
    )


def _is_missing_sla(step: Step, kind: str, message: str) -> bool:
    """Return whether the SLA is missing, which the rule on checkpoints reports more clearly."""
    return step.type == CHECKPOINT and kind == "Required" and '"sla"' in message


def _describe_fault(
    step: Step, path: Path, kind: str, fault: Any, schema: Mapping[str, Json]
) -> Problem:
    field = format_path(("with", *path))
    if kind == "Required":
        missing = fault.message.split('"')[1]
        return error(
            "config.missing",
            step.id,
            f"{field}.{missing}",
            f"`{missing}` is missing.",
            f"Add `{missing}` to `{field}`.",
        )
    if kind == "AdditionalProperties":
        extra = fault.message.split("'")[1]
        known = [] if path else schema.get("properties", {})
        remedy = suggest(extra, known) if known else f"Remove `{extra}`, or correct its name."
        return error(
            "config.unknown_field",
            step.id,
            f"{field}.{extra}",
            f"{step.type} has no field `{extra}`.",
            remedy,
        )
    if isinstance(fault.instance, Mapping | list):
        message = "The value does not have the form that this field takes."
        remedy = "See the step's settings for what it takes."
    else:
        message = f"{fault.message[:1].upper()}{fault.message[1:200]}."
        remedy = "Correct the value, or give it by an expression."
    return error("config.wrong", step.id, field, message, remedy)


def run_type_checks(view: View) -> Iterator[Problem]:
    for name, step in view.steps.items():
        facts = view.facts(name)
        if facts is not None:
            yield from facts.check(step)


def check_checkpoints(view: View) -> Iterator[Problem]:
    for name, step in view.steps.items():
        if step.type == CHECKPOINT and not step.config.get("sla"):
            yield error(
                "checkpoint.no_sla",
                name,
                "with.sla",
                "The checkpoint has no SLA: a case could wait forever unseen.",
                "Choose an SLA policy, such as `sla: standard`.",
            )


def check_branch_ports(view: View) -> Iterator[Problem]:
    for name, step in view.steps.items():
        cases = step.config.get("cases")
        if step.type != "branch" or not isinstance(cases, list):
            continue
        ports = [case.get("port") for case in cases if isinstance(case, Mapping)]
        for index, port in enumerate(ports):
            if port in ports[:index]:
                yield warning(
                    "branch.port_twice",
                    name,
                    f"with.cases[{index}].port",
                    f"Two cases leave by the port {port}.",
                    "Join their conditions with `||`, or rename one of the ports.",
                )


def check_compensations(view: View) -> Iterator[Problem]:
    for name, step in view.steps.items():
        if step.compensate is None:
            continue
        if step.compensate not in view.steps:
            yield error(
                "step.compensate",
                name,
                "compensate",
                f"There is no step {step.compensate}, which should undo this one.",
                suggest(step.compensate, view.steps),
            )
        elif step.compensate == name:
            yield error(
                "step.compensate",
                name,
                "compensate",
                "A step cannot undo itself.",
                "Name another step, or remove `compensate`.",
            )
        elif view.steps[step.compensate].type in _PLAYED:
            yield error(
                "step.compensate",
                name,
                "compensate",
                f"{step.compensate} cannot undo this one: it does no work of its own.",
                "Name a step that runs or waits.",
            )


def check_regions(view: View) -> Iterator[Problem]:
    """Check that a region names other steps of the flow."""
    for name, step in view.steps.items():
        named = step.config.get("steps")
        if step.type not in _WITH_REGION or not isinstance(named, list):
            continue
        for index, inner in enumerate(named):
            field = f"with.steps[{index}]"
            if inner == name:
                yield error(
                    "region.own_step",
                    name,
                    field,
                    "The step names itself as part of its region.",
                    "Remove it from `steps`.",
                )
            elif inner not in view.steps:
                yield error(
                    "region.unknown_step",
                    name,
                    field,
                    f"There is no step {inner}.",
                    suggest(str(inner), view.steps),
                )


CONFIG_RULES: tuple[Callable[[View], Iterable[Problem]], ...] = (
    check_flow_name,
    check_step_names,
    check_types,
    check_input_schema,
    check_configs,
    run_type_checks,
    check_checkpoints,
    check_branch_ports,
    check_compensations,
    check_regions,
)
