"""Rules on names, types, configs, limits and secrets."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from flows.graph.codec import field_path
from flows.graph.model import Json, Limit, Retry, Step
from flows.graph.plain import Path
from flows.graph.problems import Problem, closest, suggestion
from flows.graph.view import View, schema_validator, texts

CHECKPOINT = "review.case"
DAY = 86_400
# Types that the engine itself plays, and those of them that are about a region of steps.
_PLAYED = frozenset({"join", "end", "cancel", "turn", "compensate"})
_WITH_REGION = frozenset({"cancel", "turn"})

_STEP_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}\Z")
_ERROR_CLASS = re.compile(r"[a-z_]+\Z|http\.[1-5]([0-9]{2}|xx)\Z")
_FLOW_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}\Z")
_RESERVED = frozenset({"true", "false", "null", "in"})  # CEL cannot read `steps.in`


def error(code: str, step: str, field: str, message: str, remedy: str, **more: Any) -> Problem:
    return Problem("error", code, step, field, message, remedy, **more)


def warning(code: str, step: str, field: str, message: str, remedy: str, **more: Any) -> Problem:
    return Problem("warning", code, step, field, message, remedy, **more)


def flow_name(view: View) -> Iterator[Problem]:
    if not _FLOW_NAME.match(view.document.name):
        yield error("flow.name", "", "name", f"{view.document.name!r} is no name.",
                    "Use up to 80 letters, digits, hyphens and underscores.")  # fmt: skip


def step_names(view: View) -> Iterator[Problem]:
    for name in view.steps:
        if not _STEP_NAME.match(name) or name in _RESERVED:
            yield error("step.name", name, "", f"{name!r} is no name for a step.",
                        "Use letters, digits and `_`; not in, true, false, null.")  # fmt: skip


def known_types(view: View) -> Iterator[Problem]:
    for name, step in view.steps.items():
        if step.type not in view.catalogue:
            yield error("step.unknown_type", name, "type", f"There is no step type {step.type!r}.",
                        suggestion(step.type, view.catalogue),
                        fix=_retype(view, name, step.type))  # fmt: skip


def _retype(view: View, name: str, wrong: str) -> list[dict[str, str]] | None:
    near = closest(wrong, view.catalogue)
    return [{"op": "set_field", "step": name, "path": "/type", "value": near}] if near else None


def contract_schemas(view: View) -> Iterator[Problem]:
    """The input is a JSON Schema that refers to nothing outside itself."""
    try:
        if view.document.input:
            schema_validator(view.document.input)
    except ValueError as reason:
        yield error("flow.input_schema", "", "input", f"No JSON Schema: {_brief(reason)}",
                    "Correct it; definitions belong under its own `$defs`.")  # fmt: skip


def _brief(reason: Exception) -> str:
    return str(reason).splitlines()[0][:200].rstrip(".") + "."


def configs(view: View) -> Iterator[Problem]:
    """Each config fits its type's schema; a text with ``${ … }`` may become anything."""
    for name, step in view.steps.items():
        facts = view.facts(name)
        if facts is None:
            continue
        for fault in schema_validator(facts.config_schema).iter_errors(dict(step.config)):
            path = tuple(fault.instance_path)
            kind = type(fault.kind).__name__.rsplit("_", maxsplit=1)[-1]
            if _may_become_right(fault.instance, kind) or _says_sla(step, kind, fault.message):
                continue
            yield _config_problem(step, path, kind, fault, facts.config_schema)


def _may_become_right(value: Json, kind: str) -> bool:
    if isinstance(value, str):
        return "${" in value
    return kind in {"AnyOf", "OneOfNotValid", "OneOfMultipleValid", "Enum", "Not"} and any(
        "${" in text for _, text in texts(value)
    )


def _says_sla(step: Step, kind: str, message: str) -> bool:
    """The rule on checkpoints says it better."""
    return step.type == CHECKPOINT and kind == "Required" and '"sla"' in message


def _config_problem(
    step: Step, path: Path, kind: str, fault: Any, schema: Mapping[str, Json]
) -> Problem:
    field = field_path(("with", *path))
    if kind == "Required":
        missing = fault.message.split('"')[1]
        return error("config.missing", step.id, f"{field}.{missing}", f"`{missing}` is missing.",
                     f"Add `{missing}` to `{field}`.")  # fmt: skip
    if kind == "AdditionalProperties":
        extra = fault.message.split("'")[1]
        known = [] if path else schema.get("properties", {})
        remedy = suggestion(extra, known) if known else f"Remove `{extra}`, or correct its name."
        return error("config.unknown_field", step.id, f"{field}.{extra}",
                     f"{step.type} has no field `{extra}`.", remedy)  # fmt: skip
    if isinstance(fault.instance, Mapping | list):
        message = "The value does not fit."
        remedy = "See the step's form for what it takes."
    else:
        message = f"{fault.message[:1].upper()}{fault.message[1:200]}."
        remedy = "Correct the value, or give it by an expression."
    return error("config.wrong", step.id, field, message, remedy)


def own_checks(view: View) -> Iterator[Problem]:
    for name, step in view.steps.items():
        facts = view.facts(name)
        if facts is not None:
            yield from facts.check(step)


def checkpoints(view: View) -> Iterator[Problem]:
    for name, step in view.steps.items():
        if step.type == CHECKPOINT and not step.config.get("sla"):
            yield error("checkpoint.no_sla", name, "with.sla",
                        "The checkpoint has no SLA: a case could wait for ever unseen.",
                        "Choose an SLA policy, such as `sla: standard`.")  # fmt: skip


def branch_ports(view: View) -> Iterator[Problem]:
    for name, step in view.steps.items():
        cases = step.config.get("cases")
        if step.type != "branch" or not isinstance(cases, list):
            continue
        ports = [case.get("port") for case in cases if isinstance(case, Mapping)]
        for index, port in enumerate(ports):
            if port in ports[:index]:
                yield warning("branch.port_twice", name, f"with.cases[{index}].port",
                              f"Two cases leave by the port {port}.",
                              "Join their conditions with ||, or rename one port.")  # fmt: skip


def compensations(view: View) -> Iterator[Problem]:
    for name, step in view.steps.items():
        if step.compensate is None:
            continue
        if step.compensate not in view.steps:
            yield error("step.compensate", name, "compensate",
                        f"There is no step {step.compensate} to undo this one.",
                        suggestion(step.compensate, view.steps))  # fmt: skip
        elif step.compensate == name:
            yield error("step.compensate", name, "compensate", "The step cannot undo itself.",
                        "Name another step, or remove `compensate`.")  # fmt: skip
        elif view.steps[step.compensate].type in _PLAYED:
            yield error("step.compensate", name, "compensate",
                        f"{step.compensate} does nothing that could undo this one.",
                        "Name a step that does something, or that waits.")  # fmt: skip


def regions(view: View) -> Iterator[Problem]:
    """A region names steps that are there, and is not about the step that names it."""
    for name, step in view.steps.items():
        named = step.config.get("steps")
        if step.type not in _WITH_REGION or not isinstance(named, list):
            continue
        for index, inner in enumerate(named):
            field = f"with.steps[{index}]"
            if inner == name:
                yield error("region.own_step", name, field, "The step names itself.",
                            "Remove it from `steps`.")  # fmt: skip
            elif inner not in view.steps:
                yield error("region.unknown_step", name, field, f"There is no step {inner}.",
                            suggestion(str(inner), view.steps))  # fmt: skip


def limits(view: View) -> Iterator[Problem]:
    for name, step in view.steps.items():
        yield from _range(name, "timeout_seconds", step.timeout_seconds, 0.001, 30 * DAY)
        yield from _range(name, "max_visits", step.max_visits, 1, 10_000)
        if step.retry is not None:
            yield from _retry(name, step.retry)
        if step.limit is not None:
            yield from _limit(view, name, step.limit)
        if step.cache is not None:
            yield from _cache(view, name, step)


def _retry(step: str, retry: Retry) -> Iterator[Problem]:
    yield from _range(step, "retry.max_attempts", retry.max_attempts, 1, 100)
    yield from _range(step, "retry.initial_seconds", retry.initial_seconds, 0, DAY)
    yield from _range(step, "retry.factor", retry.factor, 1, 100)
    yield from _range(step, "retry.max_seconds", retry.max_seconds, 0, 7 * DAY)
    yield from _range(step, "retry.jitter", retry.jitter, 0, 1)
    yield from _range(step, "retry.deadline_seconds", retry.deadline_seconds, 0.001, 30 * DAY)
    for field in ("on", "not_on"):
        for index, name in enumerate(getattr(retry, field)):
            if not _ERROR_CLASS.match(name):
                yield error("retry.class", step, f"retry.{field}[{index}]",
                            f"{name!r} is no class of errors.",
                            "Use a kind, such as timeout, or a status: http.5xx.")  # fmt: skip
    for name in sorted(set(retry.on) & set(retry.not_on)):
        yield error("retry.class", step, "retry.not_on",
                    f"{name} is both tried again and not.", "Remove it from one list.")  # fmt: skip


def _limit(view: View, step: str, limit: Limit) -> Iterator[Problem]:
    yield from _range(step, "limit.concurrency", limit.concurrency, 1, 10_000)
    yield from _range(step, "limit.per_second", limit.per_second, 0.001, 10_000)
    if limit.concurrency is None and limit.per_second is None:
        yield error("limit.empty", step, "limit", "The limit limits nothing.",
                    "Add `concurrency` or `per_second`.")  # fmt: skip
    facts = view.facts(step)
    if facts is not None and not facts.runs:
        yield error("limit.waits", step, "limit", f"A step of type {facts.name} is not called.",
                    "Limit a step that runs, or remove the limit.")  # fmt: skip


def _cache(view: View, name: str, step: Step) -> Iterator[Problem]:
    assert step.cache is not None
    yield from _range(name, "cache.ttl_seconds", step.cache.ttl_seconds, 1, 365 * DAY)
    facts = view.facts(name)
    if facts is None:
        return
    if not facts.runs:
        yield error("cache.waits", name, "cache", f"A step of type {facts.name} is not called.",
                    "Cache a step that runs, or remove the cache.")  # fmt: skip
    elif facts.acts_outside(step.config):
        yield error("cache.acts", name, "cache", "It acts on the outside world, and a result that "
                    "is taken again does not.",
                    "Remove the cache, or split what is asked from what is done.")  # fmt: skip


def _range(
    step: str, field: str, value: float | None, least: float, most: float
) -> Iterator[Problem]:
    if value is not None and not least <= value <= most:
        yield error("step.out_of_range", step, field, f"{value} is out of range.",
                    f"Use {least:g} to {most:,.0f}.")  # fmt: skip


_SECRET_KEY = re.compile(
    r"(?i)(\A|[_\-. ])(password|passwd|passphrase|secret|token|credentials?|authorization"
    r"|(api|access|private|secret|signing)[_-]?key)\Z"
)
_SECRET_VALUE = re.compile(
    r"(?i:\bBearer\s+[\w.~+/-]{8,}=*)|(?i:\bBasic\s+[\w+/]{8,}=*\Z)"
    r"|\bsk-[\w-]{16,}|\bAKIA[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_\w{20,}|\bxox[abprs]-[\w-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}|://[^/\s:@${}]+:[^/\s:@${}]+@"
)
_ADVICE = "Store it under Admin, Secrets, and write `${ secrets.NAME }` here."


def plain_secrets(view: View) -> Iterator[Problem]:
    """A document is read by many and kept for ever: a secret in it is a leak."""
    for name, step in view.steps.items():
        facts = view.facts(name)
        hidden = tuple(facts.secret_fields) if facts else ()
        for path, text in texts(step.config):
            if _is_secret(path, text, hidden):
                yield error("secret.plain", name, field_path(("with", *path)),
                            "A secret is written out in the document.", _ADVICE)  # fmt: skip
    for part in ("input", "output", "samples"):
        for path, text in texts(getattr(view.document, part)):
            if _SECRET_VALUE.search(text):
                yield error("secret.plain", "", field_path((part, *path)),
                            "A secret is written out in the document.", _ADVICE)  # fmt: skip


def _is_secret(path: Path, text: str, hidden: tuple[str, ...]) -> bool:
    if _SECRET_VALUE.search(text):
        return True
    if not text or "${" in text:
        return False
    if len(path) == 1 and path[0] in hidden:
        return True
    # In a JSON Schema `required: [password]` and `type: string` are words, not secrets.
    return isinstance(path[-1], str) and bool(_SECRET_KEY.search(path[-1]))


CONFIG_RULES: tuple[Callable[[View], Iterable[Problem]], ...] = (
    flow_name,
    step_names,
    known_types,
    contract_schemas,
    configs,
    own_checks,
    checkpoints,
    branch_ports,
    compensations,
    regions,
    limits,
    plain_secrets,
)
