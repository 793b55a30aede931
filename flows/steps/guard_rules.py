"""Make the rules of a guard of its config, with the lists and prompts that it is pinned to."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any

from flows.contracts.checking import Breach, check_output
from flows.contracts.model import read_contract
from flows.guards.checking import Rule, ValueFinding
from flows.guards.declared import find_declared, list_declared
from flows.guards.extraction import ExtractionRule, find_extractions
from flows.guards.findings import Hit
from flows.guards.injection import find_injections
from flows.guards.language import guess_language
from flows.guards.leaking import Confidential, find_leaks, read_confidential
from flows.guards.lists import Lookup, read_list
from flows.guards.personal import KINDS, REGIONS, PersonalRule, find_personal
from flows.guards.places import Leaf
from flows.guards.quality import QualityRule, find_faults
from flows.guards.secrets import find_secrets
from flows.steps.base import Json, StepContext, StepFailure
from flows.steps.contents import UnknownAsset, find_content
from flows.steps.guard_config import RuleConfig
from workbench.values.schemas import SCHEMA_ERRORS, make_validator

Find = dict[str, Any]


def make_rules(configs: Sequence[RuleConfig], value: Json, ctx: StepContext) -> list[Rule]:
    """Return the rules. Raises: StepFailure, where a list, a prompt or a schema cannot be used."""
    try:
        return [
            Rule(each.at_least, each.level, each.then, **_MAKERS[each.rule](each, value, ctx))
            for each in configs
        ]
    except UnknownAsset as error:
        raise StepFailure(str(error), kind="config", retryable=False) from error


def _make_personal(config: RuleConfig, value: Json, ctx: StepContext) -> Find:
    kinds = frozenset[str](config.only) or frozenset(KINDS)
    regions = tuple(code.upper() for code in config.regions) or REGIONS
    rule, declared = PersonalRule(kinds, regions), list_declared(value, config.fields)

    def find(leaf: Leaf) -> list[Hit]:
        found = find_personal(leaf.text, rule)
        return [*find_declared(leaf, declared), *found] if config.fields else found

    return {"find_in_text": find}


def _make_secrets(config: RuleConfig, value: Json, ctx: StepContext) -> Find:
    return {"find_in_text": _of_text(find_secrets)}


def _make_injection(config: RuleConfig, value: Json, ctx: StepContext) -> Find:
    return {"find_in_text": _of_text(find_injections)}


def _make_leak(config: RuleConfig, value: Json, ctx: StepContext) -> Find:
    texts = []
    if config.text:
        texts.append(read_confidential([config.text]))
    if config.prompt:
        name = f"prompt/{config.prompt}"
        texts.append(find_content(name, ctx.pins.get(name), read_prompt))
    runs = frozenset(run for each in texts for run in each.runs)
    confidential = Confidential(runs, sum(each.count for each in texts))
    return {"find_in_text": _of_text(partial(find_leaks, confidential=confidential))}


def read_prompt(label: str, content: Mapping[str, Json]) -> Confidential:
    """Return what of a prompt must not be given away: the texts that are not the user's turn."""
    parts = content.get("parts", [])
    return read_confidential(part["text"] for part in parts if part["role"] == "system")


def _make_list(config: RuleConfig, value: Json, ctx: StepContext) -> Find:
    name = f"list/{config.list_}"
    lookup = find_content(name, ctx.pins.get(name), read_list)
    day = ctx.now.date()
    if config.list_is == "allow":
        return {
            "find_in_text": lambda leaf: _find_missing(leaf, lookup, day),
            "say": lambda hit: f"It is not in the list {lookup.label}.",
        }
    return {
        "find_in_text": _of_text(partial(lookup.find, day=day)),
        "say": lambda hit: f"It is in the list {lookup.label}.",
    }


def _find_missing(leaf: Leaf, lookup: Lookup, day: date) -> Sequence[Hit]:
    if leaf.is_key or lookup.allows(leaf.text, day):
        return ()
    return (Hit("unlisted", f"list.{lookup.label}.missing", 0, len(leaf.text), 1.0),)


def _make_schema(config: RuleConfig, value: Json, ctx: StepContext) -> Find:
    try:
        validator = make_validator(config.schema_)
    except SCHEMA_ERRORS as error:
        raise StepFailure(
            f"This is no JSON Schema: {error}", kind="config", retryable=False
        ) from error

    def find(value: Json, leaves: Sequence[Leaf]) -> list[ValueFinding]:
        # The validator's own words hold the value, which may be what must not be told.
        return [
            ValueFinding(
                "schema", f"schema.{fault.kind.name}", 1.0,
                f"It does not fit the schema: {fault.kind.name}.", tuple(fault.instance_path),
            )
            for fault in validator.iter_errors(value)
        ]  # fmt: skip

    return {"find_in_value": find}


def _make_extraction(config: RuleConfig, value: Json, ctx: StepContext) -> Find:
    rule = ExtractionRule(config.most_records, config.most_personal)

    def find(value: Json, leaves: Sequence[Leaf]) -> list[ValueFinding]:
        found = find_extractions(value, leaves, rule)
        return [ValueFinding("extraction", each.rule, each.score, each.message) for each in found]

    return {"find_in_value": find}


def _make_language(config: RuleConfig, value: Json, ctx: StepContext) -> Find:
    allowed = frozenset(code.lower() for code in config.languages)

    def find(value: Json, leaves: Sequence[Leaf]) -> list[ValueFinding]:
        text = "\n".join(leaf.text for leaf in leaves if not leaf.is_key)
        language, score = guess_language(text)
        if not language or language in allowed:
            return []
        return [ValueFinding("language", f"language.{language}", score, f"It reads as {language}.")]

    return {"find_in_value": find}


def _make_quality(config: RuleConfig, value: Json, ctx: StepContext) -> Find:
    rule = QualityRule(config.shortest, config.longest)

    def find(leaf: Leaf) -> Sequence[Hit]:
        return () if leaf.is_key else find_faults(leaf.text, rule)

    return {"find_in_text": find, "find_in_value": _find_nothing if config.shortest else None}


def _make_contract(config: RuleConfig, value: Json, ctx: StepContext) -> Find:
    name = f"contract/{config.contract}"
    contract = find_content(name, ctx.pins.get(name), read_contract)

    def find(value: Json, leaves: Sequence[Leaf]) -> list[ValueFinding]:
        found = check_output(value, contract, ctx.now)
        return [_tell_breach(each, contract.label) for each in found]

    return {"find_in_value": find}


def _tell_breach(breach: Breach, label: str) -> ValueFinding:
    path = tuple(breach.path.split(".")) if breach.path else ()
    rule = f"contract.{label}.{breach.kind}"
    return ValueFinding("contract", rule, 1.0, breach.message, path, breach.shown)


def _find_nothing(value: Json, leaves: Sequence[Leaf]) -> list[ValueFinding]:
    """Return that there is no answer at all: neither text nor number."""
    if value is None or value in ({}, []):
        return [ValueFinding("quality", "quality.empty", 1.0, "There is nothing.")]
    return []


def _of_text(find: Callable[[str], Sequence[Hit]]) -> Callable[[Leaf], Sequence[Hit]]:
    return lambda leaf: find(leaf.text)


_MAKERS: Mapping[str, Callable[[RuleConfig, Json, StepContext], Find]] = {
    "personal": _make_personal,
    "secrets": _make_secrets,
    "injection": _make_injection,
    "leak": _make_leak,
    "list": _make_list,
    "schema": _make_schema,
    "extraction": _make_extraction,
    "language": _make_language,
    "quality": _make_quality,
    "contract": _make_contract,
}
