"""Prompts as a kind of asset."""

from collections.abc import Sequence
from typing import Any, ClassVar

from flows.assets.errors import AssetInvalid
from flows.assets.kinds import (
    AssetKind,
    AssetProblem,
    Content,
    Difference,
    Freeze,
    TestBudget,
    TestResult,
)
from flows.assets.prompts import forms, testing
from flows.assets.prompts.cases import CasesUnfit, take_examples
from flows.assets.prompts.checking import list_problems
from flows.assets.prompts.comparing import compare
from flows.assets.prompts.content import check_form, make_empty, to_normal_form
from flows.assets.prompts.hiding import hide_cases
from flows.assets.prompts.showing import show
from workbench.accounts.permissions import Principal

Json = Any


class PromptKind(AssetKind):
    name: ClassVar[str] = "prompt"
    title: ClassVar[str] = "Prompt"
    plural: ClassVar[str] = "prompts"
    icon: ClassVar[str] = "notebook-pen"
    summary: ClassVar[str] = "A text with typed variables, which a step fills and asks a model."
    view: ClassVar[str] = "prompts.view"
    edit: ClassVar[str] = "prompts.edit"
    form_template: ClassVar[str] = "flows/prompts/_form.html"
    content_template: ClassVar[str] = "flows/prompts/_content.html"
    asks_models: ClassVar[bool] = True
    tests_help: ClassVar[str] = (
        "A test has values for the variables and says what the answer must be. It runs free of"
        " charge on an answer that was recorded once, each time that the prompt is published."
    )

    def empty(self) -> dict[str, Json]:
        return make_empty()

    def normal(self, content: Content) -> dict[str, Json]:
        return to_normal_form(content)

    def check_form(self, content: Content) -> list[AssetProblem]:
        return check_form(content)

    def check(self, content: Content) -> list[AssetProblem]:
        return list_problems(content)

    def describe(self, content: Content) -> str:
        if content.get("description"):
            return str(content["description"])
        texts = [part["text"] for part in content.get("parts", []) if part["text"].strip()]
        return " ".join(texts[0].split())[:160] if texts else "It has no text yet."

    def diff(self, before: Content, after: Content) -> list[Difference]:
        return compare(before, after)

    def hide(self, content: Content, principal: Principal) -> dict[str, Json]:
        return hide_cases(content, principal)

    def freeze(self, content: Content, given: Freeze) -> dict[str, Json]:
        if not content.get("from_cases"):
            return to_normal_form(content)
        own = [each for each in content.get("examples", []) if "case" not in each]
        try:
            taken = take_examples(content, given.principal, is_server=given.actor.kind == "system")
        except CasesUnfit as error:
            problem = AssetProblem("from_cases", str(error), error.remedy)
            raise AssetInvalid([problem]) from error
        return to_normal_form({**content, "examples": [*own, *taken]})

    def run_tests(self, name: str, content: Content, budget: TestBudget) -> Sequence[TestResult]:
        return testing.run_tests(name, content, budget)

    def keep_answers(
        self, content: Content, results: Sequence[TestResult], model: str
    ) -> dict[str, Json]:
        return testing.keep_answers(content, list(results), model)

    def show(self, content: Content) -> dict[str, Any]:
        return show(content)

    def read_form(self, posted: Any) -> dict[str, Json]:
        return forms.read_form(posted)

    def fill_form(self, content: Content, posted: Any = None) -> dict[str, Any]:
        return forms.fill_form(content, posted)


PROMPT = PromptKind()
