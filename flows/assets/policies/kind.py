"""Policies as a kind of asset."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from flows.assets.kinds import (
    AssetKind,
    AssetProblem,
    Content,
    Difference,
    FileFormat,
    TestBudget,
    TestResult,
)
from flows.assets.policies import forms, testing
from flows.assets.policies.comparing import compare
from flows.assets.policies.content import check_form, list_problems, make_empty, to_normal_form
from flows.assets.policies.files import RegoFile

Json = Any


class PolicyKind(AssetKind):
    name: ClassVar[str] = "policy"
    title: ClassVar[str] = "Policy"
    plural: ClassVar[str] = "policies"
    icon: ClassVar[str] = "scale"
    summary: ClassVar[str] = "Rules that say whether something may happen, and why not."
    view: ClassVar[str] = "policies.view"
    edit: ClassVar[str] = "policies.edit"
    form_template: ClassVar[str] = "flows/policies/_form.html"
    content_template: ClassVar[str] = "flows/policies/_content.html"
    preview_template: ClassVar[str] = "flows/assets/_problems_panel.html"
    styles: ClassVar[tuple[str, ...]] = ("flows/policies.css",)
    scripts: ClassVar[tuple[str, ...]] = ("flows/line-numbers.js",)
    links: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("Points", "flows:policy-points", "shield-check"),
    )
    tests_help: ClassVar[str] = (
        "A test has an input and says whether it is allowed, and why not. A version is published"
        " only if all of them hold."
    )
    formats: ClassVar[Mapping[str, FileFormat]] = {"rego": RegoFile()}

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
        return "A Rego module" if content.get("language") != "cel" else "A CEL expression"

    def diff(self, before: Content, after: Content) -> list[Difference]:
        return compare(before, after)

    def run_tests(self, name: str, content: Content, budget: TestBudget) -> Sequence[TestResult]:
        return testing.run_tests(content)

    def show(self, content: Content) -> dict[str, Any]:
        return {"content": content, "lines": str(content.get("source", "")).split("\n")}

    def read_form(self, posted: Any) -> dict[str, Json]:
        return forms.read_form(posted)

    def fill_form(self, content: Content, posted: Any = None) -> dict[str, Any]:
        return forms.fill_form(content, posted)


POLICY = PolicyKind()
