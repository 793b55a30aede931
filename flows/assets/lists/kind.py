"""Lists as a kind of asset."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.utils import timezone

from flows.assets.kinds import (
    AssetKind,
    AssetProblem,
    Check,
    Content,
    Difference,
    FileFormat,
    TestBudget,
    TestResult,
)
from flows.assets.lists import forms
from flows.assets.lists.content import check_form, list_problems, make_empty, to_normal_form
from flows.assets.lists.csv_file import CsvFile
from flows.assets.lists.showing import compare, show
from flows.guards.lists import Lookup, read_list

Json = Any


class ListKind(AssetKind):
    name: ClassVar[str] = "list"
    title: ClassVar[str] = "List"
    plural: ClassVar[str] = "lists"
    icon: ClassVar[str] = "list-checks"
    summary: ClassVar[str] = "Values that a guard lets through or stops."
    view: ClassVar[str] = "lists.view"
    edit: ClassVar[str] = "lists.edit"
    form_template: ClassVar[str] = "flows/lists/_form.html"
    content_template: ClassVar[str] = "flows/lists/_content.html"
    preview_template: ClassVar[str] = "flows/lists/_preview.html"
    tests_help: ClassVar[str] = "A test has a text, and says whether the list finds it."
    formats: ClassVar[Mapping[str, FileFormat]] = {"csv": CsvFile()}
    largest: ClassVar[int] = 12_000_000

    def empty(self) -> dict[str, Json]:
        return make_empty()

    def normal(self, content: Content) -> dict[str, Json]:
        return to_normal_form(content)

    def check_form(self, content: Content) -> list[AssetProblem]:
        return check_form(content)

    def check(self, content: Content) -> list[AssetProblem]:
        return list_problems(content)

    def describe(self, content: Content) -> str:
        count = len(content.get("entries", ()))
        said = f"{count:,} entr{'y' if count == 1 else 'ies'}"
        return f"{said}. {content['description']}" if content.get("description") else said

    def diff(self, before: Content, after: Content) -> list[Difference]:
        return compare(before, after)

    def run_tests(self, name: str, content: Content, budget: TestBudget) -> Sequence[TestResult]:
        lookup = read_list(name, content)
        return [_run_test(lookup, test) for test in content.get("tests", [])]

    def show(self, content: Content) -> dict[str, Any]:
        return show(content, {})

    def show_found(self, content: Content, asked: Any) -> dict[str, Any]:
        return show(content, asked)

    def read_edit(self, draft: Content, posted: Any) -> dict[str, Json]:
        return forms.read_edit(draft, posted)

    def fill_form(self, content: Content, posted: Any = None) -> dict[str, Any]:
        return forms.fill_form(content, posted)


def _run_test(lookup: Lookup, test: Mapping[str, Json]) -> TestResult:
    """Return whether the list finds what the test says, by the entries that count today."""
    hits = lookup.find(test["text"], timezone.now().date())
    passed = bool(hits) == test["found"]
    got = f"Found, as {hits[0].rule.rsplit('.', 1)[1]}." if hits else "Not found."
    label = "The text is found" if test["found"] else "The text is not found"
    check = Check("list", passed, test["text"], "" if passed else got, label=label)
    state = "passed" if passed else "failed"
    return TestResult(test["name"], state, answer=bool(hits), checks=(check,))


LIST = ListKind()
