"""Examples that decided cases give: what a person saw, and what they corrected it to."""

from collections.abc import Mapping
from typing import Any

from flows.assets.examples import (
    CaseExample,
    ExamplesRefused,
    WantedExamples,
    get_example_source,
)
from flows.assets.kinds import Content
from flows.assets.prompts.filling import Prompt
from flows.steps.prompts import VariablesRefused
from workbench.accounts.permissions import Principal
from workbench.values.schemas import make_validator

Json = Any
# How many cases are looked at for each that is wanted, since some will not fit.
LOOKED_AT = 5


class CasesUnfit(Exception):
    """No decided case gives an example."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def take_examples(
    content: Content, principal: Principal | None, *, is_server: bool
) -> list[dict[str, Json]]:
    """Return the newest examples that fit the prompt, each with its case. Raises: CasesUnfit."""
    wanted = content["from_cases"]
    if principal is None and not is_server:
        raise CasesUnfit("Nobody is named who may see the cases.", "Publish it as a person.")
    asked = WantedExamples(
        flow=wanted["flow"], queue=wanted.get("queue", ""), count=wanted["count"] * LOOKED_AT,
        only_corrected=wanted.get("only_corrected", False),
        leave_out=tuple(wanted.get("leave_out", ())),
    )  # fmt: skip
    try:
        found = get_example_source().list_examples(asked, principal)
    except ExamplesRefused as error:
        raise CasesUnfit(str(error), "Change where the examples come from.") from error
    return _take_fitting(content, found)


def _take_fitting(content: Content, found: Any) -> list[dict[str, Json]]:
    prompt, answers = Prompt("The prompt", content), make_validator(content.get("answer", {}))
    taken: list[dict[str, Json]] = []
    why = "No decided case matches."
    for case in found:
        example = _to_example(content, case)
        try:
            prompt.check(example["variables"])
            answers.validate(example["answer"])
        except VariablesRefused as error:
            why = f"Case {case.case} gives no {error.field}: {error}"
        except ValueError as error:
            why = f"The answer of case {case.case} does not fit: {error}."
        else:
            taken.append(example)
        if len(taken) == content["from_cases"]["count"]:
            break
    if not taken:
        raise CasesUnfit(why, "Say which fields of the case give the variables and the answer.")
    return taken


def _to_example(content: Content, case: CaseExample) -> dict[str, Json]:
    wanted = content["from_cases"]
    keys = {name: name for name in content.get("variables", {})} | wanted.get("variables", {})
    return {
        "variables": {name: case.shown[key] for name, key in keys.items() if key in case.shown},
        "answer": _pick_answer(content.get("answer", {}), wanted.get("answer", {}), case.answer),
        "case": case.case,
    }


def _pick_answer(schema: Mapping[str, Json], keys: Mapping[str, str], answer: Json) -> Json:
    """Return the fields that the answer's schema names; without such a schema, all of them."""
    fields = schema.get("properties")
    if not isinstance(fields, Mapping) or not isinstance(answer, Mapping):
        return answer
    named = {name: keys.get(name, name) for name in fields}
    return {name: answer[key] for name, key in named.items() if key in answer}
