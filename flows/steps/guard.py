"""The step type `guard`: check a value against rules, and keep out or mask what they find."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from flows.graph.model import Step
from flows.graph.problems import Problem, error
from flows.guards.checking import Checked, Listed, check_value
from flows.guards.places import ValueTooLarge
from flows.steps.base import Json, Result, RunningStep, StepContext, StepFailure, text_of
from flows.steps.guard_config import GuardConfig
from flows.steps.guard_rules import make_rules
from flows.steps.originals import NoKeeping, OriginalKeeper, get_original_keeper
from flows.steps.registry import register
from workbench.values.schemas import SCHEMA_ERRORS, make_validator

MOST_FLAGS = 20
# The kinds of assets that a rule can name, each in the field of that name.
ASSETS = ("list", "prompt", "contract")
TITLES = {
    "schema": "Does not fit the schema",
    "listed": "In a list",
    "unlisted": "Not in a list",
    "email": "E-mail address",
    "phone": "Phone number",
    "iban": "Bank account",
    "card": "Card number",
    "national_id": "Identity number",
    "birth_date": "Date of birth",
    "ip": "IP address",
    "declared": "Personal data",
    "secret": "Secret",
    "injection": "Instructions to a model",
    "leak": "Gives the prompt away",
    "extraction": "More than was asked for",
    "language": "Other language",
    "quality": "Not an answer",
    "contract": "Breaks its contract",
}


@register
class Guard(RunningStep):
    name = "guard"
    title = "Guard"
    summary = "Checks a value against rules, and masks what they find"
    icon = "shield-check"
    category = "Logic"
    Config = GuardConfig
    blocking: ClassVar[bool] = True

    def ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        return ("clean", "flagged")

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        text, number = {"type": "string"}, {"type": "number"}
        finding = {
            "kind": text, "rule": text, "place": text, "score": number, "level": text,
            "then": text, "start": {"type": ["integer", "null"]},
            "end": {"type": ["integer", "null"]}, "excerpt": text, "message": text,
        }  # fmt: skip
        flag = {"label": text, "level": text, "detail": text}
        return {
            "type": "object",
            "properties": {
                "value": {},
                "findings": _list_of(finding),
                "flags": _list_of(flag),
                "replaced": {"type": "integer"},
                "unlisted": {"type": "integer"},
            },
            "required": ["value", "findings", "flags", "replaced", "unlisted"],
        }

    def describe(self, config: Mapping[str, Json]) -> str:
        names = [text_of(each.get("rule")) for each in _list_rules(config)]
        known = list(dict.fromkeys(name for name in names if name))
        return ", ".join(known).capitalize() if known else "Add a rule"

    def list_assets(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        named = [
            f"{kind}/{text_of(each.get(kind))}"
            for each in _list_rules(config)
            for kind in ASSETS
            if text_of(each.get(kind)) and "${" not in text_of(each.get(kind))
        ]
        return tuple(dict.fromkeys(named))

    def check(self, step: Step) -> Sequence[Problem]:
        return [*_check_schemas(step), *_check_names(step), *_check_cache(step)]

    def run(self, ctx: StepContext, config: GuardConfig) -> Result:
        return _check(ctx, config, get_original_keeper())

    def rehearse(self, ctx: StepContext, config: GuardConfig) -> Result:
        """Check as ``run`` does, with tokens that nobody can turn back."""
        return _check(ctx, config, NoKeeping())


def _check(ctx: StepContext, config: GuardConfig, keeper: OriginalKeeper) -> Result:
    try:
        rules = make_rules(config.against, config.check, ctx)
        checked = check_value(
            config.check, rules, lambda found: keeper.keep(ctx.run_id, ctx.step_id, found)
        )
    except ValueTooLarge as error:
        raise StepFailure(f"{error} Check a part of it.", kind="guard", retryable=False) from error
    if checked.stop is not None:
        raise StepFailure(_explain_stop(checked.stop), kind="guard", retryable=False)
    return Result(_output_of(checked), "flagged" if checked.is_flagged else "clean")


def _output_of(checked: Checked) -> dict[str, Json]:
    return {
        "value": checked.value,
        "findings": [_finding_of(each) for each in checked.found],
        "flags": _list_flags(checked),
        "replaced": checked.replaced,
        "unlisted": checked.unlisted,
    }


def _finding_of(listed: Listed) -> dict[str, Json]:
    found = listed.finding
    return {
        "kind": found.kind, "rule": found.rule, "place": found.place, "score": found.score,
        "level": listed.level, "then": listed.then, "start": found.start, "end": found.end,
        "excerpt": found.excerpt, "message": found.message,
    }  # fmt: skip


def _explain_stop(listed: Listed) -> str:
    """Return what stopped the step: what was found, where, and the value if it may be told."""
    found = listed.finding
    title, of = TITLES.get(found.kind, found.kind), f" is {found.excerpt}" if found.excerpt else ""
    said = f" {found.message}" if found.message else ""
    return f"{title}: {found.place}{of}.{said} Rule {found.rule}."


def _list_flags(checked: Checked) -> list[dict[str, Json]]:
    """Return the findings as `review.case` shows flags, the worst of them first."""
    levels = ("critical", "warning", "info")
    ordered = sorted(checked.found, key=lambda each: levels.index(each.level))
    flags = [_flag_of(each) for each in ordered[:MOST_FLAGS]]
    if (more := len(ordered) - len(flags) + checked.unlisted) > 0:
        level = ordered[MOST_FLAGS].level if len(ordered) > MOST_FLAGS else checked.worst
        flags.append({"label": f"{more} more findings", "level": level, "detail": ""})
    return flags


def _flag_of(listed: Listed) -> dict[str, Json]:
    found = listed.finding
    where = found.place
    if found.start is not None and found.end is not None:
        where += f", characters {found.start + 1} to {found.end}"
    done = {"mask": " Masked.", "tokens": " Replaced by a token."}.get(listed.then, "")
    said = f"{found.message} At " if found.message else f"“{found.excerpt}” at "
    if found.message and found.excerpt:
        where += f": “{found.excerpt}”"
    detail = f"{said}{where}.{done} Rule {found.rule}, score {found.score:.2f}."
    return {"label": TITLES.get(found.kind, found.kind), "level": listed.level, "detail": detail}


def _list_of(properties: Mapping[str, Json]) -> Json:
    return {"type": "array", "items": {"type": "object", "properties": properties}}


def _list_rules(config: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    rules = config.get("against")
    return [each for each in rules if isinstance(each, Mapping)] if isinstance(rules, list) else []


def _check_schemas(step: Step) -> Sequence[Problem]:
    problems = []
    for number, each in enumerate(_list_rules(step.config)):
        schema = each.get("schema")
        if not isinstance(schema, Mapping):
            continue
        try:
            make_validator(schema)
        except SCHEMA_ERRORS as fault:
            field, message = f"with.against[{number}].schema", f"This is no JSON Schema: {fault}."
            problems.append(error("guard.schema", step.id, field, message, "Correct it."))
    return problems


def _check_names(step: Step) -> Sequence[Problem]:
    """Return an error for each asset that is named by an expression: it has no version."""
    return [
        error(
            "guard.name", step.id, f"with.against[{number}].{kind}",
            f"The {kind} is named by an expression, so no version of it can be pinned.",
            f"Write the name of the {kind}.",
        )
        for number, each in enumerate(_list_rules(step.config))
        for kind in ASSETS
        if "${" in text_of(each.get(kind))
    ]  # fmt: skip


def _check_cache(step: Step) -> Sequence[Problem]:
    """Return an error for a kept result with tokens: they belong to the run that made them."""
    if step.cache is None or not any(r.get("then") == "tokens" for r in _list_rules(step.config)):
        return []
    return [
        error(
            "guard.cache", step.id, "cache",
            "Tokens belong to one run, so the result cannot be kept for another.",
            "Remove the cache, or mask instead.",
        )
    ]  # fmt: skip
