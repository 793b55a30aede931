"""What is wrong with the config of a step `llm.chat`, as its author sees it. It is raw."""

from collections.abc import Iterator, Mapping, Sequence

from flows.graph.json_values import format_path
from flows.graph.model import Step
from flows.graph.problems import Problem, error, warning
from flows.graph.view import walk_texts
from flows.steps.base import Json, text_of
from flows.steps.prompts import UnknownPrompt, get_prompt_source
from flows.steps.routing_check import check_routing
from flows.steps.structured import shorten
from workbench.values.schemas import SCHEMA_ERRORS, make_validator


def check_chat(step: Step) -> Sequence[Problem]:
    return [
        *_check_question(step),
        *_check_prompt(step),
        *_check_schema(step),
        *_check_confidence(step),
        *check_routing(step, may_be_sure=_may_be_sure(step)),
    ]


def _check_question(step: Step) -> Iterator[Problem]:
    prompt, user = step.config.get("prompt"), step.config.get("user")
    if prompt and user:
        yield error(
            "chat.question", step.id, "with.user", "There is a prompt and a question beside it.",
            "Remove one of them.",
        )  # fmt: skip
    if not prompt and not user:
        yield error(
            "chat.question", step.id, "with.prompt", "Nothing is asked.",
            "Choose a prompt, or write what the user asks.",
        )  # fmt: skip


def _check_prompt(step: Step) -> Iterator[Problem]:
    name = text_of(step.config.get("prompt"))
    if not name or "${" in name:
        return
    try:
        schema = get_prompt_source().find_variables(name, None)
    except UnknownPrompt:
        return  # Whoever pins the prompts that a flow uses says so.
    variables = step.config.get("variables", {})
    if not isinstance(variables, Mapping):
        return  # The rule on configs reports it.
    for fault in make_validator(schema).iter_errors(dict(variables)):
        # An expression may become what is wanted.
        if any("${" in text for _, text in walk_texts(fault.instance)) and fault.instance_path:
            continue
        field = format_path(("with", "variables", *fault.instance_path))
        remedy = f"Give the variables of the prompt {name} what they take."
        yield error("prompt.variables", step.id, field, f"{shorten(fault.message)}.", remedy)


def _check_schema(step: Step) -> Iterator[Problem]:
    schema = step.config.get("schema")
    if not isinstance(schema, Mapping):
        return
    try:
        make_validator(schema)
    except SCHEMA_ERRORS as reason:
        yield error(
            "chat.schema", step.id, "with.schema",
            f"This is not a JSON Schema: {shorten(str(reason)).rstrip('.')}.",
            "Correct it; definitions belong under its own `$defs`.",
        )  # fmt: skip


def _check_confidence(step: Step) -> Iterator[Problem]:
    choice = step.config.get("confidence")
    if not isinstance(choice, Mapping):
        return
    how, place = choice.get("how"), "with.confidence"
    if how == "judge":
        yield from _check_judge(step, choice)
    if how == "field":
        yield from _check_field(step, text_of(choice.get("path")))
    if how == "agreement" and step.config.get("temperature") == 0:
        yield warning(
            "chat.confidence", step.id, place,
            "At temperature 0 a model gives the same answer again and again: it always agrees.",
            "Raise the temperature, or choose another confidence.",
        )  # fmt: skip


def _may_be_sure(step: Step) -> bool:
    """Return whether the answers can have a confidence."""
    choice = step.config.get("confidence")
    return isinstance(choice, Mapping) and choice.get("how", "none") != "none"


def _check_judge(step: Step, choice: Mapping[str, Json]) -> Iterator[Problem]:
    if not choice.get("judge"):
        yield error(
            "chat.confidence", step.id, "with.confidence.judge", "No judge is named.",
            "Choose the connection that judges.",
        )  # fmt: skip


def _check_field(step: Step, path: str) -> Iterator[Problem]:
    field = "with.confidence.path"
    if not path:
        message, remedy = "No field is named.", "Name a field of the answer's schema."
        yield error("chat.confidence", step.id, field, message, remedy)
        return
    part = step.config.get("schema")
    if not isinstance(part, Mapping):
        return  # The prompt may have one.
    for key in path.split("."):
        properties = part.get("properties") if isinstance(part, Mapping) else None
        if not isinstance(properties, Mapping):
            return  # A reference or a choice may hold it.
        if key not in properties:
            yield error(
                "chat.confidence", step.id, field, f"The schema has no field {path}.",
                "Name a number from 0 to 1 of the answer's schema.",
            )  # fmt: skip
            return
        part = properties[key]
