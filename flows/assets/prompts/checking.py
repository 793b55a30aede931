"""What keeps a prompt from being published."""

from collections.abc import Iterator, Mapping
from typing import Any

from flows.assets.kinds import AssetProblem, Content
from flows.assets.prompts.content import LONGEST, MOST_CASES, get_samples, get_schema_of
from flows.assets.prompts.filling import Prompt, list_lone_braces, list_placeholders
from flows.steps.prompts import VariablesRefused
from workbench.values.schemas import SCHEMA_ERRORS, BoundedValidator, make_validator

Json = Any


def list_problems(content: Content) -> list[AssetProblem]:
    """Return every problem of a content that has the form of a prompt."""
    schemas = list(_check_schemas(content))
    found = [*_check_parts(content), *_check_variables(content), *schemas]
    if schemas:
        return found  # The values could not be checked by them.
    return [
        *found, *_check_samples(content), *_check_examples(content),
        *_check_cases(content), *_check_tests(content),
    ]  # fmt: skip


def _check_parts(content: Content) -> Iterator[AssetProblem]:
    parts, known = content.get("parts", []), content.get("variables", {})
    if not any(part["role"] == "user" and part["text"].strip() for part in parts):
        yield AssetProblem("parts", "No part is from the user.", "Add one, with what is asked.")
    if sum(len(part["text"]) for part in parts) > LONGEST:
        yield AssetProblem("parts", f"They have more than {LONGEST:,} characters.", "Shorten them.")
    for index, part in enumerate(parts):
        field, text = f"parts.{index}.text", part["text"]
        for name in dict.fromkeys(list_placeholders(text)):
            if name not in known:
                yield AssetProblem(
                    field, f"{{{name}}} names no variable.",
                    f"Add the variable {name}, or write {{{{{name}}}}} to mean the text itself.",
                )  # fmt: skip
        for at in list(list_lone_braces(text))[:1]:
            line = text.count("\n", 0, at) + 1
            yield AssetProblem(
                field, f"Line {line} has a brace on its own.",
                "Write {{ or }} for a brace, {name} for a variable.",
            )  # fmt: skip


def _check_variables(content: Content) -> Iterator[AssetProblem]:
    used = {name for part in content.get("parts", []) for name in list_placeholders(part["text"])}
    for name in content.get("variables", {}):
        if name not in used:
            yield AssetProblem(
                f"variables.{name}", "No part uses it.",
                f"Write {{{name}}} into a part, or remove the variable.",
            )  # fmt: skip


def _check_schemas(content: Content) -> Iterator[AssetProblem]:
    schemas = {
        f"variables.{name}": get_schema_of(each)
        for name, each in content.get("variables", {}).items()
    }
    for field, schema in {**schemas, "answer": content.get("answer", {})}.items():
        try:
            make_validator(schema)
        except SCHEMA_ERRORS as error:
            yield AssetProblem(field, f"It is no JSON Schema: {error}.", "Correct it.")


def _check_samples(content: Content) -> Iterator[AssetProblem]:
    for name, variable in content.get("variables", {}).items():
        if "sample" not in variable:
            continue
        if faults := make_validator(get_schema_of(variable)).iter_errors(variable["sample"]):
            yield AssetProblem(
                f"variables.{name}.sample", f"{faults[0].message}.",
                "Give a sample that fits the variable.",
            )  # fmt: skip


def _check_examples(content: Content) -> Iterator[AssetProblem]:
    prompt, answer = Prompt("The prompt", content), make_validator(content.get("answer", {}))
    for index, example in enumerate(content.get("examples", [])):
        yield from _check_values(prompt, example["variables"], f"examples.{index}.variables")
        yield from _check_answer(answer, example["answer"], f"examples.{index}.answer")


def _check_values(prompt: Prompt, values: Mapping[str, Json], field: str) -> Iterator[AssetProblem]:
    try:
        prompt.check(values)
    except VariablesRefused as error:
        yield AssetProblem(f"{field}.{error.field}", str(error), "Correct the value.")


def _check_answer(validator: BoundedValidator, answer: Json, field: str) -> Iterator[AssetProblem]:
    for fault in validator.iter_errors(answer)[:1]:
        path = ".".join(map(str, (field, *fault.instance_path)))
        yield AssetProblem(path, f"{fault.message}.", "Give an answer that fits the schema.")


def _check_cases(content: Content) -> Iterator[AssetProblem]:
    wanted = content.get("from_cases")
    for name in (wanted or {}).get("variables", {}):
        if name not in content.get("variables", {}):
            yield AssetProblem(
                f"from_cases.variables.{name}", "There is no such variable.", "Name a variable."
            )
    if wanted and wanted["count"] > MOST_CASES:
        yield AssetProblem("from_cases.count", f"At most {MOST_CASES} are taken.", "Take fewer.")


def _check_tests(content: Content) -> Iterator[AssetProblem]:
    prompt, samples, seen = Prompt("The prompt", content), get_samples(content), set[str]()
    for index, test in enumerate(content.get("tests", [])):
        field = f"tests.{index}"
        if test["name"] in seen:
            yield AssetProblem(f"{field}.name", "Another test has this name.", "Choose another.")
        seen.add(test["name"])
        values = {**samples, **test.get("variables", {})}
        yield from _check_values(prompt, values, f"{field}.variables")
        for at, wanted in enumerate(test.get("expect", [])):
            yield from _check_expectation(content, wanted, f"{field}.expect.{at}")


def _check_expectation(
    content: Content, wanted: Mapping[str, Json], field: str
) -> Iterator[AssetProblem]:
    kind = wanted["kind"]
    if kind == "schema":
        if not content.get("answer"):
            yield AssetProblem(field, "The prompt has no schema of its answer.", "Add one.")
    elif "value" not in wanted:
        yield AssetProblem(f"{field}.value", f"{kind} needs a value.", "Add it.")
    elif kind != "equals" and not isinstance(wanted["value"], str):
        yield AssetProblem(f"{field}.value", "This is not text.", "Write it as text.")
    elif kind == "matches":
        try:
            make_validator({"type": "string", "pattern": wanted["value"]})
        except SCHEMA_ERRORS:
            yield AssetProblem(f"{field}.value", "It is no pattern.", "Correct the pattern.")
